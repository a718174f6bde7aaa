/** Made up by chance, the same for the same seed: nothing of it may do more than end its own connection. */
import fc from 'fast-check';
import { frameBytes } from '../../wire/frames.ts';
import { requestText } from '../../wire/http.ts';
import { raw, requests, talks } from '../build.ts';
import type { Case, Group } from '../case.ts';
import { ENDS } from './acceptable.ts';

const CASES_OF_EACH = 25;
const WHY = 'what nobody thought of must not hurt anybody either';
const ANYTHING = [...ENDS, '*served', '*fence *', '*silent', '*endless'];

/** Not by chance, for the seed decides all. */
const MASK = Buffer.of(1, 2, 3, 4);

const TYPES = ['hello', 'register', 'unregister', 'ack', 'ping', 'purge', 'notification', 'x'];
const MEMBERS = ['messageType', 'uaid', 'channelIDs', 'channelID', 'updates', 'expired', 'connect'];

/** `seed` decides all of it. */
export function fuzzOf(seed: number): Group {
  const sample = <T>(arbitrary: fc.Arbitrary<T>): readonly T[] =>
    fc.sample(arbitrary, { seed, numRuns: CASES_OF_EACH });
  const cases: Case[] = [];
  const talk = (name: string, state: 'fresh' | 'ready', said: readonly (Buffer | string)[]) => {
    const rows = said.map(
      (one, at) => [`${name}-${at}`, Buffer.isBuffer(one) ? raw(one) : one] as const,
    );
    cases.push(...talks({ state, fence: 'register', accept: ANYTHING, why: WHY }, rows));
  };
  talk('json', 'fresh', sample(fc.json()));
  talk(
    'message',
    'ready',
    sample(messages).map((message) => JSON.stringify(message)),
  );
  talk('changed-message', 'ready', sample(changedMessages));
  talk(
    'bytes',
    'ready',
    sample(fc.uint8Array({ maxLength: 300 })).map((bytes) => Buffer.from(bytes)),
  );
  talk(
    'frames',
    'ready',
    sample(frames).map((parts) => Buffer.concat(parts)),
  );
  const to = (listener: 'endpoint' | 'socket', accept: readonly string[]) => {
    const rows = sample(requestChanges).map(
      (change, at) =>
        [`request-${listener}-${at}`, (url: URL) => changedRequest(url, change)] as const,
    );
    cases.push(...requests({ to: listener, accept, why: WHY }, rows));
  };
  // A change may make another proper PUT, of any version.
  to('endpoint', ['*, got *', 'silent, got nothing']);
  to('socket', ['???', '???, ???*', 'ended', 'silent', 'no HTTP']);
  return { name: 'fuzz', about: 'made up by chance from the seed', cases };
}

const messages = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.dictionary(fc.constantFrom(...MEMBERS.slice(1)), fc.jsonValue({ maxDepth: 3 })),
  )
  .map(([messageType, members]) => ({ messageType, ...members }));

/** A good message with some characters replaced. */
const changedMessages = fc
  .tuple(
    messages,
    fc.array(fc.tuple(fc.nat(200), fc.string({ unit: 'binary', maxLength: 2 })), { maxLength: 4 }),
  )
  .map(([message, changes]) =>
    changes.reduce(
      (text, [at, replacement]) => text.slice(0, at) + replacement + text.slice(at + 1),
      JSON.stringify(message),
    ),
  );

const frames = fc.array(
  fc
    .record({
      opcode: fc.nat(15),
      isFinal: fc.boolean(),
      isMasked: fc.boolean(),
      reserved: fc.constantFrom(0, 0, 0, 1, 4),
      payload: fc.string({ maxLength: 130 }),
    })
    .map(({ payload, ...options }) => frameBytes(payload, { ...options, mask: MASK })),
  { minLength: 1, maxLength: 6 },
);

interface RequestChange {
  readonly at: number;
  readonly cut: number;
  readonly bytes: Uint8Array;
}

const requestChanges: fc.Arbitrary<RequestChange> = fc.record({
  // As a part of the whole, for nobody knows how long the endpoint is.
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(8),
  bytes: fc.uint8Array({ maxLength: 8 }),
});

/** A proper PUT with some bytes replaced by others. */
function changedRequest(url: URL, { at, cut, bytes }: RequestChange): Buffer {
  const whole = Buffer.from(requestText(url, { body: 'version=1' }), 'latin1');
  const start = Math.floor(at * whole.length);
  return Buffer.concat([whole.subarray(0, start), bytes, whole.subarray(start + cut)]);
}
