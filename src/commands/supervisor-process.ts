/** A role's process as its supervisor holds it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { unreachable } from '../assert.ts';
import type { Exit } from '../lifecycle.ts';
import type { RoleName } from './role.ts';
import { type Answers, type FromRole, parseFromRole, type ToRole } from './supervisor-messages.ts';

/** How long an operator's request waits for a role: less than a scrape of Prometheus does, more than a busy event loop takes. */
export const ANSWER_DEADLINE_MS = 3000;

/** How to start a role. */
export interface RoleSpawn {
  readonly role: RoleName;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The role's part of the config; goes through stdin, where no other user sees it. */
  readonly configText: string;
}

export interface RoleProcessEvents {
  onReady(message: FromRole & { readonly type: 'ready' }): void;
  /** Once, also when the process could not be started. */
  onExit(exit: Exit): void;
}

export interface RoleProcess {
  readonly pid: number | undefined;
  /** Resolves to undefined when the role does not answer within ANSWER_DEADLINE_MS, cannot answer, or ends. Never rejects. */
  ask<Name extends keyof Answers>(topic: Name): Promise<Answers[Name] | undefined>;
  tellToStop(): void;
  kill(): void;
}

/** Starts a role's process. */
export function spawnRole(how: RoleSpawn, events: RoleProcessEvents): RoleProcess {
  const child = spawn(how.file, how.args, {
    env: { ...how.env },
    // Its log goes where ours goes; stdout is for the ready line alone.
    stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    // JSON has no NaN, and a gauge of the library may be it.
    serialization: 'advanced',
  });
  const send = (message: ToRole) => {
    // What cannot be sent goes to a role that has ended, or whose end is about to be told.
    if (child.connected) child.send(message, () => {});
  };
  const questions = questionsTo(send);
  child.on('message', (value) => {
    const message = parseFromRole(value);
    if (message === undefined) return;
    switch (message.type) {
      case 'ready':
        events.onReady(message);
        return;
      case 'answer':
        settle(questions, message);
        return;
      default:
        unreachable(message);
    }
  });
  onceEnded(child, (exit) => {
    for (const question of Object.values(questions)) question.settle(undefined);
    events.onExit(exit);
  });
  // A role that ends before it has read its config is told by its end.
  child.stdin?.on('error', () => {});
  child.stdin?.end(how.configText);
  return {
    pid: child.pid,
    ask: (topic) => questions[topic].ask(),
    tellToStop: () => send({ type: 'stop' }),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

function onceEnded(child: ChildProcess, onExit: (exit: Exit) => void): void {
  let hasEnded = false;
  const end = (exit: Exit) => {
    if (hasEnded) return;
    hasEnded = true;
    onExit(exit);
  };
  child.once('exit', (code, signal) =>
    end({ code, how: signal === null ? `exit code ${code}` : signal }),
  );
  // Of a process that could not be started there is no exit.
  child.on('error', (error) => {
    if (child.pid === undefined) end({ code: null, how: error.message });
  });
}

type Questions = { readonly [Name in keyof Answers]: Question<Answers[Name]> };

function questionsTo(send: (message: ToRole) => void): Questions {
  return {
    health: new Question(() => send({ type: 'ask', topic: 'health' })),
    status: new Question(() => send({ type: 'ask', topic: 'status' })),
    metrics: new Question(() => send({ type: 'ask', topic: 'metrics' })),
  };
}

function settle(questions: Questions, answer: FromRole & { readonly type: 'answer' }): void {
  switch (answer.topic) {
    case 'health':
      questions.health.settle(answer.value);
      return;
    case 'status':
      questions.status.settle(answer.value);
      return;
    case 'metrics':
      questions.metrics.settle(answer.value);
      return;
    default:
      unreachable(answer);
  }
}

/**
 * One topic. It is not asked again while an answer is outstanding, however late: who asks meanwhile waits for that one, so that a
 * role that hangs is owed three answers at most, and its pipe does not fill with questions.
 */
export class Question<Value> {
  readonly #send: () => void;
  readonly #deadlineMs: number;
  #waiting: ((value: Value | undefined) => void)[] = [];
  #isOutstanding = false;

  constructor(send: () => void, deadlineMs: number = ANSWER_DEADLINE_MS) {
    this.#send = send;
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves to undefined after the deadline, or when there is no answer. Waiting askers are as many as the admin listener's connections. */
  ask(): Promise<Value | undefined> {
    return new Promise((resolve) => {
      const onAnswer = (value: Value | undefined) => {
        clearTimeout(timer);
        resolve(value);
      };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((one) => one !== onAnswer);
        resolve(undefined);
      }, this.#deadlineMs);
      this.#waiting.push(onAnswer);
      if (this.#isOutstanding) return;
      this.#isOutstanding = true;
      this.#send();
    });
  }

  settle(value: Value | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isOutstanding = false;
    for (const onAnswer of waiting) onAnswer(value);
  }
}
