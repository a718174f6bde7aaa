/**
 * The kick queue in Amazon SQS, for several machines: a standard queue for each provider. Who leases a message hides it; who dies over it
 * lets it come back. What SQS cannot do, and what is done instead, stands in docs/decisions/kick-queue.md.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import {
  type KickQueue,
  type LeasedKick,
  type QueueDepth,
  QueueUnavailableError,
  RETRY_DELAY_MS_MAX,
} from './queue.ts';
import { Batches } from './sqs/batches.ts';
import { DeadQueue } from './sqs/dead-queue.ts';
import { messageOf, parseMessage } from './sqs/message.ts';
import {
  BATCH_MAX,
  type IncomingMessage,
  type MemberFailure,
  type OutgoingMessage,
  SqsService,
  WAIT_SECONDS_MAX,
} from './sqs/service.ts';

export interface SqsOptions {
  readonly queueUrl: string;
  /** "" takes the target of the queue's redrive policy. */
  readonly deadQueueUrl: string;
  /** Rounded up to whole seconds. */
  readonly leaseMs: number;
  /** How long one call may take. */
  readonly timeoutMs: number;
  /** Enqueues that may wait for SQS at once; one more is refused. */
  readonly enqueuesInHandMax: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How long SQS is asked to look for dead letters; tests need not wait for it. */
  readonly lookWaitSeconds?: number;
}

/** Its answers are estimates anyway, and each costs money. */
const DEPTH_AGE_MS_MAX = 5000;
/** Messages of which is known how often they were put back untried; for one that is forgotten those times count as attempts. */
const SPARED_MAX = 10_000;
/** Receive calls at a time for one lease. */
const RECEIVES_MAX = 10;
/** Leases began when SQS answered, which is longer ago than the answer; what is asked so late might come after their end. */
const LEASE_MARGIN_MS_MAX = 2000;
/** SQS then asks all of its servers, and an empty answer means that there is nothing. */
const LOOK_WAIT_SECONDS = 1;
const LEASE_IS_OVER = /ReceiptHandleIsInvalid|InvalidParameterValue|MessageNotInflight/;

/** Asks nothing yet: a queue that cannot be reached says so when it is used. */
export function openSqsQueue(options: SqsOptions): KickQueue {
  return new SqsQueue(options);
}

interface Lease {
  readonly message: IncomingMessage;
  /** By monotonicMs. */
  readonly endsMs: number;
}

class SqsQueue implements KickQueue {
  readonly driver = 'sqs';
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #leaseMs: number;
  readonly #service: SqsService;
  readonly #dead: DeadQueue;
  readonly #sends: Batches<OutgoingMessage>;
  readonly #deletes: Batches<string>;
  readonly #hides: Batches<{ readonly handle: string; readonly seconds: number }>;
  readonly #leases = new WeakMap<LeasedKick, Lease>();
  readonly #spared = new Map<string, number>();
  readonly #closing = new AbortController();
  #depth: { readonly asOfMs: number; readonly depth: Promise<QueueDepth> } | undefined;
  #lastSentAtMs: number | undefined;
  #hasToldOfStrangers = false;

  constructor(options: SqsOptions) {
    const { queueUrl, deadQueueUrl, clock, log, leaseMs, enqueuesInHandMax } = options;
    this.#url = queueUrl;
    this.#clock = clock;
    this.#log = log;
    this.#leaseMs = Math.ceil(leaseMs / 1000) * 1000;
    const service = new SqsService(options);
    this.#service = service;
    this.#dead = new DeadQueue({
      service,
      queueUrl,
      deadQueueUrl,
      signal: this.#closing.signal,
      lookWaitSeconds: options.lookWaitSeconds ?? LOOK_WAIT_SECONDS,
    });
    const itemsMax = enqueuesInHandMax;
    this.#sends = new Batches({ itemsMax, call: (items) => service.send(queueUrl, items) });
    this.#deletes = new Batches({ itemsMax, call: (items) => service.delete(queueUrl, items) });
    this.#hides = new Batches({ itemsMax, call: (items) => service.hide(queueUrl, items) });
  }

  /** Never collapses: SQS shows nobody whether a message is still unleased. */
  enqueue: KickQueue['enqueue'] = async (kick) => {
    refuseFailure(await this.#sends.add(messageOf(kick)));
    return 'queued';
  };

  /** The wait is rounded up to whole seconds. Messages that come while it is aborted come back when the lease ends. */
  lease: KickQueue['lease'] = async ({ max, waitMs, signal }) => {
    const untilMs = this.#clock.monotonicMs() + waitMs;
    while (!signal.aborted && !this.#closing.signal.aborted) {
      const leftMs = Math.max(0, untilMs - this.#clock.monotonicMs());
      const waitSeconds = Math.min(Math.ceil(leftMs / 1000), WAIT_SECONDS_MAX);
      const kicks = await this.#receive(Math.min(max, BATCH_MAX), waitSeconds, signal);
      if (kicks.length === BATCH_MAX && max > BATCH_MAX) {
        return [...kicks, ...(await this.#receiveMore(max - BATCH_MAX, signal))];
      }
      if (kicks.length > 0 || this.#clock.monotonicMs() >= untilMs) return kicks;
    }
    return [];
  };

  done: KickQueue['done'] = async (kick) => {
    const message = this.#messageOf(kick);
    if (message === undefined) return;
    this.#spared.delete(message.messageId);
    refuseFailure(unlessOver(await this.#deletes.add(message.handle)));
  };

  retryLater: KickQueue['retryLater'] = async (kick, { delayMs, isAttempt }) => {
    const message = this.#messageOf(kick);
    if (message === undefined) return;
    if (!isAttempt) this.#spare(message.messageId);
    const seconds = Math.ceil(Math.min(Math.max(0, delayMs), RETRY_DELAY_MS_MAX) / 1000);
    refuseFailure(unlessOver(await this.#hides.add({ handle: message.handle, seconds })));
  };

  /** First sent to the queue of dead letters, then deleted: who dies in between leaves a kick in both. */
  bury: KickQueue['bury'] = async (kick, reason) => {
    const message = this.#messageOf(kick);
    if (message === undefined) return;
    const { attempts } = kick;
    await this.#dead.bury(kick, { attempts, reason, diedAtMs: this.#clock.nowMs() });
    await this.done(kick);
  };

  /**
   * What SQS estimates, up to five seconds old. Delayed kicks count as leased, since both are hidden. The oldest is the oldest of
   * those that this process was given last.
   */
  depth: KickQueue['depth'] = () => {
    const nowMs = this.#clock.monotonicMs();
    if (this.#depth === undefined || nowMs - this.#depth.asOfMs >= DEPTH_AGE_MS_MAX) {
      const depth = this.#askDepth();
      this.#depth = { asOfMs: nowMs, depth };
      depth.catch(() => {
        this.#depth = undefined;
      });
    }
    return this.#depth.depth;
  };

  listDead: KickQueue['listDead'] = (max) => this.#dead.list(max);

  retryDead: KickQueue['retryDead'] = (id) => this.#dead.retry(id);

  purgeDead: KickQueue['purgeDead'] = (id) => this.#dead.purge(id);

  check: KickQueue['check'] = async () => {
    await this.#service.attributes(this.#url);
  };

  close: KickQueue['close'] = async () => {
    this.#closing.abort();
    this.#service.close();
  };

  async #receiveMore(max: number, signal: AbortSignal): Promise<readonly LeasedKick[]> {
    const calls = Math.min(Math.ceil(max / BATCH_MAX), RECEIVES_MAX);
    const groups = Array.from({ length: calls }, (_, index) =>
      this.#receive(Math.min(max - index * BATCH_MAX, BATCH_MAX), 0, signal),
    );
    const settled = await Promise.allSettled(groups);
    // What was received is ours; what failed is told by the next lease.
    return settled.flatMap((group) => (group.status === 'fulfilled' ? group.value : []));
  }

  async #receive(
    max: number,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<readonly LeasedKick[]> {
    const messages = await this.#service.receive(this.#url, {
      max,
      waitSeconds,
      hiddenSeconds: this.#leaseMs / 1000,
      signal,
    });
    const marginMs = Math.min(LEASE_MARGIN_MS_MAX, this.#leaseMs / 2);
    const endsMs = this.#clock.monotonicMs() + this.#leaseMs - marginMs;
    if (messages.length > 0)
      this.#lastSentAtMs = Math.min(...messages.map((each) => each.sentAtMs));
    return messages
      .map((message) => this.#leasedKick(message, endsMs))
      .filter((kick) => kick !== undefined);
  }

  /** Undefined when it is not ours: it is left to the queue's redrive policy, and told of once. */
  #leasedKick(message: IncomingMessage, endsMs: number): LeasedKick | undefined {
    const kick = parseMessage(message);
    if (kick === undefined) {
      if (!this.#hasToldOfStrangers) this.#log.warn({ queue: this.#url }, 'queue.sqs.stranger');
      this.#hasToldOfStrangers = true;
      return undefined;
    }
    const spared = this.#spared.get(message.messageId) ?? 0;
    const attempts = Math.max(0, message.receiveCount - 1 - spared);
    const leased: LeasedKick = { ...kick, id: message.messageId, attempts };
    this.#leases.set(leased, { message, endsMs });
    return leased;
  }

  /** Undefined when the lease has ended, or is about to: its handle might still delete what another process works on. */
  #messageOf(kick: LeasedKick): IncomingMessage | undefined {
    const lease = this.#leases.get(kick);
    if (lease === undefined || this.#clock.monotonicMs() >= lease.endsMs) return undefined;
    return lease.message;
  }

  /** This time was no attempt. SQS counts it, and only we know better. */
  #spare(messageId: string): void {
    const times = (this.#spared.get(messageId) ?? 0) + 1;
    this.#spared.delete(messageId);
    this.#spared.set(messageId, times);
    if (this.#spared.size <= SPARED_MAX) return;
    for (const longest of this.#spared.keys()) {
      this.#spared.delete(longest);
      return;
    }
  }

  async #askDepth(): Promise<QueueDepth> {
    const deadUrl = await this.#dead.url();
    const [live, dead] = await Promise.all([
      this.#service.attributes(this.#url),
      deadUrl === undefined ? {} : this.#service.attributes(deadUrl),
    ]);
    const ready = countOf(live, 'ApproximateNumberOfMessages');
    const ageMs = this.#clock.nowMs() - (this.#lastSentAtMs ?? Number.POSITIVE_INFINITY);
    return {
      ready,
      leased: countOf(live, 'ApproximateNumberOfMessagesNotVisible'),
      delayed: countOf(live, 'ApproximateNumberOfMessagesDelayed'),
      dead: countOf(dead, 'ApproximateNumberOfMessages'),
      oldestReadyMs: ready === 0 ? 0 : Math.max(0, ageMs),
    };
  }
}

function countOf(attributes: Readonly<Record<string, string>>, name: string): number {
  return Number(attributes[name] ?? 0);
}

function refuseFailure(failure: MemberFailure): void {
  if (failure !== undefined) throw new QueueUnavailableError(`SQS refuses: ${failure.text}`);
}

/** A lease that ended before our answer arrived is nobody's fault. */
function unlessOver(failure: MemberFailure): MemberFailure {
  return failure !== undefined && LEASE_IS_OVER.test(failure.code) ? undefined : failure;
}
