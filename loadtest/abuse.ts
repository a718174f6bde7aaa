/** The abuse suite: `npm run abuse -- ws://host:port/`. README.md says what it asks and why. */
import { abuseCommand } from './abuse/command.ts';

process.exitCode = await abuseCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
