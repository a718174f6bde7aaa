import { writeSync } from 'node:fs';
import Mocha from 'mocha';

const FAULT_CHARACTERS_MAX = 2000;

/**
 * Mocha's spec output for people and, when all is run, one line of JSON for test/run.mjs on a file descriptor of its own: nothing a
 * test prints can be taken for it, and a run that dies never writes it.
 */
// biome-ignore lint/style/noDefaultExport: Mocha takes a reporter by its default export.
export default class TotalsReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    const faults: string[] = [];
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.on('fail', (test, error) => faults.push(`${test.fullTitle()}: ${faultText(error)}`));
    runner.once('end', () => {
      const { passes: passed, failures: failed } = this.stats;
      const report = JSON.stringify({ passed, failed, skipped, faults });
      // An option of the command line is text.
      writeSync(
        Number(options.reporterOptions.totalsFd),
        `${report}
`,
      );
    });
  }
}

/** Enough to find the place; the whole is in the output above. */
function faultText(error: unknown): string {
  return (textIn(error, 'stack') ?? textIn(error, 'message') ?? String(error)).slice(
    0,
    FAULT_CHARACTERS_MAX,
  );
}

/** Of an error, or of the plain object that one becomes on its way from another process of Mocha's. */
function textIn(error: unknown, member: 'stack' | 'message'): string | undefined {
  if (typeof error !== 'object' || error === null || !(member in error)) return undefined;
  const text: unknown = Reflect.get(error, member);
  return typeof text === 'string' ? text : undefined;
}
