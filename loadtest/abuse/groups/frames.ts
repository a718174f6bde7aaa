/** Frames that break RFC 6455, and odd ones that do not. */
import { closePayload, type FrameOptions, frameBytes, OPCODES } from '../../wire/frames.ts';
import { frame, raw, talks } from '../build.ts';
import type { Group, Piece } from '../case.ts';
import { BREACH, ENDS, TOO_LARGE } from './acceptable.ts';
import { CLOSES } from './closes.ts';

const PING = '{"messageType":"ping"}';
const MORE: FrameOptions = { opcode: OPCODES.continuation };
const NOT_LAST = { isFinal: false };

const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
const RESERVED_BITS = [1, 2, 3, 4, 5, 6, 7];

const heads = talks(
  {
    state: 'ready',
    accept: [...ENDS, '*served', 'silent'],
    strict: BREACH,
    why: 'bits and opcodes that nobody agreed on end the connection (RFC 6455, 5.2)',
  },
  [
    ...RESERVED_BITS.map(
      (reserved) =>
        [`reserved-bits-${reserved}`, frame('{}', { reserved }, `reserved ${reserved}`)] as const,
    ),
    ...RESERVED_OPCODES.map(
      (opcode) => [`opcode-${opcode}`, frame('{}', { opcode }, `opcode ${opcode}`)] as const,
    ),
    [
      'unmasked',
      frame('{}', { isMasked: false }, 'unmasked'),
      { strict: [...BREACH, 'closed 1003', 'silent'] },
    ],
  ],
);

const control = talks(
  {
    state: 'ready',
    accept: [...ENDS, '*served'],
    strict: BREACH,
    why: 'control frames are whole and have at most 125 bytes (RFC 6455, 5.5)',
  },
  [
    ['ping-of-126', frame('x'.repeat(126), { opcode: OPCODES.ping }, 'PING')],
    ['pong-of-126', frame('x'.repeat(126), { opcode: OPCODES.pong }, 'PONG')],
    ['ping-of-70000', frame('x'.repeat(70_000), { opcode: OPCODES.ping }, 'PING')],
    [
      'close-of-126',
      frame(closePayload(1000, 'x'.repeat(124)), { opcode: OPCODES.close }, 'CLOSE'),
    ],
    ['half-ping', frame('x', { opcode: OPCODES.ping, ...NOT_LAST }, 'first part of a PING')],
    ['half-pong', frame('x', { opcode: OPCODES.pong, ...NOT_LAST }, 'first part of a PONG')],
    [
      'half-close',
      frame(closePayload(1000), { opcode: OPCODES.close, ...NOT_LAST }, 'part of CLOSE'),
    ],
    ['ping-length-64-bit', frame('x', { opcode: OPCODES.ping, lengthBytes: 8 }, 'PING')],
  ],
);

const fragments = talks(
  {
    state: 'ready',
    accept: [...ENDS, '*served', '*silent'],
    strict: BREACH,
    why: 'a continuation continues something, and a new message waits for the end of the last (RFC 6455, 5.4)',
  },
  [
    ['continuation-of-nothing', frame('{}', MORE, 'continuation')],
    ['open-continuation-of-nothing', frame('{', { ...MORE, ...NOT_LAST }, 'continuation')],
    ['message-in-message', [frame('{', NOT_LAST, 'first part'), frame('{}', {}, 'text')]],
    [
      'binary-in-message',
      [frame('{', NOT_LAST, 'first part'), frame('{}', { opcode: OPCODES.binary }, 'binary')],
      // uWebSockets.js takes it for a continuation, which makes no JSON.
      { strict: [...BREACH, 'closed 1003'] },
    ],
    [
      'continuation-after-end',
      [PING, frame('}', MORE, 'continuation')],
      { strict: ['pong, closed 1002', 'pong, ended', ...BREACH] },
    ],
  ],
);

const whole = talks(
  {
    state: 'ready',
    accept: [...ENDS, 'pong, served', '*pong*served', 'served'],
    strict: ['pong, served'],
    why: 'a message is a message in whatever frames it comes',
  },
  [
    ['binary', frame(PING, { opcode: OPCODES.binary }, 'binary')],
    ['two-fragments', parts(PING, 10)],
    ['fragments-of-one-byte', parts(PING, 1)],
    ['empty-fragments', [...emptyFirst(200), frame(PING, MORE, 'last')]],
    ['length-16-bit-for-22', frame(PING, { lengthBytes: 2 }, 'long form')],
    ['length-64-bit-for-22', frame(PING, { lengthBytes: 8 }, 'longest form')],
    ['byte-by-byte', bytesOf(frameBytes(PING))],
    [
      'ping-between-fragments',
      [
        frame(PING.slice(0, 5), NOT_LAST, 'first part'),
        frame('between', { opcode: OPCODES.ping }, 'PING'),
        frame(PING.slice(5), MORE, 'last part'),
      ],
      { strict: ['PONG, pong, served', 'pong, PONG, served'] },
    ],
    ['pong-unasked', [frame('nobody asked', { opcode: OPCODES.pong }, 'PONG'), PING]],
  ],
);

const pings = talks(
  {
    state: 'ready',
    accept: [...ENDS, 'PONG*served', 'served'],
    strict: ['PONG, served', 'served, PONG'],
    why: "WebSocket's own PING is answered with PONG, at any rate",
  },
  [
    ['ping-empty', frame('', { opcode: OPCODES.ping }, 'PING')],
    ['ping-of-125', frame('x'.repeat(125), { opcode: OPCODES.ping }, 'PING')],
    ['ping-not-utf-8', frame(Buffer.of(0xff, 0xfe), { opcode: OPCODES.ping }, 'PING')],
    [
      'pings-5',
      Array.from({ length: 5 }, (_, at) => frame(`${at}`, { opcode: OPCODES.ping }, 'PING')),
      { strict: ['PONG*served'] },
    ],
  ],
);

const lengths = talks(
  {
    state: 'ready',
    accept: [...ENDS, 'silent'],
    strict: [...TOO_LARGE, 'silent'],
    why: 'a length that promises more than comes costs the server no memory; it waits for the rest, or refuses at once',
  },
  [
    ['length-2-63', claims(2n ** 63n)],
    ['length-2-64', claims(2n ** 64n - 1n)],
    ['length-2-53', claims(2n ** 53n)],
    ['length-2-32', claims(2n ** 32n)],
    ['length-2-31', claims(2n ** 31n)],
    ['length-1-gib', claims(2n ** 30n)],
    ['length-64-kib', frame('{}', { claimedLength: 65_535n, lengthBytes: 2 }, 'claims 65535')],
    ['length-one-more', frame(PING, { claimedLength: 300n }, 'claims 300')],
    [
      'fragment-of-2-32',
      [frame('{', NOT_LAST, 'part'), { ...claims(2n ** 32n) }],
      { strict: [...TOO_LARGE, 'silent'] },
    ],
  ],
);

const shortLength = talks(
  {
    state: 'ready',
    accept: [...ENDS, '*served', '*silent'],
    why: 'bytes beyond the length are read as the next frame, whatever that makes of them',
  },
  [
    ['length-too-short', frame(PING, { claimedLength: 4n }, 'claims 4')],
    ['length-zero', frame(PING, { claimedLength: 0n }, 'claims 0')],
    ['garbage', raw(Buffer.from(Array.from({ length: 256 }, (_, at) => at)))],
    ['http-request', raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['zeros', raw(Buffer.alloc(64))],
    ['ones', raw(Buffer.alloc(64, 0xff))],
  ],
);

const NOT_UTF_8: readonly (readonly [string, string])[] = [
  ['lone-continuation', '80'],
  ['two-lone-continuations', '8080'],
  ['overlong-slash', 'c0af'],
  ['overlong-nul', 'c080'],
  ['overlong-3-bytes', 'e080af'],
  ['surrogate', 'eda080'],
  ['surrogate-pair', 'eda080edb080'],
  ['beyond-unicode', 'f4908080'],
  ['five-bytes', 'f888808080'],
  ['fe', 'fe'],
  ['ff', 'ff'],
  ['cut-2-bytes', 'c3'],
  ['cut-3-bytes', 'e282'],
  ['cut-4-bytes', 'f09f92'],
];

const encoding = talks(
  {
    state: 'ready',
    accept: [...ENDS, '*served'],
    strict: [...BREACH, 'closed 1003', 'error 401, closed 1008'],
    why: 'a text is UTF-8, or the connection ends (RFC 6455, 8.1)',
  },
  NOT_UTF_8.map(([name, hex]) => {
    const payload = Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from(hex, 'hex'),
      Buffer.from('"}'),
    ]);
    return [`utf-8-${name}`, frame(payload, {}, `text with ${hex}`)] as const;
  }),
);

export const FRAMES: Group = {
  name: 'frames',
  about: 'frames that break RFC 6455, and odd ones that do not',
  cases: [
    ...[heads, control, fragments, whole, pings, lengths, shortLength, encoding, CLOSES].flat(),
  ],
};

/** A frame that says of itself that it is this long, and is two bytes long. */
function claims(length: bigint): Piece {
  return frame('{}', { claimedLength: length, lengthBytes: 8 }, `claims ${length}`);
}

/** A text in fragments of so many bytes. */
function parts(text: string, size: number): readonly Piece[] {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, at) => {
    const opcode = at === 0 ? OPCODES.text : OPCODES.continuation;
    const options = { opcode, isFinal: at === count - 1 };
    return frame(text.slice(at * size, (at + 1) * size), options, 'part');
  });
}

function emptyFirst(count: number): readonly Piece[] {
  return [
    frame('', NOT_LAST, 'first part'),
    ...Array.from({ length: count }, () => frame('', { ...MORE, ...NOT_LAST }, 'part')),
  ];
}

function bytesOf(bytes: Buffer): readonly Piece[] {
  return Array.from(bytes, (byte) => raw(Buffer.of(byte)));
}
