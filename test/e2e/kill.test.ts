import { AssertionError, expect } from 'chai';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { putStatus } from '../support/put.ts';
import { Random } from '../support/random.ts';
import type { Settings } from '../support/settings.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { RestlessDevice } from './restless-device.ts';

const ROUNDS = process.env['REVEILLE_TEST_LONG'] === '1' ? 400 : 36;
const ROUND_MS_MAX = 5_000;
const DEVICES = 4;
const APP_SERVERS = 12;
/** Messages and answers of one round: from the first hello to somewhat under a second of load. */
const EVENTS_MAX = 1_000;
const UNREGISTERED_PROBABILITY = 0.05;

describe('kill -9 with the embedded store', function () {
  this.timeout(ROUNDS * ROUND_MS_MAX);

  it(`loses nothing that was accepted, and no device, over ${ROUNDS} kills under load`, async () => {
    const seed = Date.now() | 0;
    await using folder = await makeTemporaryFolder();
    const [socketPort = 0, endpointPort = 0] = await findFreePorts(2);
    const settings: Settings = {
      'storage.driver': 'embedded',
      'socket.port': socketPort,
      'endpoint.port': endpointPort,
    };
    const random = new Random(seed);
    const devices = Array.from({ length: DEVICES }, () => new RestlessDevice(random));
    for (let round = 1; round <= ROUNDS; round++) {
      // By turns the role itself dies, and the supervisor, which takes the role with it.
      const command = round % 2 === 0 ? 'start' : 'push';
      await using server = await startChildServer(folder.path, settings, { command });
      try {
        await liveUntilKilled(server, devices, random);
      } catch (cause) {
        throw new Error(`round ${round} of seed ${seed}`, { cause });
      }
    }
    await using server = await startChildServer(folder.path, settings);
    for (const device of devices) await device.comeBack(await server.connect());
    expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
  });
});

/** Everybody at once, until the server is killed amid it. */
async function liveUntilKilled(
  server: ChildServer,
  devices: readonly RestlessDevice[],
  random: Random,
): Promise<void> {
  let eventsLeft = random.upTo(EVENTS_MAX);
  const onEvent = () => {
    eventsLeft--;
    if (eventsLeft === 0) void server.kill();
  };
  const connect = async () => {
    const device = await server.connect();
    device.socket.on('message', onEvent);
    return device;
  };
  const untilKilled = async (life: Promise<never>) => {
    try {
      await life;
    } catch (error) {
      // That a kill cuts connections is no fault; a promise broken before it is.
      if (eventsLeft > 0 || error instanceof AssertionError) throw error;
    }
  };
  await Promise.all([
    ...devices.map((device) => untilKilled(device.live(connect))),
    ...Array.from({ length: APP_SERVERS }, () =>
      untilKilled(putForEver(devices, { random, onAnswer: onEvent })),
    ),
  ]);
}

/** An app server of all devices. Rejects when the server is gone or an answer is wrong. */
async function putForEver(
  devices: readonly RestlessDevice[],
  { random, onAnswer }: { readonly random: Random; readonly onAnswer: () => void },
): Promise<never> {
  for (;;) {
    const device = random.pick(devices);
    const isGone = random.chance(UNREGISTERED_PROBABILITY);
    const channel = random.pick((isGone ? device?.unregistered : device?.channels) ?? []);
    if (device === undefined || channel === undefined) {
      await new Promise(setImmediate);
      continue;
    }
    const version = channel.takeVersion();
    const status = await putStatus(channel.endpoint, { version });
    onAnswer();
    const isHeld = device.channels.includes(channel);
    // Between the two its unregister crossed this PUT.
    expect(status).to.be.oneOf(isHeld ? [200, 202] : isGone ? [410] : [200, 202, 410]);
    if (status !== 410) channel.onAccepted(version);
  }
}
