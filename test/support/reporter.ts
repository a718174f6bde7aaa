import { writeSync } from 'node:fs';
import Mocha from 'mocha';

/**
 * Mocha's spec output for people and, when all is run, one line of JSON for test/run.mjs on a file descriptor of its own: nothing a
 * test prints can be taken for it, and a run that dies never writes it.
 */
// biome-ignore lint/style/noDefaultExport: Mocha takes a reporter by its default export.
export default class TotalsReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.once('end', () => {
      const { passes: passed, failures: failed } = this.stats;
      const report = JSON.stringify({ passed, failed, skipped });
      // An option of the command line is text.
      writeSync(
        Number(options.reporterOptions.totalsFd),
        `${report}
`,
      );
    });
  }
}
