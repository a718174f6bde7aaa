/** The stress suite: any SimplePush server, by its URL alone, under load from end to end. README.md says how to read what it prints. */
import { writeFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { runStress } from './stress/coordinator.ts';
import { type Flags, parseFlags } from './stress/flags.ts';
import { createLiveView } from './stress/live-view.ts';
import { pageOf } from './stress/page/page.ts';
import { loadText } from './stress/plan.ts';
import { reportOf } from './stress/report.ts';
import { reportText } from './stress/report-text.ts';

const EXIT_CODES = { passed: 0, failed: 1, badUsage: 2, interrupted: 130 } as const;
/** Connecting and the last check, in seconds, until they are known. */
const START_AND_END_SECS = 10;

async function main({ plan, json, html }: Flags): Promise<void> {
  const interruption = interruptionOf();
  console.log(`${loadText(plan).join('\n')}\n`);
  const view = createLiveView(process.stderr, plan.durationSecs + START_AND_END_SECS);
  const report = reportOf(plan, await runStress({ plan, view, interruption }));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 1)}\n`);
  if (html !== undefined) await writeFile(html, pageOf(report));
  console.log(reportText(report));
  if (json !== undefined) console.log(`report: ${json}`);
  if (html !== undefined) console.log(`page: ${html}`);
  process.exitCode = report.verdict.passed ? EXIT_CODES.passed : EXIT_CODES.failed;
}

/** The first signal ends the run early and in order, the second at once. */
function interruptionOf(): AbortSignal {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(EXIT_CODES.interrupted);
      console.error('interrupted: the last check follows; once more to end at once');
      interruption.abort();
    });
  }
  return interruption.signal;
}

try {
  await main(parseFlags(process.argv.slice(2)));
} catch (error) {
  if (error instanceof CommanderError) {
    // Help is asked for; anything else was a slip, which commander has already explained.
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  } else {
    console.error(`stress: ${(error as Error).message}`);
    process.exitCode = EXIT_CODES.failed;
  }
}
