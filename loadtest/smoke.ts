/** The smoke test: `npm run smoke -- ws://host:port/`. README.md says what it asks and why. */
import { smokeCommand } from './smoke/command.ts';

process.exitCode = await smokeCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
