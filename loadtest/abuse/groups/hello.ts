/** Hellos with ids, lists and kick targets of every kind. */
import { randomUUID } from 'node:crypto';
import { json, talks } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_MESSAGE, BAD_MESSAGE_STRICT, ENDS } from './acceptable.ts';

const HEX = randomUUID().replaceAll('-', '');

function hello(members: object): string {
  return json({ messageType: 'hello', channelIDs: [], ...members });
}

const NEW_IDS: readonly (readonly [string, unknown])[] = [
  ['empty', ''],
  ['null', null],
  ['word', 'invalid'],
  ['digit', '0'],
  ['negative', '-66000'],
  ['true', 'True'],
  ['quoted', '"foo bar"'],
  ['31-digits', HEX.slice(1)],
  ['33-digits', `${HEX}0`],
  ['64-digits', HEX + HEX],
  ['g', `g${HEX.slice(1)}`],
  ['braces', `{${randomUUID()}}`],
  ['urn', `urn:uuid:${randomUUID()}`],
  ['dashes-elsewhere', `${HEX.slice(0, 4)}-${HEX.slice(4)}`],
  ['blank-before', ` ${HEX}`],
  ['newline-after', `${HEX}\n`],
  ['nul-after', `${HEX}\0`],
  ['64000-characters', 'a'.repeat(64_000)],
  ['full-width-digits', '\uff10'.repeat(32)],
  ['emoji', '\u{1f514}'.repeat(8)],
  ['path', '../../etc/passwd'],
  ['memcached-command', `${HEX}\r\nflush_all\r\n`],
  ['sql', "' OR 1=1 --"],
  ['proto', '__proto__'],
  ['lone-surrogate', '\ud800'],
];

const newIds = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...ENDS, 'hello *', 'served'],
    strict: ['hello new, served'],
    why: 'what is no id makes a new device: a refusal here makes clients loop for ever',
  },
  NEW_IDS.map(
    ([name, uaid]) => [`uaid-${name}`, hello({ uaid }), { askedUaid: `${uaid}` }] as const,
  ),
);

const UUID = randomUUID();
const keptIds = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...ENDS, 'hello *, served'],
    strict: ['hello same, served'],
    why: 'any UUID is an id, however it is written; without channels it is taken as it is',
  },
  [
    ['uaid-dashed', hello({ uaid: UUID }), { askedUaid: UUID }],
    ['uaid-upper-case', hello({ uaid: HEX.toUpperCase() }), { askedUaid: HEX.toUpperCase() }],
    ['uaid-all-zero', hello({ uaid: '0'.repeat(32) }), { askedUaid: '0'.repeat(32) }],
    ['uaid-all-f', hello({ uaid: 'f'.repeat(32) }), { askedUaid: 'f'.repeat(32) }],
  ],
);

const badIds = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...BAD_MESSAGE, 'hello new, served'],
    strict: BAD_MESSAGE_STRICT,
    why: 'an id is a text or nothing',
  },
  (
    [
      ['number', 1],
      ['zero', 0],
      ['true', true],
      ['false', false],
      ['array', [HEX]],
      ['object', { toString: HEX }],
      ['huge-number', 1e308],
    ] as const
  ).map(([name, uaid]) => [`uaid-type-${name}`, hello({ uaid })] as const),
);

const badLists = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...BAD_MESSAGE, 'hello new, served'],
    strict: BAD_MESSAGE_STRICT,
    why: 'channelIDs is a list; some servers do without it',
  },
  [
    ['channels-missing', '{"messageType":"hello","uaid":""}'],
    ['channels-null', hello({ channelIDs: null })],
    ['channels-string', hello({ channelIDs: HEX })],
    ['channels-number', hello({ channelIDs: 0 })],
    ['channels-object', hello({ channelIDs: { length: 1, 0: HEX } })],
    ['channels-true', hello({ channelIDs: true })],
  ],
);

const oddLists = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...ENDS, '*hello *served', '*served', 'error *'],
    strict: ['hello new, served'],
    why: 'elements that are no ids are passed over, and a list of any length costs bounded work',
  },
  [
    ['channels-of-every-type', hello({ channelIDs: [null, 1, true, '', 'x', [], {}, [[]]] })],
    ['channels-nested', hello({ channelIDs: nested(500) })],
    ['channels-same-500', hello({ channelIDs: Array(500).fill(HEX) })],
    ['channels-501', hello({ channelIDs: ids(501) })],
    ['channels-3000', hello({ channelIDs: ids(3_000) })],
    ['channels-junk-20000', hello({ channelIDs: Array(20_000).fill(0) })],
    ['channels-one-long', hello({ channelIDs: ['x'.repeat(100_000)] })],
    ['unknown-uaid-with-channels', hello({ uaid: randomUUID(), channelIDs: ids(1) })],
    [
      'members-unknown',
      hello({ status: 500, error: 'x', redirect: 'ws://nobody.example/', x: {} }),
    ],
    ['web-push', hello({ use_webpush: true, broadcasts: { a: '"1"' } })],
  ],
);

const targets = talks(
  {
    state: 'fresh',
    fence: 'register',
    accept: [...ENDS, 'hello *served', 'error *'],
    strict: ['hello new, served'],
    why: 'an address for kicks that cannot be used does not fail the hello',
  },
  [
    ['connect-string', hello({ connect: 'fcm' })],
    ['connect-array', hello({ connect: [] })],
    ['connect-number', hello({ connect: 1 })],
    ['connect-null', hello({ connect: null })],
    ['connect-empty', hello({ connect: {} })],
    ['connect-unknown-type', hello({ connect: { type: '__proto__', token: 'x' } })],
    ['connect-token-object', hello({ connect: { type: 'fcm', token: {} } })],
    ['connect-token-of-50000', hello({ connect: { type: 'fcm', token: 'x'.repeat(50_000) } })],
    ['connect-token-newline', hello({ connect: { type: 'apns', token: 'ab\r\ncd' } })],
    ['connect-topic-path', hello({ connect: { type: 'apns', token: 'abcd', topic: '../x' } })],
    ['connect-deep', hello({ connect: { type: 'fcm', token: nested(500) } })],
    ['wakeup-port-0', hello({ wakeup_hostport: { ip: '10.0.0.1', port: 0 } })],
    ['wakeup-port-99999', hello({ wakeup_hostport: { ip: '10.0.0.1', port: 99_999 } })],
    ['wakeup-host-name', hello({ wakeup_hostport: { ip: 'localhost', port: 80 } })],
    ['wakeup-string', hello({ wakeup_hostport: '10.0.0.1:80' })],
    [
      'mobilenetwork-array',
      hello({ wakeup_hostport: { ip: '10.0.0.1', port: 80 }, mobilenetwork: [] }),
    ],
  ],
);

export const HELLO: Group = {
  name: 'hello',
  about: 'hellos with ids, lists and kick targets of every kind',
  cases: [...newIds, ...keptIds, ...badIds, ...badLists, ...oddLists, ...targets],
};

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** So many lists within each other. */
function nested(depth: number): unknown {
  let value: unknown[] = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}
