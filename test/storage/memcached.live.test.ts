import { openMemcachedStore } from '../../src/storage/memcached.ts';
import { type RealMemcached, startMemcached } from '../support/memcached.ts';
import { itKeepsTheStoreContract } from './store-contract.ts';

describe('the memcached store', () => {
  let memcached: RealMemcached;
  before(async () => {
    memcached = await startMemcached();
  });
  after(async () => {
    await memcached.stop();
  });

  itKeepsTheStoreContract(
    ({ limits, clock }) =>
      openMemcachedStore({
        servers: [memcached],
        timeoutMs: 1000,
        requestsInFlightMax: 10_000,
        limits,
        clock,
      }),
    { expiresBy: 'clock' },
  );
});
