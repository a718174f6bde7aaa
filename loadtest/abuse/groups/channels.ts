/** Register and unregister with channel ids of every kind. */
import { randomUUID } from 'node:crypto';
import { json, talks } from '../build.ts';
import type { Case, Group } from '../case.ts';
import { BAD_MESSAGE, BAD_MESSAGE_STRICT, ENDS } from './acceptable.ts';

const HEX = randomUUID().replaceAll('-', '');

/** Texts that are no id. Telefonica and AeroGear take any text for one. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['word', 'channel'],
  ['31-digits', HEX.slice(1)],
  ['33-digits', `${HEX}0`],
  ['64-digits', HEX + HEX],
  ['g', `g${HEX.slice(1)}`],
  ['braces', `{${randomUUID()}}`],
  ['urn', `urn:uuid:${randomUUID()}`],
  ['dashes-elsewhere', `${HEX.slice(0, 16)}-${HEX.slice(16)}`],
  ['only-dashes', '-'.repeat(36)],
  ['blank-before', ` ${HEX}`],
  ['newline-after', `${HEX}\n`],
  ['nul-inside', `${HEX.slice(0, 16)}\0${HEX.slice(17)}`],
  ['full-width-digits', '\uff11'.repeat(32)],
  ['100000-characters', 'a'.repeat(100_000)],
  ['path', '../../../../etc/passwd'],
  ['memcached-command', 'x\r\nflush_all\r\n'],
  ['sql', "'; DROP TABLE channels; --"],
  ['proto', '__proto__'],
  ['template', '{{.Token}}'],
  ['lone-surrogate', '\udc00'],
];

const NO_TEXTS: readonly (readonly [string, unknown])[] = [
  ['missing', undefined],
  ['null', null],
  ['number', 1],
  ['negative', -1],
  ['huge-number', 1e308],
  ['true', true],
  ['false', false],
  ['array', []],
  ['array-of-id', [HEX]],
  ['object', {}],
  ['object-with-to-string', { toString: HEX, valueOf: HEX }],
  ['proto-object', JSON.parse('{"__proto__":{"a":1}}')],
];

const registers: readonly Case[] = [
  ...talks(
    {
      state: 'ready',
      accept: [...BAD_MESSAGE, 'register *, served'],
      strict: BAD_MESSAGE_STRICT,
      why: 'a channelID is a UUID',
    },
    [
      ...[...TEXTS, ...NO_TEXTS].map(
        ([name, channelID]) =>
          [`register-${name}`, json({ messageType: 'register', channelID })] as const,
      ),
      ['register-empty', json({ messageType: 'register', channelID: '' })],
      ['register-plural', json({ messageType: 'register', channelIDs: [randomUUID()] })],
      ['register-name-lower-case', json({ messageType: 'register', channelid: randomUUID() })],
    ],
  ),
  ...talks(
    {
      state: 'ready',
      accept: [...ENDS, 'register *served', 'error *'],
      strict: ['register 200, served'],
      why: 'any UUID is an id, in either form and any case',
    },
    [
      ['register-hex', json({ messageType: 'register', channelID: HEX })],
      ['register-upper-case', json({ messageType: 'REGISTER', channelID: HEX.toUpperCase() })],
      ['register-zeros', json({ messageType: 'register', channelID: '0'.repeat(32) })],
      [
        'register-members-unknown',
        json({
          messageType: 'register',
          channelID: randomUUID(),
          status: 500,
          pushEndpoint: 'http://nobody.example/',
        }),
      ],
    ],
  ),
  ...talks(
    {
      state: 'subscribed',
      pendingVersion: 5,
      accept: ['*register *served, keeps *', ...ENDS.map((end) => `${end}, keeps *`)],
      strict: ['register 200, served, keeps 5'],
      why: 'a channel may be registered again, which loses nothing (pushgo forgets what is pending, AeroGear says 409)',
    },
    [
      ['register-again', ({ channelID }) => json({ messageType: 'register', channelID })],
      [
        'register-again-otherwise-written',
        ({ channelID }) =>
          json({ messageType: 'register', channelID: channelID.replaceAll('-', '').toUpperCase() }),
      ],
    ],
  ),
  ...talks(
    {
      state: 'ready',
      accept: ['*served', ...ENDS],
      why: 'the channels of a device have a bound, or cost the server little',
    },
    [
      [
        'register-210',
        Array.from({ length: 210 }, () =>
          json({ messageType: 'register', channelID: randomUUID() }),
        ),
        {
          accept: ['*served', '*endless', '*closed *', '*ended'],
          strict: ['register 200 ×200, error 429 ×10, fence 429'],
        },
      ],
    ],
  ),
];

const unregisters: readonly Case[] = [
  ...talks(
    {
      state: 'ready',
      accept: [...BAD_MESSAGE, 'unregister *, served'],
      strict: ['unregister 200, served'],
      why: 'the end of what never was is no error',
    },
    [
      ...TEXTS.map(
        ([name, channelID]) =>
          [`unregister-${name}`, json({ messageType: 'unregister', channelID })] as const,
      ),
      ['unregister-unknown', json({ messageType: 'unregister', channelID: randomUUID() })],
      [
        'unregister-twice',
        Array<string>(2).fill(json({ messageType: 'unregister', channelID: HEX })),
        { accept: ['*served', ...ENDS], strict: ['unregister 200 ×2, served'] },
      ],
    ],
  ),
  ...talks(
    {
      state: 'ready',
      accept: [...BAD_MESSAGE, 'unregister *, served'],
      strict: BAD_MESSAGE_STRICT,
      why: 'a channelID is a text that is not empty',
    },
    [
      ...NO_TEXTS.map(
        ([name, channelID]) =>
          [`unregister-type-${name}`, json({ messageType: 'unregister', channelID })] as const,
      ),
      ['unregister-empty', json({ messageType: 'unregister', channelID: '' })],
    ],
  ),
  ...talks(
    {
      state: 'subscribed',
      pendingVersion: 5,
      accept: ['*, keeps *'],
      strict: ['unregister 200, served, keeps nothing'],
      why: 'after an unregister nothing of the channel comes; and nobody ends a channel of another',
    },
    [
      ['unregister-pending', ({ channelID }) => json({ messageType: 'unregister', channelID })],
      [
        'unregister-otherwise-written',
        ({ channelID }) =>
          json({
            messageType: 'unregister',
            channelID: channelID.replaceAll('-', '').toUpperCase(),
          }),
      ],
      [
        'unregister-with-other-uaid',
        ({ channelID }) => json({ messageType: 'unregister', uaid: randomUUID(), channelID }),
      ],
      [
        'unregister-another',
        json({ messageType: 'unregister', channelID: randomUUID() }),
        { accept: ['*, keeps 5'], strict: ['unregister 200, served, keeps 5'] },
      ],
    ],
  ),
];

export const CHANNELS: Group = {
  name: 'channels',
  about: 'register and unregister with channel ids of every kind',
  cases: [...registers, ...unregisters],
};
