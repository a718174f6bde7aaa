/** A mailbox in memory behind the interface of a connection: arrives, expunges, refuses and breaks as a test says. */
import type { MailFailure } from '../../../src/mailwatch/account.ts';
import type {
  FolderView,
  MailConnection,
  MailResult,
  OpenMail,
} from '../../../src/mailwatch/mailbox.ts';
import type { Alarms } from '../../../src/mailwatch/watcher/alarms.ts';
import type { HandClock } from '../../storage/hand-clock.ts';

export const CUT: MailFailure = { kind: 'network', detail: 'cut' };

interface Folder {
  uidValidity: number;
  uidNext: number;
  exists: number;
}

export class ScriptedMailbox {
  readonly folders = new Map<string, Folder>();
  readonly #alarms: Pick<Alarms, 'wait'>;
  readonly clock: HandClock;
  /** So long the server takes for each answer to a look. */
  lookMs = 0;
  /** Of the connections to come. */
  canIdle = true;
  expiresAtMs: number | undefined;
  /** Why no connection opens; undefined when they do. */
  refusal: MailFailure | undefined;
  /** Each look fails so, and the connection lives. */
  lookFailure: MailFailure | undefined;
  /** Nothing is answered any more. */
  isSilent = false;
  readonly live = new Set<ScriptedConnection>();
  opened = 0;
  closed = 0;
  looks = 0;
  idles: number[] = [];

  constructor(
    { alarms, clock }: { alarms: Pick<Alarms, 'wait'>; clock: HandClock },
    names: readonly string[] = ['INBOX'],
  ) {
    this.#alarms = alarms;
    this.clock = clock;
    for (const name of names) this.folders.set(name, { uidValidity: 1, uidNext: 10, exists: 9 });
  }

  readonly open: OpenMail = async (_target, signal) => {
    await Promise.resolve();
    if (signal.aborted) return { ok: false, failure: CUT };
    this.opened++;
    if (this.refusal !== undefined) return { ok: false, failure: this.refusal };
    const connection = new ScriptedConnection(this, this.#alarms);
    this.live.add(connection);
    return { ok: true, value: connection };
  };

  arrive(name = 'INBOX', count = 1): void {
    const folder = this.folder(name);
    folder.uidNext += count;
    folder.exists += count;
    this.#cry(name);
  }

  /** Fewer mails, no news. */
  expunge(name = 'INBOX'): void {
    const folder = this.folder(name);
    if (folder.exists === 0) return;
    folder.exists--;
    this.#cry(name);
  }

  /** The folder anew, with as many mails as have arrived since. */
  recreate(mails: number, name = 'INBOX'): void {
    const { uidValidity } = this.folder(name);
    this.folders.set(name, { uidValidity: uidValidity + 1, uidNext: mails + 1, exists: mails });
    this.#cry(name);
  }

  /** Ends every connection. */
  cut(failure: MailFailure = CUT): void {
    for (const connection of this.live) connection.fail(failure);
  }

  folder(name: string): Folder {
    const folder = this.folders.get(name);
    if (folder === undefined) throw new Error(`no folder ${name}`);
    return folder;
  }

  #cry(name: string): void {
    for (const connection of this.live) connection.onChange(name);
  }
}

export class ScriptedConnection implements MailConnection {
  readonly #mailbox: ScriptedMailbox;
  readonly #alarms: Pick<Alarms, 'wait'>;
  readonly expiresAtMs: number | undefined;
  readonly canIdle: boolean;
  readonly ended: Promise<MailFailure>;
  #end: (failure: MailFailure) => void = () => {};
  #failure: MailFailure | undefined;
  #selected: string | undefined;
  /** Of the last IDLE. */
  signal: AbortSignal | undefined;
  changedAtMs: number | undefined;
  #onChange = () => {};
  /** Questions that wait while the mailbox is silent. */
  readonly #asking = new Set<() => void>();

  constructor(mailbox: ScriptedMailbox, alarms: Pick<Alarms, 'wait'>) {
    this.#mailbox = mailbox;
    this.#alarms = alarms;
    this.canIdle = mailbox.canIdle;
    this.expiresAtMs = mailbox.expiresAtMs;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  examine(folder: string): Promise<MailResult<FolderView>> {
    this.changedAtMs = undefined;
    this.#selected = folder;
    return this.#look(folder);
  }

  status(folder: string): Promise<MailResult<FolderView>> {
    return this.#look(folder);
  }

  async idle({ maxMs, signal }: { maxMs: number; graceMs: number; signal: AbortSignal }) {
    this.#mailbox.idles.push(maxMs);
    this.signal = signal;
    if (this.#failure === undefined && this.changedAtMs === undefined && !signal.aborted) {
      const over = new AbortController();
      this.#onChange = () => over.abort();
      const onAbort = () => over.abort();
      signal.addEventListener('abort', onAbort);
      await this.#alarms.wait(maxMs, over.signal);
      signal.removeEventListener('abort', onAbort);
      this.#onChange = () => {};
    }
    if (this.#failure !== undefined) return { ok: false, failure: this.#failure } as const;
    if (signal.aborted) return { ok: true, value: 'aborted' } as const;
    return { ok: true, value: this.changedAtMs === undefined ? 'elapsed' : 'changed' } as const;
  }

  async close(): Promise<void> {
    if (this.#failure === undefined) this.#mailbox.closed++;
    this.fail(CUT);
  }

  fail(failure: MailFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#mailbox.live.delete(this);
    this.#end(failure);
    this.#onChange();
    for (const answer of this.#asking) answer();
  }

  onChange(folder: string): void {
    if (folder !== this.#selected) return;
    this.changedAtMs ??= this.#mailbox.clock.monotonicMs();
    this.#onChange();
  }

  async #look(name: string): Promise<MailResult<FolderView>> {
    this.#mailbox.looks++;
    await Promise.resolve();
    this.#mailbox.clock.moveMs(this.#mailbox.lookMs);
    if (this.#mailbox.isSilent && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#asking.add(resolve));
    }
    const failure = this.#failure ?? this.#mailbox.lookFailure;
    if (failure !== undefined) return { ok: false, failure };
    return { ok: true, value: { ...this.#mailbox.folder(name) } };
  }
}
