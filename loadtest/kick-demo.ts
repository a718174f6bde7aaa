/** The demonstration of wake-ups: `npm run kick:demo`. */
import { demoCommand } from './kick/demo.ts';

process.exitCode = await demoCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
