import { type Command, CommanderError } from 'commander';
import type { CommandIo } from '../../src/commands/command-io.ts';
import type { Environment } from '../../src/config/environment.ts';

/** What a command did to its process. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Runs a command as main does, its process replaced. */
export async function run(
  commandOf: (io: CommandIo) => Command,
  args: readonly string[],
  env: Environment = {},
): Promise<Outcome> {
  const outcome = { stdout: '', stderr: '', exitCode: 0 };
  const command = commandOf({
    stdout: (text) => {
      outcome.stdout += text;
    },
    stderr: (text) => {
      outcome.stderr += text;
    },
    env,
    setExitCode: (code) => {
      outcome.exitCode = code;
    },
  });
  try {
    await command.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
  return outcome;
}
