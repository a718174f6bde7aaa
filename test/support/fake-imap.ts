/**
 * An IMAP server of a test's (RFC 3501, 2177, 2971, 4959, 7628) that remembers every command, and misbehaves where and how it is told to. It
 * knows only what may be asked of it; anything else is a BAD, and remembered too.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/** Where in a conversation a fault may be placed: before the greeting, or in the place of the answer to a command. */
export type Point =
  | 'greeting'
  | 'CAPABILITY'
  | 'STARTTLS'
  | 'LOGIN'
  | 'AUTHENTICATE'
  | 'ID'
  | 'NAMESPACE'
  | 'LIST'
  | 'LSUB'
  | 'EXAMINE'
  | 'STATUS'
  | 'IDLE'
  | 'DONE'
  | 'NOOP'
  | 'LOGOUT';

/** What the server does in the place of what it should. `tag` is that of the command. */
export type Fault = (session: FakeImapSession, tag: string) => void;

/** Nothing is answered, ever. */
export const silence: Fault = () => {};
/** Says the line, and nothing more. */
export const says =
  (...lines: readonly string[]): Fault =>
  (session, tag) => {
    for (const line of lines) session.say(line.replace('<tag>', tag));
  };
/** Says the line, and is gone. */
export const saysGoodbye =
  (line: string): Fault =>
  (session, tag) => {
    session.say(line.replace('<tag>', tag));
    session.end();
  };
/** Says `piece` again and again, as fast as it is read, `count` times. */
export const repeats =
  (piece: string, count = Number.POSITIVE_INFINITY): Fault =>
  (session) => {
    void session.flood(piece, count);
  };

export interface FakeFolder {
  uidValidity: number;
  uidNext: number;
  exists: number;
}

export interface FakeImapOptions {
  readonly certificate: string;
  readonly key: string;
  /** TLS from the first byte, or after STARTTLS. */
  readonly security?: 'tls' | 'starttls';
}

const HOST = '127.0.0.1';
const CAPABILITIES_MAX = 32;

export class FakeImap implements AsyncDisposable {
  readonly host = HOST;
  readonly folders = new Map<string, FakeFolder>();
  readonly passwords = new Map<string, string>();
  /** Access tokens that are taken. */
  readonly tokens = new Set<string>();
  readonly capabilities = new Set([
    'IMAP4rev1',
    'IDLE',
    'ID',
    'NAMESPACE',
    'SASL-IR',
    'AUTH=PLAIN',
  ]);
  readonly faults = new Map<Point, Fault>();
  /** Every line that clients have sent, literals included, tags taken off. */
  readonly commands: string[] = [];
  readonly sessions = new Set<FakeImapSession>();
  /** How many connections there ever were. */
  accepted = 0;
  /** The tagged answer to a login; by default OK, or NO [AUTHENTICATIONFAILED]. */
  loginAnswer: string | undefined;
  readonly security: 'tls' | 'starttls';
  readonly context: SecureContext;
  readonly #server: Server;

  private constructor({ certificate, key, security = 'tls' }: FakeImapOptions) {
    this.security = security;
    this.context = createSecureContext({ cert: certificate, key });
    this.folders.set('INBOX', { uidValidity: 1, uidNext: 1, exists: 0 });
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.accepted++;
      const session = new FakeImapSession(this, socket);
      this.sessions.add(session);
      socket.on('close', () => this.sessions.delete(session));
      session.begin();
    });
  }

  static async open(options: FakeImapOptions): Promise<FakeImap> {
    const fake = new FakeImap(options);
    await once(fake.#server.listen(0, HOST), 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Words that commands began with, each once, in the order of their first use. */
  get verbs(): readonly string[] {
    return [...new Set(this.commands.map((line) => line.split(' ')[0] ?? ''))];
  }

  folder(name: string): FakeFolder {
    const folder = this.folders.get(name);
    if (folder === undefined) throw new Error(`no folder ${name}`);
    return folder;
  }

  /** New mail; clients in IDLE are told at once, those that have looked and do not idle yet as soon as they do (RFC 2177, section 3). */
  arrive(name = 'INBOX', mails = 1): void {
    const folder = this.folder(name);
    folder.uidNext += mails;
    folder.exists += mails;
    for (const session of this.sessions) session.noteArrival(name);
    this.tell(name, `* ${folder.exists} EXISTS`);
  }

  /** One mail fewer; clients in IDLE are told. */
  expunge(name = 'INBOX'): void {
    this.folder(name).exists--;
    this.tell(name, '* 1 EXPUNGE');
  }

  /** Says a line to every client that idles in the folder. */
  tell(name: string, line: string): void {
    for (const session of this.sessions) if (session.idlesIn === name) session.say(line);
  }

  get idling(): number {
    return [...this.sessions].filter(({ idlesIn }) => idlesIn !== undefined).length;
  }

  /** Ends every connection. */
  drop(lastWords?: string): void {
    for (const session of this.sessions) {
      if (lastWords !== undefined) session.say(lastWords);
      session.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.sessions) session.destroy();
    await closed;
  }
}

export class FakeImapSession {
  readonly #fake: FakeImap;
  #socket: Socket;
  #raw: Socket;
  #isSecure = false;
  #text = '';
  #selected: string | undefined;
  /** Mail has arrived between EXAMINE and IDLE. */
  #hasUntold = false;
  #idleTag: string | undefined;
  /** Takes the next line in the place of a command. */
  #onLine: ((line: string) => void) | undefined;

  constructor(fake: FakeImap, socket: Socket) {
    this.#fake = fake;
    this.#raw = socket;
    this.#socket = socket;
  }

  get idlesIn(): string | undefined {
    return this.#idleTag === undefined ? undefined : this.#selected;
  }

  noteArrival(name: string): void {
    this.#hasUntold ||= this.#idleTag === undefined && this.#selected === name;
  }

  begin(): void {
    this.#raw.on('error', () => this.#raw.destroy());
    if (this.#fake.security === 'tls') this.#secure();
    else this.#listen();
    this.#atPoint('greeting', '', () => this.say('* OK ready'));
  }

  say(line: string): void {
    this.write(`${line}\r\n`);
  }

  write(bytes: string): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes, 'latin1');
  }

  /** Says `piece` as fast as it is read, until the client has enough. */
  async flood(piece: string, count: number): Promise<void> {
    for (let said = 0; said < count && !this.#socket.destroyed; said++) {
      if (!this.#socket.write(piece, 'latin1')) await this.#drained();
    }
  }

  /** Until the client has read, or is gone. */
  #drained(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const settle = () => {
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve();
      };
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }

  /** Calls `run` when the client is gone. */
  onEnd(run: () => void): void {
    this.#raw.once('close', run);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#raw.destroy();
  }

  #secure(): void {
    const secure = new TLSSocket(this.#raw, {
      isServer: true,
      secureContext: this.#fake.context,
    });
    // A client that does not like our certificate says so here.
    secure.on('error', () => this.#raw.destroy());
    this.#isSecure = true;
    this.#socket = secure;
    this.#listen();
  }

  #listen(): void {
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#text += text;
      this.#read();
    });
    this.#socket.on('end', () => this.#socket.end());
  }

  #read(): void {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end < 0) return;
      const literal = /\{([0-9]+)(\+?)\}$/.exec(this.#text.slice(0, end));
      if (literal !== null) {
        const bytes = Number(literal[1]);
        const rest = end + 2;
        if (this.#text.length < rest + bytes) {
          if (literal[2] === '') this.say('+ go on');
          return;
        }
        // Taken apart from the line, so that a line break inside is none.
        const content = JSON.stringify(this.#text.slice(rest, rest + bytes));
        this.#text = this.#text.slice(0, literal.index) + content + this.#text.slice(rest + bytes);
        continue;
      }
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      this.#onText(line);
    }
  }

  #onText(line: string): void {
    const onLine = this.#onLine;
    if (onLine !== undefined) {
      this.#onLine = undefined;
      onLine(line);
      return;
    }
    if (line === 'DONE') {
      this.#fake.commands.push(line);
      const tag = this.#idleTag ?? '*';
      this.#idleTag = undefined;
      this.#atPoint('DONE', tag, () => this.say(`${tag} OK idle is over`));
      return;
    }
    const [tag = '', ...words] = line.split(' ');
    this.#fake.commands.push(words.join(' '));
    const verb = (words[0] ?? '').toUpperCase();
    const answer = this.#answers[verb as Point];
    if (answer === undefined) this.say(`${tag} BAD what?`);
    else this.#atPoint(verb as Point, tag, () => answer(tag, words.slice(1)));
  }

  #atPoint(point: Point, tag: string, otherwise: () => void): void {
    const fault = this.#fake.faults.get(point);
    if (fault === undefined) otherwise();
    else fault(this, tag);
  }

  readonly #answers: Partial<Record<Point, (tag: string, words: readonly string[]) => void>> = {
    CAPABILITY: (tag) => {
      const known = [...this.#fake.capabilities].slice(0, CAPABILITIES_MAX);
      const isOpen = this.#fake.security === 'starttls' && !this.#isSecure;
      const offered = isOpen ? ['IMAP4rev1', 'STARTTLS', 'LOGINDISABLED'] : known;
      this.say(`* CAPABILITY ${offered.join(' ')}`);
      this.say(`${tag} OK`);
    },
    STARTTLS: (tag) => {
      this.say(`${tag} OK now`);
      this.#raw.removeAllListeners('data');
      this.#secure();
    },
    LOGIN: (tag, words) => {
      const parts = words.join(' ').match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
      const [username = '', password = ''] = parts.map(unquoted);
      this.#admit(tag, this.#fake.passwords.get(username) === password);
    },
    AUTHENTICATE: (tag, [mechanism = '', initial]) => {
      const judge = (response: string) => {
        this.#fake.commands.push(`(response) ${response}`);
        this.#authenticate(tag, mechanism, Buffer.from(response, 'base64').toString('utf8'));
      };
      if (initial !== undefined) return judge(initial);
      this.#onLine = judge;
      this.say('+ ');
    },
    ID: (tag) => this.#tagged(tag, '* ID ("name" "fake")'),
    NAMESPACE: (tag) => this.#tagged(tag, '* NAMESPACE (("" "/")) NIL NIL'),
    LIST: (tag, words) => this.#tagged(tag, `* LIST () "/" ${words.at(-1)}`),
    LSUB: (tag) => this.say(`${tag} OK`),
    EXAMINE: (tag, [name = '']) => {
      const folder = this.#fake.folders.get(unquoted(name));
      if (folder === undefined) return this.say(`${tag} NO [NONEXISTENT] no such folder`);
      this.#selected = unquoted(name);
      this.#hasUntold = false;
      this.#tagged(
        tag,
        '* FLAGS ()',
        `* ${folder.exists} EXISTS`,
        `* OK [UIDVALIDITY ${folder.uidValidity}] ok`,
        `* OK [UIDNEXT ${folder.uidNext}] ok`,
      );
    },
    STATUS: (tag, [name = '']) => {
      const folder = this.#fake.folders.get(unquoted(name));
      if (folder === undefined) return this.say(`${tag} NO [NONEXISTENT] no such folder`);
      const { exists, uidNext, uidValidity } = folder;
      const items = `MESSAGES ${exists} UIDNEXT ${uidNext} UIDVALIDITY ${uidValidity}`;
      this.#tagged(tag, `* STATUS ${name} (${items})`);
    },
    IDLE: (tag) => {
      this.#idleTag = tag;
      this.say('+ idling');
      if (!this.#hasUntold) return;
      this.#hasUntold = false;
      this.say(`* ${this.#fake.folder(this.#selected ?? '').exists} EXISTS`);
    },
    NOOP: (tag) => this.say(`${tag} OK`),
    LOGOUT: (tag) => {
      this.#tagged(tag, '* BYE');
      this.end();
    },
  };

  #tagged(tag: string, ...lines: readonly string[]): void {
    for (const line of lines) this.say(line);
    this.say(`${tag} OK done`);
  }

  #authenticate(tag: string, mechanism: string, response: string): void {
    if (mechanism === 'PLAIN') {
      const [, username = '', password = ''] = response.split('\0');
      this.#admit(tag, this.#fake.passwords.get(username) === password);
      return;
    }
    const token = response.split('\u0001auth=Bearer ')[1]?.split('\u0001')[0] ?? '';
    if (this.#fake.tokens.has(token)) {
      this.#admit(tag, true);
      return;
    }
    // RFC 7628, section 3.2.3: the reason first, and NO when the client has seen it.
    this.#onLine = () => this.#admit(tag, false);
    this.say(`+ ${Buffer.from('{"status":"401"}').toString('base64')}`);
  }

  #admit(tag: string, isRight: boolean): void {
    const refusal = this.#fake.loginAnswer ?? 'NO [AUTHENTICATIONFAILED] not so';
    if (isRight && this.#fake.loginAnswer === undefined) this.say(`${tag} OK welcome`);
    else this.say(`${tag} ${refusal}`);
  }
}

function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word;
}
