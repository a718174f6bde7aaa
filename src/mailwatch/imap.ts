/** The only file that speaks to imapflow: one object of the library is one connection, and is never used twice. */
import type { SecureContext } from 'node:tls';
import { ImapFlow } from 'imapflow';
import type { Clock } from '../clock.ts';
import type { MailFailure } from './account.ts';
import { clientOptions, isSpeakable, isText } from './imap/client-options.ts';
import { failureOf, type ImapError } from './imap/failures.ts';
import { createTransport } from './imap/transport.ts';
import { viewOf } from './imap/views.ts';
import type { FolderView, MailConnection, MailResult, MailTarget, OpenMail } from './mailbox.ts';
import { createTrust } from './trust.ts';

/** Bounds and trust, from the config. */
export interface ImapOptions {
  /** DNS is done by then: TCP and TLS, or the greeting, or one command, each at most this long. */
  readonly commandMsMax: number;
  /** Bytes of one line or literal: a mail server has nothing longer to tell us. */
  readonly responseBytesMax: number;
  /** Certificate authorities beside the system's, as PEM; for mail servers of the operator's. */
  readonly ca: string | undefined;
  /** Waits for milliseconds or the signal, without a timer of its own. Never rejects. */
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Of all that a server says between two questions, in longest lines: it answers ours in a few, and mail is announced in short ones. */
export const RESPONSES_MAX = 16;
/** How long the end of a connection may take, so that the server counts it no more when the next one comes. */
export const CLOSE_MS_MAX = 1_000;
/** Connect, greeting, capability, STARTTLS, login, ID, and what the library asks then. */
const OPENING_STEPS = 6;

const ABORTED: MailFailure = { kind: 'network', detail: 'we let go of it' };
const SILENT: MailFailure = { kind: 'network', detail: 'the server does not answer' };
const FLOODED: MailFailure = { kind: 'protocol', detail: 'the server says too much' };
const REFUSED_STATUS: MailFailure = { kind: 'folder', detail: 'STATUS was refused' };
const UNSPEAKABLE_FOLDER: MailFailure = { kind: 'folder', detail: 'the name is no text' };

export function createOpenMail(options: ImapOptions): OpenMail {
  const trust = createTrust(options.ca);
  return async (target, signal) => {
    const { credentials } = target;
    if (!isSpeakable(credentials)) {
      const kind = credentials.kind === 'oauth' ? 'oauth' : 'auth';
      return { ok: false, failure: { kind, detail: 'the credentials are no text' } };
    }
    const connection = new ImapConnection(target, { ...options, trust });
    const letGo = () => connection.destroy();
    signal.addEventListener('abort', letGo, { once: true });
    try {
      const failure = signal.aborted ? ABORTED : await connection.open();
      return failure === undefined ? { ok: true, value: connection } : { ok: false, failure };
    } finally {
      signal.removeEventListener('abort', letGo);
    }
  };
}

class ImapConnection implements MailConnection {
  readonly #client: ImapFlow;
  readonly #options: ImapOptions;
  readonly #isOauth: boolean;
  readonly expiresAtMs: number | undefined;
  readonly ended: Promise<MailFailure>;
  #end: (failure: MailFailure) => void = () => {};
  #failure: MailFailure | undefined;
  #closing: Promise<void> | undefined;
  #changedAtMs: number | undefined;
  #isIdleRefused = false;
  /** Ends the waiting of IDLE: called when something changes, and at the end of the connection. */
  #onChange = () => {};
  /** What the server may still say before the next question. */
  #bytesLeft: number;

  constructor(target: MailTarget, options: ImapOptions & { readonly trust: SecureContext }) {
    const { credentials } = target;
    this.#options = options;
    this.#bytesLeft = bytesMaxOf(options);
    this.#isOauth = credentials.kind === 'oauth';
    this.expiresAtMs =
      credentials.kind === 'oauth' ? credentials.accessTokenExpiresAtMs : undefined;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const transport = createTransport({
      trust: options.trust,
      onBytes: (count) => this.#onBytes(count),
    });
    this.#client = new ImapFlow({ ...clientOptions(target, options), transport });
    // Before anything is sent: an error without a listener ends the process.
    this.#client.on('error', (error: unknown) => this.#fail(this.#failureOf(error)));
    // The last words of the server, if it had any, tell more than that it is gone.
    this.#client.on('close', () => this.#fail(this.#failureOf({ reason: this.#client.byeReason })));
    this.#client.on('exists', () => {
      this.#changedAtMs ??= this.#options.clock.monotonicMs();
      this.#onChange();
    });
  }

  get canIdle(): boolean {
    return !this.#isIdleRefused && this.#client.capabilities.has('IDLE');
  }

  get changedAtMs(): number | undefined {
    return this.#changedAtMs;
  }

  /** Resolves to why it did not open. */
  async open(): Promise<MailFailure | undefined> {
    const opened = await this.#ask(() => this.#client.connect(), OPENING_STEPS);
    if (opened.ok) return undefined;
    this.destroy();
    return opened.failure;
  }

  async examine(folder: string): Promise<MailResult<FolderView>> {
    if (!isText(folder)) return { ok: false, failure: UNSPEAKABLE_FOLDER };
    // Cleared before the question: what changes while it is on its way is seen by the answer or by the next look.
    this.#changedAtMs = undefined;
    const opened = await this.#ask(() => this.#client.mailboxOpen(folder, { readOnly: true }));
    return opened.ok ? viewOf(opened.value) : opened;
  }

  async status(folder: string): Promise<MailResult<FolderView>> {
    if (!isText(folder)) return { ok: false, failure: UNSPEAKABLE_FOLDER };
    const query = { messages: true, uidNext: true, uidValidity: true };
    const answer = await this.#ask(() => this.#client.status(folder, query));
    if (!answer.ok) return answer;
    if (answer.value === false) return { ok: false, failure: this.#failure ?? REFUSED_STATUS };
    return viewOf({ ...answer.value, exists: answer.value.messages });
  }

  async idle({
    maxMs,
    graceMs,
    signal,
  }: {
    readonly maxMs: number;
    readonly graceMs: number;
    readonly signal: AbortSignal;
  }): Promise<MailResult<'changed' | 'elapsed' | 'aborted'>> {
    if (this.#changedAtMs !== undefined) return { ok: true, value: 'changed' };
    if (this.#failure !== undefined) return { ok: false, failure: this.#failure };
    const over = new AbortController();
    const abort = () => over.abort();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    this.#onChange = abort;
    this.#bytesLeft = bytesMaxOf(this.#options);
    // Settles when IDLE is over, whoever ended it; what went wrong is told by `ended`, or by the question that follows.
    const idling = this.#client.idle().catch(() => undefined);
    // A server that refuses IDLE, though it offers it, is polled from then on.
    void idling.then((outcome) => {
      this.#isIdleRefused ||= outcome === false;
      abort();
    });
    await this.#options.wait(maxMs, over.signal);
    signal.removeEventListener('abort', abort);
    this.#onChange = () => {};
    // The library ends IDLE to send this, and the answer is the sign of life.
    const alive = await this.#ask(() => this.#client.noop(), 1, graceMs);
    if (!alive.ok) return alive;
    await idling;
    if (signal.aborted) return { ok: true, value: 'aborted' };
    return { ok: true, value: this.#changedAtMs === undefined ? 'elapsed' : 'changed' };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the socket at once. */
  destroy(): void {
    this.#client.close();
    this.#fail(ABORTED);
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined) {
      const said = new AbortController();
      void this.#client
        .logout()
        .catch(() => false)
        .then(() => said.abort());
      // A frozen server would keep us, and what it answers changes nothing.
      await this.#options.wait(CLOSE_MS_MAX, said.signal);
    }
    this.destroy();
  }

  #fail(failure: MailFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#end(failure);
    this.#onChange();
  }

  #failureOf(error: unknown): MailFailure {
    return failureOf(isObject(error) ? error : {}, { isOauth: this.#isOauth });
  }

  #onBytes(count: number): void {
    this.#bytesLeft -= count;
    if (this.#bytesLeft >= 0) return;
    this.#fail(FLOODED);
    this.#client.close();
  }

  /** One question to the server within its time, `steps` round trips long; a server that does not answer is left. */
  async #ask<T>(
    question: () => Promise<T>,
    steps = 1,
    stepMsMax = this.#options.commandMsMax,
  ): Promise<MailResult<T>> {
    if (this.#failure !== undefined) return { ok: false, failure: this.#failure };
    this.#bytesLeft = bytesMaxOf(this.#options);
    const answered = new AbortController();
    const late = this.#options.wait(steps * stepMsMax, answered.signal).then(() => {
      if (answered.signal.aborted) return;
      this.#fail(SILENT);
      this.#client.close();
    });
    try {
      return { ok: true, value: await question() };
    } catch (error) {
      return { ok: false, failure: this.#failure ?? this.#failureOf(error) };
    } finally {
      answered.abort();
      await late;
    }
  }
}

function bytesMaxOf({ responseBytesMax }: ImapOptions): number {
  return RESPONSES_MAX * responseBytesMax;
}

function isObject(value: unknown): value is ImapError {
  return typeof value === 'object' && value !== null;
}
