/** Every way in which a provider is documented to fail, from the fakes' own tables, dealt out at a steady rate. */
import { constants } from 'node:http2';
import { type FakeApnsReason, STATUS_OF_REASON } from '../support/fake-apns/reasons.ts';
import type { FakeApnsAnswer } from '../support/fake-apns.ts';
import { FCM_ERRORS, type FcmErrorName } from '../support/fake-fcm/errors.ts';
import type { FakeFcmAnswer } from '../support/fake-fcm.ts';
import type { Random } from '../support/random.ts';

/**
 * What a failure leaves of its kick, as the providers' documents have it: `again` sooner or later; `ends` for this device, because its
 * target is dead or the wake-up will never be taken. `isTaken`: the device was woken all the same, and nobody could know.
 */
export interface Fault<Answer> {
  readonly name: string;
  readonly answer: Answer;
  readonly leaves: 'again' | 'ends';
  readonly isTaken: boolean;
}

/** Answers after which FCM is not to be asked again for this message. */
const FCM_ENDS: readonly FcmErrorName[] = [
  'UNREGISTERED',
  'INVALID_ARGUMENT',
  'SENDER_ID_MISMATCH',
  'THIRD_PARTY_AUTH_ERROR',
];
/** The least that is heeded, so that a test is over before the minute that Google asks for without it. */
const RETRY_AFTER_SECS = '1';

export const FCM_FAULTS: readonly Fault<FakeFcmAnswer>[] = [
  ...Object.keys(FCM_ERRORS)
    .filter((name): name is FcmErrorName => name in FCM_ERRORS)
    .map((name): Fault<FakeFcmAnswer> => {
      const answer = { kind: 'error', name, retryAfter: RETRY_AFTER_SECS } as const;
      return { name, answer, leaves: FCM_ENDS.includes(name) ? 'ends' : 'again', isTaken: false };
    }),
  ...(['hang', 'reset', 'drop'] as const).flatMap((kind) =>
    [false, true].map((isTaken): Fault<FakeFcmAnswer> => {
      const name = `${kind}${isTaken ? ', taken' : ''}`;
      return { name, answer: { kind, isTaken }, leaves: 'again', isTaken };
    }),
  ),
];

/** Left out: after it nobody is woken for ten minutes. The table test of answers has it. */
const APNS_TOO_LONG: FakeApnsReason = 'TooManyProviderTokenUpdates';
/** Errors of Apple's that are not about the one push: its statuses for a bad provider token, for haste, and for its own trouble. */
const APNS_AGAIN_STATUSES: readonly number[] = [403, 429, 500, 503];
/** Those of status 400 that are not about the one push either. */
const APNS_AGAIN_REASONS: readonly FakeApnsReason[] = [
  'BadTopic',
  'TopicDisallowed',
  'IdleTimeout',
];

export const APNS_FAULTS: readonly Fault<FakeApnsAnswer>[] = [
  ...Object.keys(STATUS_OF_REASON)
    .filter((reason): reason is FakeApnsReason => reason in STATUS_OF_REASON)
    .filter((reason) => reason !== APNS_TOO_LONG)
    .map((reason): Fault<FakeApnsAnswer> => {
      const isAgain =
        APNS_AGAIN_STATUSES.includes(STATUS_OF_REASON[reason]) ||
        APNS_AGAIN_REASONS.includes(reason);
      const leaves = isAgain ? 'again' : 'ends';
      return { name: reason, answer: { kind: 'error', reason }, leaves, isTaken: false };
    }),
  { name: 'a hang, taken', answer: { kind: 'none' }, leaves: 'again', isTaken: true },
  {
    name: 'a reset',
    answer: { kind: 'reset', code: constants.NGHTTP2_INTERNAL_ERROR },
    leaves: 'again',
    isTaken: false,
  },
  { name: 'a lost connection', answer: { kind: 'drop' }, leaves: 'again', isTaken: false },
  {
    name: 'half an answer',
    answer: { kind: 'half', status: 200, body: '{' },
    leaves: 'again',
    isTaken: false,
  },
];

/** Of this many calls FAULTS_OF_ROUND fail. */
const ROUND = 10;
const FAULTS_OF_ROUND = 3;

/**
 * Deals faults to calls: three of each ten, which of them by chance; and each fault once, in an order by chance, before any comes again.
 * So a known number of calls has met all of them.
 */
export class FaultDeck<Answer> {
  readonly #faults: readonly Fault<Answer>[];
  readonly #random: Random;
  #round: boolean[] = [];
  #deck: Fault<Answer>[] = [];
  readonly dealt = new Map<string, number>();

  constructor(faults: readonly Fault<Answer>[], random: Random) {
    this.#faults = faults;
    this.#random = random;
  }

  /** For the next call; undefined when it is to succeed. */
  next(): Fault<Answer> | undefined {
    if (this.#round.length === 0) {
      const round = Array.from({ length: ROUND }, (_, at) => at < FAULTS_OF_ROUND);
      this.#round = shuffled(round, this.#random);
    }
    if (this.#round.pop() !== true) return undefined;
    if (this.#deck.length === 0) this.#deck = shuffled(this.#faults, this.#random);
    const fault = this.#deck.pop();
    if (fault !== undefined) this.dealt.set(fault.name, (this.dealt.get(fault.name) ?? 0) + 1);
    return fault;
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.fraction() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
