import { expect } from 'chai';
import fc from 'fast-check';
import { unreachable } from '../../../src/assert.ts';
import type { ChannelId, DeviceId } from '../../../src/protocol/ids.ts';
import {
  decideDrop,
  decidePut,
  decideRegister,
  decideUnregister,
} from '../../../src/storage/memcached/decisions.ts';
import type { RecordServer } from '../../../src/storage/memcached/editor.ts';
import { type Call, channelPlace, type Tables } from '../../../src/storage/memcached/places.ts';
import {
  channelKey,
  currentChannel,
  decodeChannel,
  decodeDevice,
  deviceKey,
} from '../../../src/storage/memcached/records.ts';
import type { Seen, Stamp, Write } from '../../../src/storage/memcached/requests.ts';
import { createTables } from '../../../src/storage/memcached/tables.ts';
import { HandClock } from '../hand-clock.ts';
import { newChannel, newDevice, TEST_LIMITS, version } from '../store-fixtures.ts';

/** So few that everybody is in everybody's way. */
const LIMITS = { ...TEST_LIMITS, channelsPerDeviceMax: 2 };
const CHANNELS = [newChannel(), newChannel(), newChannel(), newChannel()] as const;
const NODES = 3;
const RUNS = process.env['REVEILLE_TEST_LONG'] === '1' ? 100_000 : 3_000;

type Action = 'register' | 'put' | 'unregister' | 'drop';

interface Step {
  readonly action: Action;
  readonly channel: ChannelId;
}

/** The items of one memcached. Its answers come in the order that the scheduler chooses. */
class ScheduledServer implements RecordServer {
  readonly #scheduler: fc.Scheduler;
  readonly #items = new Map<string, { readonly cas: number; readonly value: string }>();
  #cas = 0;

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
  }

  async get(key: string): Promise<Seen> {
    await this.#scheduler.schedule(Promise.resolve(), `get ${key}`);
    return { connectionId: 1, cas: this.#items.get(key)?.cas ?? 0, value: this.value(key) };
  }

  async compareAndSet(seen: Stamp, { key, value }: Write): Promise<Stamp | undefined> {
    await this.#scheduler.schedule(Promise.resolve(), `set ${key} ${value}`);
    if ((this.#items.get(key)?.cas ?? 0) !== seen.cas) return undefined;
    this.#cas += 1;
    this.#items.set(key, { cas: this.#cas, value });
    return { connectionId: 1, cas: this.#cas };
  }

  value(key: string): string | undefined {
    return this.#items.get(key)?.value;
  }
}

describe('the list of a device in memcached', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    action: fc.constantFrom('register', 'put', 'unregister', 'drop'),
    channel: fc.constantFrom(...CHANNELS),
  });
  const scripts = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
    minLength: 2,
    maxLength: NODES,
  });

  it('names every held channel, and no more are held than may be, whoever comes first', async () => {
    const check = fc.asyncProperty(fc.scheduler(), scripts, async (scheduler, nodes) => {
      const server = new ScheduledServer(scheduler);
      const device = newDevice();
      const clock = new HandClock();
      const played = nodes.map((script) =>
        play(script, createTables({ limits: LIMITS, clock }), {
          server,
          deviceId: device,
          beginByMs: Number.POSITIVE_INFINITY,
        }),
      );
      await scheduler.waitFor(Promise.all(played));
      const held = heldOf(server, device, clock.nowMs());
      const list = server.value(deviceKey(device));
      const listed = list === undefined ? [] : decodeDevice(list).channelIds;
      expect(listed).to.include.members(held);
      expect(listed.length).to.be.at.most(LIMITS.channelsPerDeviceMax);
    });
    await fc.assert(check, { numRuns: RUNS });
  });
});

async function play(script: readonly Step[], tables: Tables, call: Call): Promise<void> {
  for (const { action, channel } of script) {
    const moment = { nowMs: tables.clock.nowMs(), limits: LIMITS };
    await tables.channels.edit<unknown>(channelPlace(call, channel), (record, hasRoom) => {
      switch (action) {
        case 'register':
          return decideRegister(record, { spelling: '', hasRoom }, moment);
        case 'put':
          return decidePut(record, { version: version(1), hasRoom }, moment);
        case 'unregister':
          return decideUnregister(moment);
        case 'drop':
          return decideDrop(record, moment);
        default:
          return unreachable(action);
      }
    });
  }
}

function heldOf(server: ScheduledServer, device: DeviceId, nowMs: number): readonly ChannelId[] {
  return CHANNELS.filter((channel) => {
    const text = server.value(channelKey(device, channel));
    const record = text === undefined ? undefined : decodeChannel(text);
    return currentChannel(record, nowMs, LIMITS)?.kind === 'live';
  });
}
