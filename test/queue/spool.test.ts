import { openSpool } from '../../src/queue/spool.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { itKeepsTheQueueContract } from './queue-contract.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';

describe('the spool', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  itKeepsTheQueueContract(async () => {
    const clock = new HandClock();
    const options = { ...SPOOL_DEFAULTS, path: folder.path, clock };
    const leaseMs = 1000;
    return {
      queue: await openSpool(options),
      brief: await openSpool({ ...options, leaseMs }),
      leaseMs,
      pass: (ms) => {
        clock.moveMs(ms);
        clock.tick();
      },
    };
  });
});
