import { createMemoryStore } from '../../src/storage/memory.ts';
import { itKeepsTheStoreContract } from './store-contract.ts';

describe('the memory store', () => {
  itKeepsTheStoreContract(
    ({ limits, clock }) =>
      Promise.resolve(createMemoryStore({ limits, clock, channelsMax: 100_000 })),
    { expiresBy: 'clock' },
  );
});
