import { type DeadKick, type Kick, QueueUnavailableError } from '../queue.ts';
import { deadMessageOf, messageOf, parseDeadMessage } from './message.ts';
import { BATCH_MAX, type IncomingMessage, type SqsService } from './service.ts';

export interface DeadQueueDeps {
  readonly service: SqsService;
  readonly queueUrl: string;
  /** "" asks SQS for the target of the queue's redrive policy. */
  readonly deadQueueUrl: string;
  readonly signal: AbortSignal;
  readonly lookWaitSeconds: number;
}

/** Messages looked at in one listing, retry or purge. */
const LOOKED_AT_MAX = 10_000;
/** So long they are hidden from others who look; they come back earlier unless we die. */
const HIDDEN_SECONDS = 60;

interface FoundDead {
  readonly message: IncomingMessage;
  readonly kick: DeadKick;
}

/** The queue of dead letters, as SQS lets us see it: by receiving and giving back. Messages that are not ours are left alone. */
export class DeadQueue {
  readonly #deps: DeadQueueDeps;
  #url: Promise<string | undefined> | undefined;

  constructor(deps: DeadQueueDeps) {
    this.#deps = deps;
  }

  /** Undefined when there is none. */
  url(): Promise<string | undefined> {
    const { deadQueueUrl } = this.#deps;
    if (deadQueueUrl !== '') return Promise.resolve(deadQueueUrl);
    this.#url ??= this.#find().catch((error: unknown) => {
      // Asked again next time.
      this.#url = undefined;
      throw error;
    });
    return this.#url;
  }

  async bury(kick: Kick, death: Pick<DeadKick, 'attempts' | 'diedAtMs' | 'reason'>): Promise<void> {
    const [failure] = await this.#deps.service.send(await this.#neededUrl(), [
      deadMessageOf(kick, death),
    ]);
    if (failure !== undefined) throw new QueueUnavailableError(`SQS refuses: ${failure.text}`);
  }

  async list(max: number): Promise<readonly DeadKick[]> {
    const url = await this.url();
    if (url === undefined) return [];
    const found = await this.#look(url, (sofar) => sofar.length < max);
    await this.#giveBack(url, found);
    return found
      .map(({ kick }) => kick)
      .sort((one, other) => one.diedAtMs - other.diedAtMs)
      .slice(0, max);
  }

  /** First sent to the queue and then deleted: who dies in between leaves a kick in both. */
  retry(id: string | undefined): Promise<number> {
    const { service, queueUrl } = this.#deps;
    return this.#settle(id, async (group) => {
      const failures = await service.send(
        queueUrl,
        group.map(({ kick }) => messageOf(kick)),
      );
      return group.filter((_, index) => failures[index] === undefined);
    });
  }

  purge(id: string | undefined): Promise<number> {
    return this.#settle(id, (group) => Promise.resolve(group));
  }

  /** Deletes what `prepare` lets pass; resolves to how many. */
  async #settle(
    id: string | undefined,
    prepare: (group: readonly FoundDead[]) => Promise<readonly FoundDead[]>,
  ): Promise<number> {
    const url = await this.url();
    if (url === undefined) return 0;
    const isWanted = ({ kick }: FoundDead) => id === undefined || kick.id === id;
    const found = await this.#look(url, (sofar) => id === undefined || !sofar.some(isWanted));
    const wanted = found.filter(isWanted);
    let settled = 0;
    for (let start = 0; start < wanted.length; start += BATCH_MAX) {
      const group = await prepare(wanted.slice(start, start + BATCH_MAX));
      if (group.length === 0) continue;
      const failures = await this.#deps.service.delete(url, handlesOf(group));
      settled += failures.filter((failure) => failure === undefined).length;
    }
    await this.#giveBack(
      url,
      found.filter((each) => !isWanted(each)),
    );
    return settled;
  }

  /** Receives until there is nothing more, or `goOn` says that it is enough. */
  async #look(
    url: string,
    goOn: (sofar: readonly FoundDead[]) => boolean,
  ): Promise<readonly FoundDead[]> {
    const { service, signal, lookWaitSeconds } = this.#deps;
    const found: FoundDead[] = [];
    let looked = 0;
    while (looked < LOOKED_AT_MAX && goOn(found)) {
      const messages = await service.receive(url, {
        max: BATCH_MAX,
        waitSeconds: lookWaitSeconds,
        hiddenSeconds: HIDDEN_SECONDS,
        signal,
      });
      if (messages.length === 0) break;
      looked += messages.length;
      for (const message of messages) {
        const kick = parseDeadMessage(message);
        if (kick !== undefined) found.push({ message, kick });
      }
    }
    return found;
  }

  async #giveBack(url: string, found: readonly FoundDead[]): Promise<void> {
    for (let start = 0; start < found.length; start += BATCH_MAX) {
      const handles = handlesOf(found.slice(start, start + BATCH_MAX));
      await this.#deps.service.hide(
        url,
        handles.map((handle) => ({ handle, seconds: 0 })),
      );
    }
  }

  async #neededUrl(): Promise<string> {
    const url = await this.url();
    if (url !== undefined) return url;
    throw new QueueUnavailableError(
      `the queue ${this.#deps.queueUrl} has no redrive policy: give it one, or name its dead_queue_url in [queue.sqs]`,
    );
  }

  async #find(): Promise<string | undefined> {
    const { service, queueUrl } = this.#deps;
    const { RedrivePolicy } = await service.attributes(queueUrl);
    const arn = /"deadLetterTargetArn"\s*:\s*"([^"]+)"/.exec(RedrivePolicy ?? '')?.[1];
    return arn === undefined ? undefined : service.urlOf(arn);
  }
}

function handlesOf(found: readonly FoundDead[]): readonly string[] {
  return found.map(({ message }) => message.handle);
}
