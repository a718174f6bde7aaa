import { Command } from 'commander';
import type { Environment } from '../config/environment.ts';

/** What a command may touch of its process. */
export interface CommandIo {
  /** For what was asked. Takes text with its line ends. */
  stdout(text: string): void;
  /** For everything else. Takes text with its line ends. */
  stderr(text: string): void;
  readonly env: Environment;
  /** What the process will exit with once nothing is left to do; 0 when never called. */
  setExitCode(code: number): void;
}

/** What a command that serves may touch of its process beside that. */
export interface ProcessIo extends CommandIo {
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Calls `onSignal` at each SIGTERM and SIGINT, which then do nothing else. */
  onStopSignal(onSignal: () => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** All of stdin. @throws Error when it is longer than a config may be */
  readStdin(): Promise<string>;
  /** The process that started this one with a channel between them; undefined without such a channel. */
  readonly parent: ParentChannel | undefined;
}

/** Node's channel to the parent process. */
export interface ParentChannel {
  /** What cannot be sent is lost: then the parent is gone. */
  send(message: object): void;
  onMessage(onMessage: (message: unknown) => void): void;
  /** Calls `onGone` once the parent has ended, also when it had already. */
  onGone(onGone: () => void): void;
}

/** Exit code for a bad config or command line. */
export const EXIT_CODE_REFUSED = 2;

/**
 * A command that writes through `io`. On a bad command line, and after --help, it sets the exit code and throws commander's
 * CommanderError, which says nothing new: the caller of parseAsync drops it.
 */
export function createCommand(name: string, io: CommandIo): Command {
  return new Command(name)
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .exitOverride((error) => {
      if (error.exitCode !== 0) io.setExitCode(EXIT_CODE_REFUSED);
      throw error;
    });
}
