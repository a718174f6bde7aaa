/** The floor: devices and PUTs both on uWebSockets.js, a Map between them and nothing else. */
import { App } from 'uWebSockets.js';
import { listenForDevices, listenOnFreePort } from './floor-devices.ts';

const PUT_PATH = '/update/';
const BODY_START = 'version=';

let endpointUrl = '';
const devices = listenForDevices(() => endpointUrl);

const app = App().put(`${PUT_PATH}*`, (response, request) => {
  const token = request.getUrl().slice(PUT_PATH.length);
  let body = '';
  // uWebSockets.js ends the process when a response has no such handler.
  response.onAborted(() => undefined);
  response.onData((chunk, isLast) => {
    body += Buffer.from(chunk).toString('latin1');
    if (!isLast) return;
    if (!devices.notify(token, body.slice(BODY_START.length))) response.writeStatus('404');
    response.end('{}');
  });
});
endpointUrl = `http://127.0.0.1:${listenOnFreePort(app)}${PUT_PATH}`;
console.log(`reveille ready ws=${devices.url} endpoint=${endpointUrl} admin=-`);
