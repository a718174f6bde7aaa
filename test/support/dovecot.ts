/** A real Dovecot on free ports of this machine, that tests may stop, freeze, and give and take mail. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { assert } from '../../src/assert.ts';
import { findFreePorts } from './free-ports.ts';

const run = promisify(execFile);

const HOST = '127.0.0.1';
const START_WAIT_MS_MAX = 10_000;
const START_POLL_MS = 20;
/** Of nobody on a Debian system. */
const UID_MIN = 20_000;
const UIDS = 20_000;
const GID = 65_534;

/** Where TLS comes from: a certificate of `localhost`, and its key. */
export interface DovecotTls {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** What users have who were given no other. */
export const DOVECOT_PASSWORD = 'correct horse';

/** Sets one up in `folder`, which must be this test's own; `start` starts it. */
export async function prepareDovecot(folder: string, tls: DovecotTls): Promise<RealDovecot> {
  const [imap = 0, imaps = 0, lmtp = 0] = await findFreePorts(3);
  const dovecot = new RealDovecot(folder, { imap, imaps, lmtp });
  await mkdir(join(folder, 'mail'), { recursive: true });
  // The mail processes run as another user.
  await chmod(folder, 0o755);
  await chmod(join(folder, 'mail'), 0o777);
  await dovecot.setUsers([]);
  await writeFile(dovecot.configPath, configText(folder, { imap, imaps, lmtp }, tls));
  return dovecot;
}

interface Ports {
  readonly imap: number;
  readonly imaps: number;
  readonly lmtp: number;
}

export class RealDovecot {
  readonly host = HOST;
  readonly ports: Ports;
  readonly configPath: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, ports: Ports) {
    this.#folder = folder;
    this.ports = ports;
    this.configPath = join(folder, 'dovecot.conf');
  }

  /** Starts it, or starts it again with the same mail. */
  async start(): Promise<void> {
    // A daemon that keeps our pipes open would keep us too.
    this.#process = spawn('dovecot', ['-F', '-c', this.configPath], { stdio: 'ignore' });
    const ended = once(this.#process, 'exit').then(async () => {
      const log = await readFile(join(this.#folder, 'log'), 'utf8').catch(() => '');
      throw new Error(`dovecot ended before it listened: ${log.slice(-2000)}`);
    });
    await Promise.race([this.#listening(), ended]);
  }

  /** Ends it and all of its sessions. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    // By themselves its sessions would go on.
    await this.#signalAll('KILL');
    await gone;
    this.#process = undefined;
  }

  /** Its sessions stay and say nothing. */
  async freeze(): Promise<void> {
    await this.#signalAll('STOP');
  }

  async thaw(): Promise<void> {
    await this.#signalAll('CONT');
  }

  /** Lets in these users, each with the password, and nobody else. At any time; resolves when it is so. */
  async setUsers(users: readonly string[], password = DOVECOT_PASSWORD): Promise<void> {
    const lines = users.map((user) => {
      // As in /etc/passwd. Each has a uid of its own: the kernel counts by uid how many mailboxes can be watched without polling.
      const home = join(this.#folder, 'mail', user);
      return `${user}:{PLAIN}${password}:${uidOf(user)}:${GID}::${home}::\n`;
    });
    const path = join(this.#folder, 'users');
    // A file that is half written would lock users out.
    await writeFile(`${path}.new`, lines.join(''));
    await rename(`${path}.new`, path);
    const [user] = users;
    // Dovecot looks at the file at most once a second: a login in the second of the last one is still judged by the file before.
    if (user === undefined || this.#process === undefined) return;
    const deadline = Date.now() + START_WAIT_MS_MAX;
    while (!(await this.#admits(user, password))) {
      assert(Date.now() < deadline, 'dovecot takes the new users in time');
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
  }

  async #admits(user: string, password: string): Promise<boolean> {
    try {
      await this.admin('auth', 'test', user, password);
      return true;
    } catch {
      // Its exit code for a password that is wrong.
      return false;
    }
  }

  /** Delivers one mail by LMTP (RFC 2033), as a mail server would. */
  async deliver(user: string, subject = 'hello'): Promise<void> {
    const socket = connect(this.ports.lmtp, HOST);
    socket.setEncoding('utf8');
    const reply = replies(socket);
    await reply('220');
    const commands = [
      ['LHLO test', '250'],
      ['MAIL FROM:<ada@example.com>', '250'],
      [`RCPT TO:<${user}>`, '250'],
      ['DATA', '354'],
      [`Subject: ${subject}\r\nFrom: ada@example.com\r\n\r\nA canary: content-canary\r\n.`, '250'],
      ['QUIT', '221'],
    ] as const;
    for (const [command, status] of commands) {
      socket.write(`${command}\r\n`);
      await reply(status);
    }
    socket.destroy();
  }

  /** Puts one mail into the folder by APPEND (RFC 3501, section 6.3.11), as another device of the user's would. */
  async append(user: string, password = DOVECOT_PASSWORD): Promise<void> {
    const socket = connectTls({ host: HOST, port: this.ports.imaps, rejectUnauthorized: false });
    socket.setEncoding('utf8');
    const mail = 'Subject: hello\r\n\r\nA canary: content-canary\r\n';
    const reply = imapReplies(socket);
    await reply('* OK');
    for (const [command, wanted] of [
      [`a LOGIN "${user}" "${password}"`, 'a OK'],
      [`b APPEND INBOX {${mail.length}}`, '+ '],
      [mail, 'b OK'],
      ['c LOGOUT', 'c OK'],
    ] as const) {
      socket.write(`${command}\r\n`);
      await reply(wanted);
    }
    socket.destroy();
  }

  /** What it has logged so far. */
  async log(): Promise<string> {
    return await readFile(join(this.#folder, 'log'), 'utf8').catch(() => '');
  }

  /** The users who have a session of IMAP now, once for each session. */
  async sessions(): Promise<readonly string[]> {
    const table = await this.admin('-f', 'tab', 'who', '-1');
    return table
      .split('\n')
      .slice(1)
      .filter((line) => line.includes('imap'))
      .map((line) => line.split('\t')[0] ?? '');
  }

  /** Puts one mail into a folder, as a filter would. */
  async save(user: string, folder: string): Promise<void> {
    const child = spawn('doveadm', ['-c', this.configPath, 'save', '-u', user, '-m', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.end('Subject: hello\r\nFrom: ada@example.com\r\n\r\nA canary: content-canary\r\n');
    const [code] = await once(child, 'exit');
    assert(code === 0, `doveadm save ended with ${code}`);
  }

  /** Runs `doveadm` with these arguments; resolves to what it printed. */
  async admin(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('doveadm', ['-c', this.configPath, ...args]);
    return stdout;
  }

  /** Deletes the folder's mail and makes the folder anew: another UIDVALIDITY. */
  async recreate(user: string): Promise<void> {
    await rm(join(this.#folder, 'mail', user), { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const deadline = Date.now() + START_WAIT_MS_MAX;
    while (!(await isListening(this.ports.lmtp)) || !(await isListening(this.ports.imaps))) {
      assert(Date.now() < deadline, 'dovecot listens in time');
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
  }

  /** To the master and every process below it, which all have its configuration in their command line or its process group. */
  async #signalAll(name: 'STOP' | 'CONT' | 'KILL'): Promise<void> {
    for (const pid of await this.#pids()) {
      try {
        process.kill(pid, `SIG${name}`);
      } catch (error) {
        // It ended while we looked.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  async #pids(): Promise<readonly number[]> {
    const master = this.#process?.pid;
    if (master === undefined) return [];
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    const below = rows.filter(([, parent]) => parent === master).map(([pid = 0]) => pid);
    return [master, ...below];
  }
}

/** The same for the same name; that two names share one does no harm. */
function uidOf(user: string): number {
  return UID_MIN + (createHash('sha256').update(user).digest().readUInt32BE() % UIDS);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}

/** Waits for the last line of a reply and holds it to its status. */
function replies(socket: NodeJS.ReadableStream) {
  let text = '';
  let onText = () => {};
  socket.on('data', (chunk: string) => {
    text += chunk;
    onText();
  });
  return async (status: string): Promise<void> => {
    while (!/^[0-9]{3} .*\r\n/m.test(text)) {
      await new Promise<void>((resolve) => {
        onText = resolve;
      });
    }
    const said = text;
    text = '';
    assert(said.startsWith(status), `LMTP: wanted ${status}, got ${said}`);
  };
}

/** Waits for a line that begins so; a refusal is an error. */
function imapReplies(socket: NodeJS.ReadableStream) {
  let text = '';
  let onText = () => {};
  socket.on('data', (chunk: string) => {
    text += chunk;
    onText();
  });
  return async (wanted: string): Promise<void> => {
    for (;;) {
      const lines = text.split('\r\n');
      text = lines.pop() ?? '';
      if (lines.some((line) => line.startsWith(wanted))) return;
      const refusal = lines.find((line) => /^\w+ (?:NO|BAD)/.test(line));
      assert(refusal === undefined, `IMAP: wanted ${wanted}, got ${refusal}`);
      await new Promise<void>((resolve) => {
        onText = resolve;
      });
    }
  };
}

function configText(folder: string, ports: Ports, tls: DovecotTls): string {
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
auth_debug = no
protocols = imap lmtp
listen = ${HOST}
ssl = yes
ssl_cert = <${tls.certificatePath}
ssl_key = <${tls.keyPath}
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
# Where the kernel lets it watch no more mailboxes, it looks this often.
mailbox_idle_check_interval = 2s
mail_location = maildir:${folder}/mail/%u
mail_max_userip_connections = 2000
first_valid_uid = 1
default_vsz_limit = 1G
namespace inbox {
  inbox = yes
  separator = /
  mailbox Junk {
    auto = create
  }
  mailbox Other {
    auto = create
  }
}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
service imap-login {
  service_count = 0
  client_limit = 4000
  process_min_avail = 1
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service imap {
  process_limit = 2000
}
service lmtp {
  inet_listener lmtp {
    address = ${HOST}
    port = ${ports.lmtp}
  }
}
service anvil {
  client_limit = 9000
  # After a wrong password it makes everybody from the same address wait.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 9000
}
service stats {
  client_limit = 9000
}
`;
}
