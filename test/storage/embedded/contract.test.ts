import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GROUP_OPERATIONS_MAX } from '../../../src/storage/embedded/commits.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import { HandClock } from '../hand-clock.ts';
import { itKeepsTheStoreContract } from '../store-contract.ts';
import { newChannel, newDevice, pendingOf, version } from '../store-fixtures.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

describe('the embedded store', () => {
  let path: string;
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'reveille-store-'));
  });
  after(() => {
    rmSync(path, { recursive: true });
  });

  itKeepsTheStoreContract(
    (conditions) => openEmbeddedStore({ ...EMBEDDED_DEFAULTS, ...conditions, path }),
    { expiresBy: 'clock' },
  );

  it('takes more at once than goes into one group', async () => {
    const store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path, clock: new HandClock() });
    const channel = newChannel();
    const devices = Array.from({ length: 2.5 * GROUP_OPERATIONS_MAX }, newDevice);
    const outcomes = devices.map((device) => store.putUpdate(device, channel, version(1)));
    expect(new Set(await Promise.all(outcomes))).to.deep.equal(new Set(['stored']));
    const pending = devices.map((device) => pendingOf(store, device, channel));
    expect(new Set(await Promise.all(pending))).to.deep.equal(new Set([1]));
    await store.close();
  });
});
