/** Messages that come when they should not. */
import { randomUUID } from 'node:crypto';
import { json, talks } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_MESSAGE, BAD_MESSAGE_STRICT, ENDS } from './acceptable.ts';

const HELLO = json({ messageType: 'hello', uaid: '', channelIDs: [] });
const REGISTER = json({ messageType: 'register', channelID: randomUUID() });
const UNREGISTER = json({ messageType: 'unregister', channelID: randomUUID() });
const ACK = json({ messageType: 'ack', updates: [{ channelID: randomUUID(), version: 1 }] });

const beforeHello = talks(
  {
    state: 'fresh',
    accept: BAD_MESSAGE,
    strict: BAD_MESSAGE_STRICT,
    why: 'hello is the first message',
  },
  [
    ['register-before-hello', REGISTER],
    ['unregister-before-hello', UNREGISTER],
    ['ack-before-hello', ACK],
    [
      'register-with-uaid',
      json({ messageType: 'register', uaid: randomUUID(), channelID: randomUUID() }),
    ],
    ['bad-register-before-hello', json({ messageType: 'register', channelID: 1 })],
    ['empty-ack-before-hello', json({ messageType: 'ack' })],
  ],
);

const early = talks(
  {
    state: 'fresh',
    accept: [...ENDS, '*served', 'pong*', 'error *'],
    strict: ['pong, served', 'served'],
    why: 'pings may come before hello, and purge does nothing',
  },
  [
    ['ping-before-hello', '{}', { strict: ['pong, served'] }],
    ['purge-before-hello', json({ messageType: 'purge' }), { strict: ['served'] }],
  ],
);

const again = talks(
  {
    state: 'ready',
    accept: [...ENDS, 'hello *, served', 'served', 'error *, served', 'error *, silent'],
    why: 'a second hello may say what the first said, and nothing else',
  },
  [
    ['hello-twice', HELLO, { strict: ['hello same, served'] }],
    [
      'hello-ten-times',
      Array<string>(10).fill(HELLO),
      { accept: [...ENDS, '*served'], strict: ['hello same ×10, served'] },
    ],
    [
      'hello-twice-same-uaid',
      ({ uaid }) => json({ messageType: 'hello', uaid, channelIDs: [] }),
      { strict: ['hello same, served'] },
    ],
    [
      'hello-other-uaid',
      json({ messageType: 'hello', uaid: randomUUID(), channelIDs: [] }),
      { strict: ['error 503, closed 1008'] },
    ],
    ['hello-without-list', json({ messageType: 'hello' }), { strict: BAD_MESSAGE_STRICT }],
    [
      'hello-no-id',
      json({ messageType: 'hello', uaid: 'x', channelIDs: [] }),
      { strict: ['error 503, closed 1008', 'hello same, served'] },
    ],
    ['purge', json({ messageType: 'purge' }), { strict: ['served'] }],
    ['purge-20', Array<string>(20).fill(json({ messageType: 'purge' })), { strict: ['served'] }],
  ],
);

const together = talks(
  {
    state: 'fresh',
    accept: [...ENDS, '*served', 'error *', '*silent'],
    why: 'messages are worked off one at a time, in their order',
  },
  [
    [
      'hello-and-register-at-once',
      [HELLO, REGISTER],
      { fence: 'register', strict: ['hello new, register 200, served'] },
    ],
    ['two-hellos-at-once', [HELLO, HELLO], { fence: 'register', strict: ['hello new ×2, served'] }],
    [
      'register-then-hello',
      [REGISTER, HELLO],
      { fence: 'register', strict: ['error 401, closed 1008'] },
    ],
    [
      'pings-two-at-once',
      ['{}', '{}'],
      { strict: ['pong, error 401, closed 1008', 'pong, pong, served'] },
    ],
    [
      'pings-ten-of-both-forms',
      Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? '{}' : '{"messageType":"ping"}')),
      { strict: ['pong, error 401, closed 1008', '*pong, served'] },
    ],
  ],
);

export const ORDER: Group = {
  name: 'order',
  about: 'messages that come when they should not, or too often',
  cases: [...beforeHello, ...early, ...again, ...together],
};
