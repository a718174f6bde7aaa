/** One run of Mocha in a process of its own, on whichever Node. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const CONFIG = 'build/mocharc.json';
const TOTALS_FD = 3;

/** Beyond any run of the suite, so that a test that blocks its process ends as a failure. */
const RUN_MINUTES_MAX = 20;
/** A process that has reported and is still there holds something open. */
const EXIT_SECONDS_MAX = 20;
/** Files that are tested at once. Most tests wait most of the time: for a server's start, a deadline, a disk. */
const JOBS = 2;
/** The same tests with more rounds each (`--long`) get this many times the time. */
const LONG_FACTOR = 12;

/**
 * Runs the compiled test `files` in their order with the executable `node`. Resolves to `{ passed, failed, skipped, faults }`,
 * `skipped` being titles and `faults` titles with the beginning of what was thrown. A process that dies, hangs, or ends badly without
 * a failed test, counts as one failure. Never rejects.
 *
 * `titlePart`, when given, chooses the tests whose title contains it. `isLong` runs more rounds of each. `isPendingForbidden` makes
 * a skipped test a failure. `isDry` only counts the tests, silently.
 */
export async function runMocha({
  node,
  files,
  titlePart,
  isLong,
  isPendingForbidden,
  isDry = false,
}) {
  const { spec, 'node-option': nodeOptions, timeout, ...config } = readConfig();
  const chosen = {
    ...config,
    spec: files,
    timeout: isLong ? timeout * LONG_FACTOR : timeout,
    'forbid-pending': isPendingForbidden,
    'dry-run': isDry,
    parallel: !isDry && files.length > 1,
    jobs: JOBS,
    reporter: 'build/test/support/reporter.js',
    'reporter-option': [`totalsFd=${TOTALS_FD}`],
    ...(titlePart === undefined ? {} : { fgrep: titlePart }),
  };
  writeFileSync(CONFIG, JSON.stringify(chosen));
  const args = [
    ...nodeOptions.map((option) => `--${option}`),
    'node_modules/mocha/bin/mocha.js',
    '--config',
    CONFIG,
  ];
  const child = spawn(node, args, {
    stdio: ['ignore', isDry ? 'ignore' : 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, ...(isLong ? { REVEILLE_TEST_LONG: '1' } : {}) },
    // Leads a process group, so that servers and browsers that a test left behind end with it.
    detached: true,
  });
  return await outcomeOf(child, isLong);
}

function readConfig() {
  return JSON.parse(readFileSync('.mocharc.json', 'utf8'));
}

async function outcomeOf(child, isLong) {
  const killGroup = () => endGroup(child);
  const interrupted = (signal) => {
    killGroup();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const runMinutesMax = isLong ? RUN_MINUTES_MAX * LONG_FACTOR : RUN_MINUTES_MAX;
  let deadline = setTimeout(killGroup, runMinutesMax * 60_000);
  let report = '';
  child.stdio[TOTALS_FD].setEncoding('utf8').on('data', (text) => {
    report += text;
    clearTimeout(deadline);
    deadline = setTimeout(killGroup, EXIT_SECONDS_MAX * 1000);
  });
  const ending = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  clearTimeout(deadline);
  killGroup();
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  return judged(report, ending);
}

/** `ending` is an exit code, a signal's name or what kept the process from starting. */
function judged(report, ending) {
  if (report === '') {
    console.log(`Mocha ended (${ending}) without a report.`);
    return { passed: 0, failed: 1, skipped: [], faults: [] };
  }
  const totals = JSON.parse(report);
  if (totals.failed > 0 || ending === 0) return totals;
  console.log(`Mocha reported no failure and ended badly all the same (${ending}).`);
  return { ...totals, failed: 1 };
}

function endGroup({ pid }) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // The usual case: nothing of the group is left.
    if (error.code !== 'ESRCH') throw error;
  }
}
