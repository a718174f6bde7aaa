import type { CommandIo } from '../../loadtest/wire/command.ts';

/** What a command of loadtest/ prints and how it ends. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function recordCommand(
  command: (args: readonly string[], io: CommandIo) => Promise<number>,
  args: readonly string[],
): Promise<CommandRun> {
  let out = '';
  let err = '';
  const code = await command(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}
