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
