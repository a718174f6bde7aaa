/** What a provider that hangs does to PUTs and to the other provider: `npm run bench:kick`. docs/benchmarks.md says how to read it. */
import { hangCommand } from './kick/hang-command.ts';

process.exitCode = await hangCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
