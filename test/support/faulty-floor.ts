/**
 * The mixed floor with a fault in every hundredth PUT, to see that the load client finds it. The fault is the first argument:
 * dropped, doubled, delayed (it comes after the channel's next), altered (a version nobody PUT), refused (answered 503, sent
 * nevertheless), or silent (never answered, as of the hundredth).
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenForDevices } from '../../loadtest/floor-devices.ts';

export const FAULT_INTERVAL = 100;

const fault = process.argv[2];
const delayed = new Map<string, string>();
let endpointUrl = '';
let puts = 0;
const devices = listenForDevices(() => endpointUrl);

function notifyFaulty(token: string, version: string): void {
  if (fault === 'dropped') return;
  if (fault === 'delayed') delayed.set(token, version);
  else devices.notify(token, fault === 'altered' ? `${Number(version) + 1_000_000}` : version);
  if (fault === 'doubled') devices.notify(token, version);
}

function onPut(token: string, version: string, response: ServerResponse): void {
  puts++;
  if (fault === 'silent' && puts >= FAULT_INTERVAL) return;
  const isFaulty = fault !== undefined && puts % FAULT_INTERVAL === 0;
  if (isFaulty) notifyFaulty(token, version);
  else devices.notify(token, version);
  const late = isFaulty ? undefined : delayed.get(token);
  if (late !== undefined) {
    delayed.delete(token);
    devices.notify(token, late);
  }
  response.statusCode = isFaulty && fault === 'refused' ? 503 : 200;
  // Without a length the answer is chunked, which the client must understand as well.
  response.write('{');
  response.end('}');
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () =>
    onPut(`${request.url}`.slice(1), body.slice('version='.length), response),
  );
});
server.listen(0, '127.0.0.1', () => {
  endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  console.log(`reveille ready ws=${devices.url} endpoint=${endpointUrl} admin=-`);
});
