/** Acks of every kind, on a channel with version 5 pending, and what is kept after each. */
import { randomUUID } from 'node:crypto';
import { json, type Say, talks } from '../build.ts';
import type { Group } from '../case.ts';
import { ENDS } from './acceptable.ts';

const PENDING = 5;

/** An ack of the pending channel with this version, as it stands in JSON. */
function ackOf(version: string): Say {
  return ({ channelID }) =>
    `{"messageType":"ack","updates":[{"channelID":"${channelID}","version":${version}}]}`;
}

const bad = talks(
  {
    state: 'subscribed',
    pendingVersion: PENDING,
    accept: [
      ...ENDS,
      '*served, keeps *',
      '*closed *, keeps *',
      '*ended, keeps *',
      '*silent, keeps *',
    ],
    strict: ['error 401, closed 1008, keeps 5'],
    why: 'an ack that breaks a rule does nothing at all (servers that do not compare versions take some for good)',
  },
  [
    ['version-text', ackOf('"5"')],
    ['version-negative', ackOf('-1')],
    ['version-fraction', ackOf('5.5')],
    ['version-2-53', ackOf('9007199254740992')],
    ['version-2-64', ackOf('18446744073709551616')],
    ['version-huge', ackOf('1e308')],
    ['version-beyond-double', ackOf('1e400')],
    ['version-true', ackOf('true')],
    ['version-array', ackOf('[5]')],
    ['version-object', ackOf('{"valueOf":5}')],
    ['no-lists', json({ messageType: 'ack' })],
    ['empty-lists', json({ messageType: 'ack', updates: [], expired: [] })],
    ['null-lists', json({ messageType: 'ack', updates: null, expired: null })],
    ['updates-object', json({ messageType: 'ack', updates: {} })],
    ['updates-text', json({ messageType: 'ack', updates: 'all' })],
    ['updates-number', json({ messageType: 'ack', updates: 1 })],
    ['element-null', json({ messageType: 'ack', updates: [null] })],
    ['element-text', json({ messageType: 'ack', updates: ['x'] })],
    ['element-array', json({ messageType: 'ack', updates: [[]] })],
    ['element-empty', json({ messageType: 'ack', updates: [{}] })],
    ['channel-number', json({ messageType: 'ack', updates: [{ channelID: 1, version: 5 }] })],
    ['channel-no-id', json({ messageType: 'ack', updates: [{ channelID: 'x', version: 5 }] })],
    ['expired-object', json({ messageType: 'ack', expired: {} })],
    ['expired-no-id', json({ messageType: 'ack', expired: ['x'] })],
    ['expired-number', json({ messageType: 'ack', expired: [1] })],
    [
      'good-before-bad',
      ({ channelID }) =>
        json({ messageType: 'ack', updates: [{ channelID, version: 5 }, { channelID: 'x' }] }),
    ],
    [
      'good-after-bad',
      ({ channelID }) => json({ messageType: 'ack', updates: [null, { channelID, version: 5 }] }),
    ],
  ],
);

const keeping = talks(
  {
    state: 'subscribed',
    pendingVersion: PENDING,
    accept: ['*, keeps *'],
    strict: ['served, keeps 5', 'notification, served, keeps 5'],
    why: 'an ack removes this version and older ones, of this channel alone (most servers do not compare)',
  },
  [
    ['older-version', ackOf('4')],
    ['version-zero', ackOf('0')],
    ['version-minus-zero', ackOf('-0')],
    [
      'other-channel',
      json({ messageType: 'ack', updates: [{ channelID: randomUUID(), version: 5 }] }),
    ],
    ['expired-alone', ({ channelID }) => json({ messageType: 'ack', expired: [channelID] })],
    [
      'channels-1000',
      json({
        messageType: 'ack',
        updates: Array.from({ length: 1_000 }, () => ({ channelID: randomUUID(), version: 5 })),
      }),
    ],
  ],
);

const taking = talks(
  {
    state: 'subscribed',
    pendingVersion: PENDING,
    accept: ['*, keeps *'],
    strict: ['served, keeps nothing'],
    why: 'an ack of the pending version or a newer one removes it',
  },
  [
    ['same-version', ackOf('5')],
    ['newer-version', ackOf('6')],
    ['largest-version', ackOf('9007199254740991')],
    ['version-with-exponent', ackOf('5e0')],
    ['version-with-point', ackOf('5.0')],
    ['version-absent', ({ channelID }) => json({ messageType: 'ack', updates: [{ channelID }] })],
    ['version-null', ackOf('null')],
    [
      'channel-otherwise-written',
      ({ channelID }) =>
        json({
          messageType: 'ack',
          updates: [{ channelID: channelID.replaceAll('-', '').toUpperCase(), version: 5 }],
        }),
    ],
    [
      'twice-in-one',
      ({ channelID }) =>
        json({
          messageType: 'ack',
          updates: [
            { channelID, version: 5 },
            { channelID, version: 5 },
          ],
        }),
    ],
    [
      'code-of-firefox',
      ({ channelID }) =>
        json({ messageType: 'ack', updates: [{ channelID, version: 5, code: 100 }] }),
    ],
    [
      'acks-20',
      ({ channelID }) =>
        Array<string>(20).fill(json({ messageType: 'ack', updates: [{ channelID, version: 5 }] })),
    ],
  ],
);

export const ACKS: Group = {
  name: 'acks',
  about: 'acks of every kind, and what is still pending after each',
  cases: [...bad, ...keeping, ...taking],
};
