/** The mixed floor: devices on uWebSockets.js, PUTs on node:http, a Map between them and nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenForDevices } from './floor-devices.ts';

const PUT_PATH = '/update/';
const BODY_START = 'version=';

let endpointUrl = '';
const devices = listenForDevices(() => endpointUrl);

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const token = request.url?.slice(PUT_PATH.length) ?? '';
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const status = devices.notify(token, body.slice(BODY_START.length)) ? 200 : 404;
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': 2 });
    response.end('{}');
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  endpointUrl = `http://127.0.0.1:${port}${PUT_PATH}`;
  console.log(`reveille ready ws=${devices.url} endpoint=${endpointUrl} admin=-`);
});
