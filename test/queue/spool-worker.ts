import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SPOOL_PROCESS = fileURLToPath(new URL('./spool-process.js', import.meta.url));

/** What a process is to do with a spool. */
export interface Order {
  readonly work: 'script' | 'produce' | 'consume';
  readonly path: string;
  /** The file that it writes what it was promised to. */
  readonly journal: string;
  /** Of the script: it kills itself in this one, counted from 1; 0 tells the steps and lives. */
  readonly dieAtStep: number;
  /** To be made by a producer. */
  readonly kicks: number;
  readonly leaseMs: number;
}

/** A process at work. */
export interface SpoolWorker {
  /** Resolves when it has ended, by itself or not. */
  readonly ended: Promise<void>;
  /** What it has sent so far. */
  readonly said: readonly string[];
  /** Nothing more will come: a consumer ends when nothing is left. */
  finish(): void;
  kill(): void;
  readonly child: ChildProcess;
}

/** `onSaid` is called at each step of its work. */
export function startSpoolWorker(order: Order, onSaid: () => void = () => undefined): SpoolWorker {
  const child = fork(SPOOL_PROCESS, [JSON.stringify(order)]);
  const said: string[] = [];
  child.on('message', (message) => {
    said.push(String(message));
    onSaid();
  });
  return {
    child,
    said,
    ended: once(child, 'close').then(() => undefined),
    finish: () => {
      if (child.connected) child.send('finish');
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** The devices that a word was written for. */
export function devicesIn(journal: string, word: string): readonly string[] {
  if (!existsSync(journal)) return [];
  const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
  return lines
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.split(' ')[1] ?? '');
}

/** The names of all files of a spool, by place. */
export function filesIn(path: string): Readonly<Record<string, readonly string[]>> {
  const places = ['ready', 'leased', 'delayed', 'dead'];
  return Object.fromEntries(places.map((place) => [place, readdirSync(join(path, place))]));
}
