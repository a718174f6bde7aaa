/** The fakes of the providers, in a thread of their own: what they do must not delay the clock that PUTs are measured by. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert, unreachable } from '../../src/assert.ts';
import { openKickFakes } from '../../test/e2e/kick-world.ts';
import type { FromFakes, ToFakes } from './fakes.ts';

const port = parentPort;
assert(port !== null, 'this file runs as a worker');
const { folder } = workerData as { readonly folder: string };
let apnsWakes: [string, number][] = [];
let fcmWakes: [string, number][] = [];
const fakes = await openKickFakes(folder, {
  fcm: { onWake: ({ token, atMs }) => fcmWakes.push([token, atMs]) },
});
fakes.apns.answerEach(({ deviceToken }) => {
  apnsWakes.push([deviceToken, Date.now()]);
  return { kind: 'taken' };
});
const say = (message: FromFakes) => port.postMessage(message);
port.on('message', (message: ToFakes) => {
  switch (message) {
    case 'hang':
      fakes.fcm.hang();
      break;
    case 'resume':
      fakes.fcm.resume();
      break;
    case 'take':
      say({ type: 'wakes', apns: apnsWakes, fcm: fcmWakes });
      apnsWakes = [];
      fcmWakes = [];
      break;
    default:
      unreachable(message);
  }
});
say({ type: 'ready', settings: fakes.settings });
