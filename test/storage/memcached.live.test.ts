import { openMemcachedStore } from '../../src/storage/memcached.ts';
import type { Store } from '../../src/storage/store.ts';
import { type RealMemcached, startMemcached } from '../support/memcached.ts';
import { inTurns } from './in-turns.ts';
import { itKeepsTheStoreContract, type OpenStore } from './store-contract.ts';

const NODES = 3;

describe('the memcached store', () => {
  let memcached: RealMemcached;
  before(async () => {
    memcached = await startMemcached();
  });
  after(async () => {
    await memcached.stop();
  });

  const open: OpenStore = ({ limits, clock }) =>
    openMemcachedStore({
      servers: [memcached],
      timeoutMs: 2000,
      requestsInFlightMax: 10_000,
      limits,
      clock,
    });

  itKeepsTheStoreContract(open, { expiresBy: 'clock' });

  describe('on several nodes, each call on the next one', () => {
    const openNodes: OpenStore = async (conditions) => {
      const nodes: Store[] = [];
      for (let node = 0; node < NODES; node += 1) nodes.push(await open(conditions));
      return inTurns(nodes);
    };

    itKeepsTheStoreContract(openNodes, { expiresBy: 'clock' });
  });
});
