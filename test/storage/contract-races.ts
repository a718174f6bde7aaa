import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { unreachable } from '../../src/assert.ts';
import type { ChannelId, DeviceId } from '../../src/protocol/ids.ts';
import type { Store } from '../../src/storage/store.ts';
import { explains, type Operation, type Step } from './channel-model.ts';
import type { GetSubject } from './store-contract.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  version,
} from './store-fixtures.ts';

const RACE_ROUNDS = 300;

/** Few values, so that they meet. */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('put' as const), version: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('ack' as const), version: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'read' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'register' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'unregister' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'drop' as const }) },
);
const callers = fc.array(fc.array(operation, { maxLength: 3 }), { minLength: 2, maxLength: 4 });

/** The outcome of calls made at once is that of some order of the calls. */
export function itIsAtomic(getSubject: GetSubject, tellsStale: 'always' | 'not-always'): void {
  it('answers callers of one channel as if they had come one by one', async () => {
    const { store } = getSubject();
    await fc.assert(
      fc.asyncProperty(callers, async (scripts) => {
        const [device, channel] = [newDevice(), newChannel()];
        const histories = await Promise.all(
          scripts.map((script) => play(store, { device, channel }, script)),
        );
        const last = await perform(store, { device, channel }, { type: 'read' });
        expect(explains(histories, last, tellsStale), JSON.stringify({ histories, last })).to.equal(
          true,
        );
      }),
      { numRuns: 150 },
    );
  });

  it('never loses the highest version between two app servers and a device', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    const seen = new Set<number>();
    const appServer = async (first: number) => {
      for (let round = 0; round < RACE_ROUNDS; round += 1) {
        const put = first + 2 * round;
        await store.putUpdate(device, channel, version(put));
        // Ours or a higher one waits, unless the device has it.
        const pending = await pendingOf(store, device, channel);
        if (pending === undefined || pending < put) expect(Math.max(...seen)).to.be.at.least(put);
      }
    };
    let serving = true;
    const phone = async () => {
      while (serving) {
        // Some stores answer at once: the others must have their turn.
        await setImmediate();
        const pending = await pendingOf(store, device, channel);
        if (pending === undefined) continue;
        seen.add(pending);
        await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(pending) }]);
      }
    };
    const listening = phone();
    await Promise.all([appServer(1), appServer(2)]);
    serving = false;
    await listening;
    seen.add((await pendingOf(store, device, channel)) ?? 0);
    expect(Math.max(...seen)).to.equal(2 * RACE_ROUNDS);
  });

  it('keeps the highest of a thousand versions put at once', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    const versions = Array.from({ length: 1000 }, (_, index) => (index * 7919) % 1000);
    const outcomes = await Promise.all(
      versions.map((value) => store.putUpdate(device, channel, version(value))),
    );
    expect(new Set(outcomes)).to.be.a('set').that.does.not.include('gone');
    expect(outcomes[versions.indexOf(999)]).to.equal('stored');
    expect(await pendingOf(store, device, channel)).to.equal(999);
  });

  it('keeps a thousand versions put at once to a thousand devices', async () => {
    const { store } = getSubject();
    const channel = newChannel();
    const devices = Array.from({ length: 1000 }, newDevice);
    await Promise.all(devices.map((device, at) => store.putUpdate(device, channel, version(at))));
    const pending = await Promise.all(devices.map((device) => pendingOf(store, device, channel)));
    expect(pending).to.deep.equal(devices.map((_, at) => at));
  });

  it('holds no more than it may when all channels come at once', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const max = TEST_LIMITS.channelsPerDeviceMax;
    const outcomes = await Promise.all(
      Array.from({ length: max + 3 }, () => store.registerChannel(device, plain(newChannel()))),
    );
    expect(outcomes.filter((outcome) => outcome === 'registered')).to.have.length(max);
    expect(outcomes.filter((outcome) => outcome === 'full')).to.have.length(3);
    expect(channelsOf(await store.readDevice(device, []))).to.have.length(max);
  });

  it('keeps all channels that one device registers at once', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel).sort();
    await Promise.all(channels.map((channel) => store.registerChannel(device, plain(channel))));
    const view = channelsOf(await store.readDevice(device, []));
    expect(view.map(({ channelId }) => channelId)).to.deep.equal(channels);
  });
}

interface Pair {
  readonly device: DeviceId;
  readonly channel: ChannelId;
}

/** One caller: each of its calls waits for the answer to the one before. */
async function play(store: Store, pair: Pair, script: readonly Operation[]): Promise<Step[]> {
  const history: Step[] = [];
  for (const next of script) history.push(await perform(store, pair, next));
  return history;
}

async function perform(
  store: Store,
  { device, channel }: Pair,
  operation: Operation,
): Promise<Step> {
  switch (operation.type) {
    case 'put':
      return {
        operation,
        answer: await store.putUpdate(device, channel, version(operation.version)),
      };
    case 'ack':
      await store.ackUpdates(device, [
        { channelId: channel, throughVersion: version(operation.version) },
      ]);
      return { operation, answer: 'done' };
    case 'register':
      return { operation, answer: await store.registerChannel(device, plain(channel)) };
    case 'unregister':
      await store.unregisterChannel(device, channel);
      return { operation, answer: 'done' };
    case 'drop':
      await store.dropDevice(device);
      return { operation, answer: 'done' };
    case 'read':
      return { operation, answer: await readAnswer(store, device) };
    default:
      return unreachable(operation);
  }
}

async function readAnswer(store: Store, device: DeviceId): Promise<string> {
  const view = await store.readDevice(device, []);
  if (view.kind !== 'known' || view.channels.length === 0) return 'not held';
  return `pending ${view.channels[0]?.pending?.version ?? 'nothing'}`;
}
