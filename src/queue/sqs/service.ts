/** The only file that speaks to the AWS SDK: the calls of SQS that a queue needs, each with its deadline, its errors as ours. */
import { setMaxListeners } from 'node:events';
import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Log } from '../../log.ts';
import { QueueUnavailableError } from '../queue.ts';

/** One to send: text, and texts beside it. */
export interface OutgoingMessage {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** One that was received: hidden from other receivers until its visibility timeout. */
export interface IncomingMessage extends OutgoingMessage {
  readonly messageId: string;
  /** Names this receipt of it. */
  readonly handle: string;
  /** This time included. */
  readonly receiveCount: number;
  readonly sentAtMs: number;
}

/** What a batch came to for one of its members: undefined when all is well. */
export type MemberFailure = { readonly code: string; readonly text: string } | undefined;

export interface ReceiveWish {
  /** At most 10. */
  readonly max: number;
  readonly waitSeconds: number;
  readonly hiddenSeconds: number;
  readonly signal: AbortSignal;
}

/** SQS takes no larger batch. */
export const BATCH_MAX = 10;
/** SQS waits no longer. */
export const WAIT_SECONDS_MAX = 20;

interface BatchResult {
  readonly Failed?: readonly BatchResultErrorEntry[] | undefined;
}

/** Each call rejects with QueueUnavailableError. */
export class SqsService {
  readonly #client: SQSClient;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  /** Region, credentials and endpoint come from where the SDK looks for them; nothing is asked yet. */
  constructor({ timeoutMs, log }: { readonly timeoutMs: number; readonly log: Log }) {
    this.#timeoutMs = timeoutMs;
    // The host of a queue's URL would come before the endpoint that the operator has set for the SDK.
    this.#client = new SQSClient({ logger: loggerTo(log), useQueueUrlAsEndpoint: false });
  }

  async send(url: string, messages: readonly OutgoingMessage[]): Promise<readonly MemberFailure[]> {
    const entries = messages.map(({ body, attributes }, index) => ({
      Id: String(index),
      MessageBody: body,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, text]) => [
          name,
          { DataType: 'String', StringValue: text },
        ]),
      ),
    }));
    const command = new SendMessageBatchCommand({ QueueUrl: url, Entries: entries });
    const result = await this.#call((abortSignal) => this.#client.send(command, { abortSignal }));
    return failuresOf(result, messages.length);
  }

  async receive(
    url: string,
    { max, waitSeconds, hiddenSeconds, signal }: ReceiveWish,
  ): Promise<readonly IncomingMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: max,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: hiddenSeconds,
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
      MessageAttributeNames: ['All'],
    });
    try {
      const result = await this.#call(
        (abortSignal) => this.#client.send(command, { abortSignal }),
        { moreMs: waitSeconds * 1000, signal },
      );
      return (result.Messages ?? []).map(incoming);
    } catch (error) {
      if (signal.aborted || this.#closing.signal.aborted) return [];
      throw error;
    }
  }

  async delete(url: string, handles: readonly string[]): Promise<readonly MemberFailure[]> {
    const entries = handles.map((handle, index) => ({ Id: String(index), ReceiptHandle: handle }));
    const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries: entries });
    const result = await this.#call((abortSignal) => this.#client.send(command, { abortSignal }));
    return failuresOf(result, handles.length);
  }

  /** The message comes back after so many seconds, 0 at once. */
  async hide(
    url: string,
    members: readonly { readonly handle: string; readonly seconds: number }[],
  ): Promise<readonly MemberFailure[]> {
    const entries = members.map(({ handle, seconds }, index) => ({
      Id: String(index),
      ReceiptHandle: handle,
      VisibilityTimeout: seconds,
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries: entries });
    const result = await this.#call((abortSignal) => this.#client.send(command, { abortSignal }));
    return failuresOf(result, members.length);
  }

  /** Numbers of messages, and the redrive policy. */
  async attributes(url: string): Promise<Readonly<Record<string, string>>> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    const result = await this.#call((abortSignal) => this.#client.send(command, { abortSignal }));
    return result.Attributes ?? {};
  }

  /** The URL of a queue of which the ARN is known. */
  async urlOf(arn: string): Promise<string> {
    const [account = '', name = ''] = arn.split(':').slice(-2);
    const command = new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account });
    const result = await this.#call((abortSignal) => this.#client.send(command, { abortSignal }));
    return result.QueueUrl ?? '';
  }

  /** Calls that are out end. */
  close(): void {
    this.#closing.abort();
    this.#client.destroy();
  }

  /** `moreMs`: time that the call may take by itself, beside the deadline. */
  async #call<Result>(
    call: (signal: AbortSignal) => Promise<Result>,
    { moreMs = 0, signal }: { readonly moreMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Result> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    const timer = setTimeout(abort, this.#timeoutMs + moreMs);
    // Many calls share these two; Node.js takes more than ten listeners for a leak, and says so on stderr.
    const signals = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    for (const each of signals) {
      setMaxListeners(0, each);
      if (each.aborted) abort();
      each.addEventListener('abort', abort, { once: true });
    }
    try {
      return await call(controller.signal);
    } catch (cause) {
      throw new QueueUnavailableError(this.#reasonOf(cause, controller.signal.aborted), { cause });
    } finally {
      clearTimeout(timer);
      for (const each of signals) each.removeEventListener('abort', abort);
    }
  }

  #reasonOf(error: unknown, wasAborted: boolean): string {
    if (this.#closing.signal.aborted) return 'the kick queue in SQS is closed';
    if (wasAborted) return `SQS does not answer within ${this.#timeoutMs} ms`;
    return `SQS fails: ${error instanceof Error ? `${error.name}: ${error.message}` : error}`;
  }
}

function incoming(message: Message): IncomingMessage {
  const { ApproximateReceiveCount, SentTimestamp } = message.Attributes ?? {};
  return {
    messageId: message.MessageId ?? '',
    handle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    receiveCount: Number(ApproximateReceiveCount ?? 1),
    sentAtMs: Number(SentTimestamp ?? 0),
    attributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue }]) => [
        name,
        StringValue ?? '',
      ]),
    ),
  };
}

function failuresOf({ Failed = [] }: BatchResult, length: number): readonly MemberFailure[] {
  const failures: MemberFailure[] = Array.from({ length }, () => undefined);
  for (const { Id, Code = 'unknown', Message = Code } of Failed) {
    failures[Number(Id)] = { code: Code, text: Message };
  }
  return failures;
}

/** What the SDK has to say stands in our log, not between its lines. Its errors are thrown, too. */
function loggerTo(log: Log) {
  const drop = () => undefined;
  const warn = (...said: readonly unknown[]) =>
    log.warn(
      { said: said.filter((part) => typeof part === 'string').join(' ') },
      'queue.sqs.warned',
    );
  return { trace: drop, debug: drop, info: drop, warn, error: drop };
}
