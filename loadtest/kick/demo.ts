/** Shows, step by step and in words, how a device that sleeps is woken: the real server, and fakes that speak the providers' protocols. */
import { Command, CommanderError } from 'commander';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { apnsToken, fallAsleep, fetchPending, type Sleeper } from '../../test/e2e/kick-sleepers.ts';
import { until } from '../../test/e2e/kick-until.ts';
import { type KickWorld, openKickWorld } from '../../test/e2e/kick-world.ts';
import { registrationToken } from '../../test/support/fake-fcm.ts';
import { put } from '../../test/support/put.ts';
import { type CommandIo, EXIT_CODES } from '../wire/command.ts';

const HELP = `
Starts the server with its roles push and kick, and fakes of FCM and APNs beside it, on this machine and on free ports. Shows a
device that sleeps being woken through FCM, then through APNs, and what happens when its push token is dead. Takes some seconds,
leaves nothing behind. Exit codes: 0 when all went as it should, 1 when not, 2 for a bad command line.
`;

/** `args` are those after the program's name. Resolves to the exit code. */
export async function demoCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const program = new Command('kick:demo')
    .description('Shows how a device that sleeps is woken.')
    .option('--log', "print the server's log at the end")
    .addHelpText('after', HELP)
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
  const { log } = program.opts<{ log?: true }>();
  try {
    await show(io, log === true);
    io.out('\nAll went as it should.\n');
    return EXIT_CODES.passed;
  } catch (error) {
    io.err(`\nkick:demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CODES.failed;
  }
}

async function show(io: CommandIo, showsLog: boolean): Promise<void> {
  io.out('Starting the server and the fakes of FCM and APNs …\n');
  await using world = await openKickWorld({ settings: { 'log.level': 'debug' } });
  const { ws, endpoint, admin } = world.server.urls;
  io.out(`reveille ready ws=${ws} endpoint=${endpoint} admin=${admin}\n`);
  const scene: Scene = {
    world,
    title: (text) => io.out(`\n${text}\n`),
    tell: (text) => io.out(`  ${text}\n`),
  };
  await showFcm(scene);
  await showApns(scene);
  await showDeadToken(scene);
  const { code } = await world.server.stop();
  must(code === 0, `the server ended with ${code}`);
  if (showsLog) io.out(`\nThe log of the server:\n${world.server.printed.stderr}`);
}

interface Scene {
  readonly world: KickWorld;
  title(text: string): void;
  tell(text: string): void;
}

async function showFcm(scene: Scene): Promise<void> {
  const { world, title, tell } = scene;
  title('1. A device with FCM');
  const sleeper = await sleep(scene, { type: 'fcm', token: registrationToken('android-phone') });
  const putAtMs = await putVersion(scene, sleeper, 17);
  await until('a wake-up through FCM', () => world.fcm.wakes.length > 0);
  const [wake] = world.fcm.wakes;
  must(wake !== undefined, 'FCM took a wake-up');
  tell(`FCM takes a message, ${wake.atMs - putAtMs} ms after the PUT, as it sees it:`);
  const { priority, ttlSecs, collapseKey, data } = wake;
  tell(`  token ${shown(wake.token)}, priority ${priority}, ttl ${ttlSecs} s, key ${collapseKey}`);
  tell(`  data ${JSON.stringify(data)}`);
  await wakeUp(scene, sleeper, 17);
  must(world.fcm.wakes.length === 1, 'FCM took one wake-up and no more');
}

async function showApns(scene: Scene): Promise<void> {
  const { world, title, tell } = scene;
  title('2. A device with APNs');
  const sleeper = await sleep(scene, { type: 'apns', token: apnsToken(0xc0ffee) });
  const putAtMs = await putVersion(scene, sleeper, 18);
  await until('a wake-up through APNs', () => world.apns.wakes.length > 0);
  const [wake] = world.apns.wakes;
  must(wake !== undefined, 'APNs took a wake-up');
  tell(`APNs takes a push, at most ${Date.now() - putAtMs} ms after the PUT, as it sees it:`);
  const { deviceToken, topic, pushType, priority, payload } = wake;
  tell(`  token ${shown(deviceToken)}, topic ${topic}, type ${pushType}, priority ${priority}`);
  tell(`  payload ${JSON.stringify(payload)}`);
  await wakeUp(scene, sleeper, 18);
  must(world.apns.wakes.length === 1, 'APNs took one wake-up and no more');
}

async function showDeadToken(scene: Scene): Promise<void> {
  const { world, title, tell } = scene;
  title('3. A device whose app was removed: its FCM token is dead');
  const target: KickTarget = { type: 'fcm', token: registrationToken('old-phone') };
  const sleeper = await sleep(scene, target);
  const wakesBefore = world.fcm.wakes.length;
  world.fcm.answerNext({ kind: 'error', name: 'UNREGISTERED' });
  await putVersion(scene, sleeper, 19);
  await until('the answer of FCM', () => world.server.printed.stderr.includes('"outcome":"gone"'));
  tell('FCM answers 404 UNREGISTERED: nobody has this token any more.');
  await until('the end of the kick', async () => (await world.kicksLeft()) === 0);
  tell(
    'The server forgets the token. The kick is done: it is neither tried again nor a dead letter.',
  );
  const sendsBefore = world.fcm.sends;
  await putVersion(scene, sleeper, 20, 'stored for the next hello, and nobody is kicked');
  must((await world.kicksLeft()) === 0, 'nothing waits in the queue');
  must(world.fcm.sends === sendsBefore, 'FCM was not asked again');
  must(world.fcm.wakes.length === wakesBefore, 'nobody was woken');
  tell('Nobody has woken the device. Some day its user starts the app again:');
  await wakeUp(scene, sleeper, 20);
}

async function sleep({ world, tell }: Scene, target: KickTarget): Promise<Sleeper> {
  const sleeper = await fallAsleep(world.server, target);
  const connect = 'token' in target ? { ...target, token: shown(target.token) } : target;
  tell(`The device says hello with "connect": ${JSON.stringify(connect)},`);
  tell(`registers channel ${sleeper.channelID}, and leaves.`);
  return sleeper;
}

/** Resolves to when it was sent, by the machine's clock. */
async function putVersion(
  { world, tell }: Scene,
  { endpoint }: Sleeper,
  version: number,
  meaning = 'stored, and a kick is in the queue',
): Promise<number> {
  const putAtMs = Date.now();
  const { status } = await put(endpoint, { version });
  must(
    status === 202,
    `the PUT was answered ${status}: ${world.server.printed.stderr.slice(-500)}`,
  );
  tell(`The app server PUTs version ${version} and is answered 202: ${meaning}.`);
  return putAtMs;
}

async function wakeUp({ world, tell }: Scene, sleeper: Sleeper, version: number): Promise<void> {
  const fetched = await fetchPending(world.server, sleeper);
  must(fetched === version, `the device found version ${fetched}, not ${version}`);
  tell(`The device connects, says hello, and has version ${version}.`);
}

/** Enough to know it again. */
function shown(token: string): string {
  return `${token.slice(0, 12)}…`;
}

function must(isSo: boolean, sentence: string): asserts isSo {
  if (!isSo) throw new Error(`it did not come out that ${sentence}`);
}
