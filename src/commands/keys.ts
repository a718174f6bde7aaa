import { type Command, InvalidArgumentError } from 'commander';
import { TOKENS } from '../config/sections/tokens.ts';
import { newTokenKey } from '../config/token-keys.ts';
import { type CommandIo, createCommand } from './command-io.ts';

const COUNT_MAX = TOKENS.properties.keys.maxItems;

const ADVICE = `
Put keys into the file that tokens.key_path names, one a line (mode 0600), or into tokens.keys. The first makes endpoints, all of them
are read. To rotate: put a new one first on every node and keep the old ones as long as endpoints made with them are in use.
`.trimStart();

/** `keys [--count N]`: prints fresh token keys, one a line, and to stderr what to do with them. */
export function keysCommand(io: CommandIo): Command {
  return createCommand('keys', io)
    .description('print fresh token keys')
    .option('--count <number>', `how many, 1 to ${COUNT_MAX}`, parseCount, 1)
    .action(({ count }: { count: number }) => {
      const keys = Array.from({ length: count }, newTokenKey);
      io.stdout(`${keys.join('\n')}\n`);
      io.stderr(ADVICE);
    });
}

function parseCount(text: string): number {
  const count = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= COUNT_MAX) return count;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${COUNT_MAX}.`);
}
