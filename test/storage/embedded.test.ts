import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../src/storage/embedded.ts';
import { itKeepsTheStoreContract } from './store-contract.ts';

describe('the embedded store', () => {
  let path: string;
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'reveille-store-'));
  });
  after(() => {
    rmSync(path, { recursive: true });
  });

  itKeepsTheStoreContract(
    ({ limits, clock }) =>
      openEmbeddedStore({
        path,
        limits,
        clock,
        mapBytesMax: 2 ** 30,
        queuedOperationsMax: 10_000,
        sweepIntervalMs: 1000,
      }),
    { expiresBy: 'clock' },
  );
});
