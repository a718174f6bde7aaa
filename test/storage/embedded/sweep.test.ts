import { expect } from 'chai';
import { type FileRecord, openRecordFile } from '../../../src/storage/embedded/file.ts';
import { SWEEP_RECORDS_MAX } from '../../../src/storage/embedded/sweep.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import type { Store } from '../../../src/storage/store.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { HandClock } from '../hand-clock.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  plain,
  TEST_LIMITS,
  version,
} from '../store-fixtures.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

const { channelTtlMs, goneTtlMs, updateTtlMs } = TEST_LIMITS;
/** The schema and the sign of life. */
const OWN_RECORDS = 2;

describe('the sweep of the embedded store', () => {
  let folder: TemporaryFolder;
  let clock: HandClock;
  let store: Store;
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    clock = new HandClock();
    store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path: folder.path, clock });
    await store.check();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  /** One slice. A write that comes later ends later. */
  const sweep = async () => {
    clock.tick();
    await store.check();
  };
  const closeAndRead = async (): Promise<readonly FileRecord[]> => {
    await store.close();
    const file = openRecordFile({ path: folder.path, mapBytesMax: EMBEDDED_DEFAULTS.mapBytesMax });
    const all = { start: Buffer.from([0]), end: Buffer.from([255]), recordsMax: 10_000 };
    const records = [...file.range(all)];
    await file.close();
    return records;
  };

  it('leaves everything that has not outlived its time', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs);
    await sweep();
    const [held] = channelsOf(await store.readDevice(device, []));
    expect(held?.pending?.version).to.equal(7);
    expect(await closeAndRead()).to.have.length(OWN_RECORDS + 2);
  });

  it('removes an update that has, and keeps its channel', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs + 1);
    await sweep();
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([plain(channel)]);
    expect(await closeAndRead()).to.have.length(OWN_RECORDS + 1);
  });

  it('makes the record of a device smaller by its forgotten channels', async () => {
    const device = newDevice();
    await store.registerChannel(device, plain(newChannel()));
    for (let gone = 0; gone < TEST_LIMITS.channelsPerDeviceMax; gone += 1) {
      await store.unregisterChannel(device, newChannel());
    }
    clock.moveMs(goneTtlMs + 1);
    await sweep();
    expect(channelsOf(await store.readDevice(device, []))).to.have.length(1);
    const sizes = (await closeAndRead()).map(({ value }) => value.length);
    expect(Math.max(...sizes)).to.be.below(30);
  });

  it('removes a device that has, with its target', async () => {
    const device = newDevice();
    await store.registerChannel(device, plain(newChannel()));
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, 1);
    clock.moveMs(channelTtlMs * 1.1 + 1);
    await sweep();
    expect(await closeAndRead()).to.have.length(OWN_RECORDS);
  });

  it('looks at a slice at a time and begins anew at the end', async () => {
    const devices = Array.from({ length: SWEEP_RECORDS_MAX * 2 }, newDevice);
    await Promise.all(devices.map((device) => store.registerChannel(device, plain(newChannel()))));
    clock.moveMs(channelTtlMs * 1.1 + 1);
    // The first slice has the schema and the sign of life in it, so that the third has two devices.
    await sweep();
    await sweep();
    await store.putUpdate(newDevice(), newChannel(), version(1));
    await sweep();
    clock.moveMs(updateTtlMs + 1);
    await sweep();
    expect(await closeAndRead()).to.have.length(OWN_RECORDS + 1);
  });

  it('does not go beyond its slice', async () => {
    const devices = Array.from({ length: SWEEP_RECORDS_MAX }, newDevice);
    await Promise.all(devices.map((device) => store.registerChannel(device, plain(newChannel()))));
    clock.moveMs(channelTtlMs * 1.1 + 1);
    await sweep();
    expect(await closeAndRead()).to.have.length(OWN_RECORDS + OWN_RECORDS);
  });
});
