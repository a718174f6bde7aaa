/** Listening on a socket file that nobody but its user may open. */
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

export interface SocketFile {
  readonly path: string;
  /** What anybody who lives behind the file answers to. */
  readonly question: string | Buffer;
  /** How long the answer is waited for. */
  readonly answerMsMax: number;
}

/**
 * The folder for its owner alone. Listens under a name of its own, which then takes the place of `path`, whoever had that: a backend that was
 * frozen and has lost its lease removes the name under which it listened when it closes, and that must not be ours.
 * @throws Error when a backend that lives listens there
 */
export async function listenOnFile(server: Server, file: SocketFile): Promise<void> {
  const { path } = file;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (await isAnswered(file)) throw new Error(`another backend listens on ${path}`);
  const own = `${path}.${process.pid}`;
  await rm(own, { force: true });
  await listening(server, () => server.listen(own));
  await chmod(own, 0o600);
  await rename(own, path);
}

/** Whether a backend lives there: one that is frozen still has its connections accepted by the kernel, but answers nothing. */
function isAnswered({ path, question, answerMsMax }: SocketFile): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write(question));
    socket.once('data', () => settle(true)).once('end', () => settle(false));
    socket.once('error', () => settle(false));
    socket.setTimeout(answerMsMax, () => settle(false));
  });
}

/** Resolves when the server listens; rejects with why it cannot. */
export function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}
