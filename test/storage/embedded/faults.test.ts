import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { assert } from '../../../src/assert.ts';
import { COMMIT_MS_MAX, PAUSE_AFTER_FAILURE_MS } from '../../../src/storage/embedded/commits.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import { type Store, StoreUnavailableError } from '../../../src/storage/store.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { HandClock } from '../hand-clock.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  version,
} from '../store-fixtures.ts';
import { openChildStore } from './child-store.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

const MEBIBYTE = 2 ** 20;
const LOCK_HOLDER = fileURLToPath(new URL('./lock-holder.js', import.meta.url));

describe('the embedded store when', () => {
  let folder: TemporaryFolder;
  let clock: HandClock;
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    clock = new HandClock();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  const open = (options: { mapBytesMax?: number; queuedOperationsMax?: number } = {}) =>
    openEmbeddedStore({ ...EMBEDDED_DEFAULTS, ...options, path: folder.path, clock });

  it('as many writes wait as may: refuses one more at once and answers the others', async () => {
    const store = await open({ queuedOperationsMax: 3 });
    const device = newDevice();
    const put = () => store.putUpdate(device, newChannel(), version(1));
    const accepted = [put(), put(), put()];
    expect(await outcomeOf(put())).to.be.instanceOf(StoreUnavailableError);
    expect(await Promise.all(accepted)).to.deep.equal(['stored', 'stored', 'stored']);
    expect(await put()).to.equal('stored');
    await store.close();
  });

  it('its file may not grow: refuses what is new, goes on with what it has, and recovers', async () => {
    const store = await open({ mapBytesMax: MEBIBYTE });
    const first = await registerUntilRefused(store);
    expect(first.error).to.be.instanceOf(StoreUnavailableError);
    expect(first.registered.length).to.be.greaterThan(1000);
    const [held, channel] = first.registered[0] ?? [];
    assert(held !== undefined && channel !== undefined, 'something was registered');
    expect(await store.registerChannel(held, plain(channel))).to.equal('registered');
    expect(await outcomeOf(store.putUpdate(held, channel, version(1)))).to.be.instanceOf(
      StoreUnavailableError,
    );
    await store.unregisterChannel(held, channel);
    clock.moveMs(TEST_LIMITS.channelTtlMs * 2);
    // Once round the file and a little further.
    for (let sweep = 0; sweep * 100 < first.registered.length; sweep += 1) {
      clock.tick();
      await store.check();
    }
    expect(await store.registerChannel(newDevice(), plain(newChannel()))).to.equal('registered');
    await store.close();
    expect(statSync(join(folder.path, 'records.mdb')).size).to.be.at.most(1.5 * MEBIBYTE);
  });

  it('the disk is full: refuses, keeps what it promised, and recovers', async function () {
    // prlimit, which makes a disk full without filling it, is Linux alone.
    if (process.platform !== 'linux') this.skip();
    const child = await openChildStore({
      path: folder.path,
      nowMs: () => clock.nowMs(),
      launcher: ['prlimit', `--fsize=${MEBIBYTE}:unlimited`],
    });
    const { registered, error } = await registerUntilRefused(child);
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(String(error)).to.include('the store cannot write');
    const [device, channel] = [newDevice(), newChannel()];
    expect(String(await outcomeOf(child.check()))).to.include('the store cannot write');
    execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
    clock.moveMs(PAUSE_AFTER_FAILURE_MS);
    expect(await child.putUpdate(device, channel, version(7))).to.equal('stored');
    await child.kill();
    const store = await open();
    expect(await pendingOf(store, device, channel)).to.equal(7);
    for (const [held, heldChannel] of registered) {
      expect(channelsOf(await store.readDevice(held, []))).to.deep.equal([plain(heldChannel)]);
    }
    await store.close();
  });

  it('another process keeps the lock: gives up in time, refuses, and goes on when it is free', async () => {
    const store = await open();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    const holder = spawn(process.execPath, [LOCK_HOLDER, join(folder.path, 'records.mdb')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const waiting = outcomeOf(store.putUpdate(device, channel, version(7)));
    await setImmediate();
    await setImmediate();
    const queued = outcomeOf(store.putUpdate(device, channel, version(8)));
    clock.moveMs(COMMIT_MS_MAX);
    clock.tick();
    // Reads need no lock.
    expect(await pendingOf(store, device, channel)).to.equal(undefined);
    clock.moveMs(1);
    clock.tick();
    expect(await waiting).to.be.instanceOf(StoreUnavailableError);
    expect(await queued).to.be.instanceOf(StoreUnavailableError);
    expect(await outcomeOf(store.check())).to.be.instanceOf(StoreUnavailableError);
    holder.kill('SIGKILL');
    while ((await outcomeOf(store.check())) instanceof Error) await setImmediate();
    expect(await pendingOf(store, device, channel)).to.equal(7);
    expect(await store.putUpdate(device, channel, version(8))).to.equal('stored');
    await store.close();
  });
});

/** Devices with a channel each, until the first is refused. */
async function registerUntilRefused(store: Store) {
  const registered: (readonly [ReturnType<typeof newDevice>, ReturnType<typeof newChannel>])[] = [];
  for (;;) {
    const batch = Array.from({ length: 100 }, () => [newDevice(), newChannel()] as const);
    const outcomes = await Promise.all(
      batch.map(([device, channel]) => outcomeOf(store.registerChannel(device, plain(channel)))),
    );
    registered.push(...batch.filter((_, at) => outcomes[at] === 'registered'));
    const error = outcomes.find((outcome) => outcome instanceof Error);
    if (error !== undefined) return { registered, error };
  }
}

/** What a promise comes to: its value, or its error. */
function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
