import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { assert } from '../../../src/assert.ts';
import { type Store, StoreUnavailableError } from '../../../src/storage/store.ts';

const STORE_PROCESS = fileURLToPath(new URL('./store-process.js', import.meta.url));

/** An embedded store in a process of its own. */
export interface ChildStore extends Store {
  readonly pid: number;
  /** Has the process end by process.exit. Resolves to the code it ended with, null when a signal ended it. */
  exit(code: number): Promise<number | null>;
  /** SIGKILL, sent before this returns; resolves when the process is gone. */
  kill(): Promise<void>;
}

export interface ChildStoreOptions {
  readonly path: string;
  /** Its time, told with each call. */
  readonly nowMs: () => number;
  /** What it is started by, which must start the command that follows it: none when absent. */
  readonly launcher?: readonly string[];
}

interface Waiter {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** Calls that are not answered when the process ends reject. */
export async function openChildStore({
  path,
  nowMs,
  launcher = [],
}: ChildStoreOptions): Promise<ChildStore> {
  const [execPath = process.execPath, ...execArgv] = [...launcher, process.execPath];
  const child = fork(STORE_PROCESS, [path], {
    execPath,
    execArgv,
    // lmdb itself complains of the failures that tests bring about.
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    // Undefined must arrive as it is.
    serialization: 'advanced',
  });
  const waiters = new Map<number, Waiter>();
  const exited = once(child, 'exit');
  child.on('message', (message) => {
    assert(isReply(message), 'only replies are sent');
    const waiter = waiters.get(message.id);
    waiters.delete(message.id);
    if (message.error === undefined) waiter?.resolve(message.answer);
    else waiter?.reject(new StoreUnavailableError(message.error));
  });
  child.on('exit', () => {
    for (const waiter of waiters.values()) waiter.reject(new Error('the process is gone'));
  });
  const reply = <Answer>(id: number): Promise<Answer> =>
    new Promise<Answer>((resolve, reject) => waiters.set(id, { resolve, reject }));
  const send = <Answer>(method: string, args: readonly unknown[]): Promise<Answer> => {
    lastId += 1;
    child.send({ id: lastId, nowMs: nowMs(), method, args });
    return reply(lastId);
  };
  let lastId = 0;
  await reply(lastId);
  const { pid } = child;
  assert(pid !== undefined, 'a process that answers has a pid');
  return {
    pid,
    driver: 'embedded',
    readDevice: (...args) => send('readDevice', args),
    registerChannel: (...args) => send('registerChannel', args),
    unregisterChannel: (...args) => send('unregisterChannel', args),
    dropDevice: (...args) => send('dropDevice', args),
    putUpdate: (...args) => send('putUpdate', args),
    ackUpdates: (...args) => send('ackUpdates', args),
    writeTarget: (...args) => send('writeTarget', args),
    noteConnected: (...args) => send('noteConnected', args),
    readTargetType: (...args) => send('readTargetType', args),
    readKick: (...args) => send('readKick', args),
    claimWake: (...args) => send('claimWake', args),
    releaseWake: (...args) => send('releaseWake', args),
    dropTarget: (...args) => send('dropTarget', args),
    check: () => send('check', []),
    async close() {
      await send('close', []);
      child.disconnect();
      await exited;
    },
    async exit(code) {
      child.send({ id: 0, nowMs: nowMs(), method: 'exit', args: [code] });
      await exited;
      return child.exitCode;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function isReply(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'id' in message;
}
