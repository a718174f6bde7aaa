/** The command line of the smoke test. */
import { Command, CommanderError } from 'commander';
import { type CommandIo, EXIT_CODES } from '../wire/command.ts';
import { addTargetOptions, type TargetFlags, targetOf } from '../wire/target.ts';
import { type Outcome, runSmoke } from './run.ts';

/** With it, and WAITS_IN_ALL_MAX, a run takes less than ten seconds whatever the server does. */
const DEFAULT_TIMEOUT_MS = 1_800;
const MARKS: Readonly<Record<Outcome['verdict'], string>> = {
  passed: '✔',
  failed: '✖',
  skipped: '–',
};
const TITLE_COLUMNS = 42;

/** `args` are those after the program's name. Resolves to the exit code. */
export async function smokeCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const program = addTargetOptions(new Command('smoke'), { timeoutMs: DEFAULT_TIMEOUT_MS })
    .description('Looks whether a SimplePush server does what devices and app servers need of it.')
    .option('--json', 'print the outcomes as JSON instead of lines')
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride();
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help is asked for; anything else was a slip, which commander has already explained.
    return error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  }
  const url: URL = program.processedArgs[0];
  const { json, ...flags } = program.opts<TargetFlags & { json?: true }>();
  const tell = json ? () => undefined : (outcome: Outcome) => io.out(lineOf(outcome));
  const outcomes = await runSmoke(targetOf(url, flags), tell);
  const count = (verdict: Outcome['verdict']) =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  const isPassed = failed + skipped === 0;
  if (json) {
    io.out(`${JSON.stringify({ url: url.href, isPassed, outcomes }, null, 1)}\n`);
  } else {
    io.out(`${passed} passed, ${failed} failed, ${skipped} not made: ${url.href}\n`);
  }
  return isPassed ? EXIT_CODES.passed : EXIT_CODES.failed;
}

function lineOf({ title, verdict, note, tookMs }: Outcome): string {
  const took = `${tookMs.toFixed(0)} ms`.padStart(8);
  const line = `${MARKS[verdict]} ${title.padEnd(TITLE_COLUMNS)} ${took}  ${note}`;
  return `${line.trimEnd()}\n`;
}
