import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { newStamp, openRecordFile } from '../../../src/storage/embedded/file.ts';
import { StoreFileError } from '../../../src/storage/embedded/folder.ts';
import {
  deviceKey,
  encodeDevice,
  encodeSchema,
  SCHEMA_KEY,
  SCHEMA_VERSION,
} from '../../../src/storage/embedded/records.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { HandClock } from '../hand-clock.ts';
import { channelsOf, newChannel, newDevice, targetOf, version } from '../store-fixtures.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

const PERMISSIONS = 0o777;

/** What may lie where the store's file should, and is none. */
const NO_STORES: readonly { readonly name: string; readonly put: (file: string) => void }[] = [
  { name: 'text', put: (file) => writeFileSync(file, 'a shopping list\n') },
  { name: 'zeros', put: (file) => writeFileSync(file, Buffer.alloc(100_000)) },
  { name: 'half a page', put: (file) => writeFileSync(file, Buffer.alloc(2048)) },
  { name: 'a folder', put: (file) => mkdirSync(file) },
];

describe('the file of the embedded store', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  const open = (path: string) =>
    openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path, clock: new HandClock() });
  const refusal = async (path: string): Promise<unknown> =>
    open(path).then(
      (store) => store.close(),
      (error: unknown) => error,
    );

  it('is made with its folders, for their owner alone', async () => {
    const path = join(folder.path, 'data', 'store');
    const store = await open(path);
    await store.close();
    const modeOf = (name: string) => statSync(join(folder.path, name)).mode & PERMISSIONS;
    expect(modeOf('data')).to.equal(0o700);
    expect(modeOf('data/store')).to.equal(0o700);
    expect(modeOf('data/store/records.mdb')).to.equal(0o600);
    expect(modeOf('data/store/records.mdb-lock')).to.equal(0o600);
  });

  it('has all of it when it is opened again', async () => {
    const store = await open(folder.path);
    const [device, channel] = [newDevice(), newChannel()];
    const asWritten = { channelId: channel, written: channel.toUpperCase() };
    await store.registerChannel(device, asWritten);
    await store.putUpdate(device, channel, version(7));
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, 1);
    const before = channelsOf(await store.readDevice(device, []));
    await store.close();
    const again = await open(folder.path);
    expect(channelsOf(await again.readDevice(device, []))).to.deep.equal(before);
    expect(await targetOf(again, device)).to.deep.equal({ type: 'fcm', token: 'token' });
    await again.close();
  });

  it('has the kick targets that an earlier version wrote', async () => {
    const target = { type: 'fcm', token: 'token' } as const;
    const device = newDevice();
    const store = await open(folder.path);
    await store.close();
    const file = openRecordFile({ path: folder.path, mapBytesMax: EMBEDDED_DEFAULTS.mapBytesMax });
    const record = {
      seenAtMs: new HandClock().nowMs(),
      hadChannels: true,
      kickJson: JSON.stringify(target),
      channels: [],
    };
    await file.put(deviceKey(device), encodeDevice(record), { read: undefined, next: newStamp() });
    await file.close();
    const again = await open(folder.path);
    const unknown = { target, givenAtMs: 0, connectedAtMs: 0 };
    expect((await again.readKick(device)).target).to.deep.equal(unknown);
    expect(await again.readTargetType(device)).to.equal('fcm');
    await again.noteConnected(device, 7);
    expect((await again.readKick(device)).target).to.deep.equal({ ...unknown, connectedAtMs: 7 });
    await again.close();
  });

  it('has what was on its way when it was closed', async () => {
    const store = await open(folder.path);
    const [device, channel] = [newDevice(), newChannel()];
    const outcome = store.putUpdate(device, channel, version(7));
    await store.close();
    expect(await outcome).to.equal('stored');
    const again = await open(folder.path);
    const [held] = channelsOf(await again.readDevice(device, []));
    expect(held?.pending?.version).to.equal(7);
    await again.close();
  });

  it('lets go of the clock when it is closed', async () => {
    const clock = new HandClock();
    const store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path: folder.path, clock });
    expect(clock.repeatedCount).to.be.greaterThan(0);
    await store.close();
    expect(clock.repeatedCount).to.equal(0);
  });

  for (const { name, put } of NO_STORES) {
    it(`refuses ${name} in its place`, async () => {
      put(join(folder.path, 'records.mdb'));
      const error = await refusal(folder.path);
      expect(error).to.be.instanceOf(StoreFileError);
      expect(String(error)).to.include(folder.path);
    });
  }

  it('takes an empty file for one that nobody got to fill', async () => {
    writeFileSync(join(folder.path, 'records.mdb'), '');
    const store = await open(folder.path);
    await store.check();
    await store.close();
  });

  it('refuses an LMDB file that is not a store', async () => {
    const file = openRecordFile({ path: folder.path, mapBytesMax: EMBEDDED_DEFAULTS.mapBytesMax });
    await file.put(Buffer.from('key'), Buffer.from('value'), { read: undefined, next: 0.5 });
    await file.close();
    const error = await refusal(folder.path);
    expect(error).to.be.instanceOf(StoreFileError);
    expect(String(error)).to.include('not a store');
  });

  it('refuses a store of a later schema and says so', async () => {
    const file = openRecordFile({ path: folder.path, mapBytesMax: EMBEDDED_DEFAULTS.mapBytesMax });
    const later = encodeSchema(SCHEMA_VERSION + 1);
    await file.put(SCHEMA_KEY, later, { read: undefined, next: 0.5 });
    await file.close();
    const error = await refusal(folder.path);
    expect(error).to.be.instanceOf(StoreFileError);
    expect(String(error)).to.include(`schema version ${SCHEMA_VERSION + 1}`);
  });

  it('refuses a path that leads through a file', async () => {
    writeFileSync(join(folder.path, 'file'), '');
    expect(await refusal(join(folder.path, 'file', 'store'))).to.be.instanceOf(StoreFileError);
  });
});
