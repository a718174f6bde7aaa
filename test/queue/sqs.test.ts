import { openSqsQueue } from '../../src/queue/sqs.ts';
import { type Fauxqs, startFauxqs } from '../support/fauxqs.ts';
import { itKeepsTheQueueContract } from './queue-contract.ts';
import { SQS_DEFAULTS } from './sqs-defaults.ts';

describe('the queue in SQS', () => {
  let fauxqs: Fauxqs;
  before(async () => {
    fauxqs = await startFauxqs();
  });
  after(async () => {
    await fauxqs.stop();
  });

  itKeepsTheQueueContract(async () => {
    const { queueUrl } = await fauxqs.createQueues();
    const leaseMs = 1000;
    return {
      queue: openSqsQueue({ ...SQS_DEFAULTS, queueUrl }),
      brief: openSqsQueue({ ...SQS_DEFAULTS, queueUrl, leaseMs }),
      leaseMs,
      pass: () => undefined,
    };
  });
});
