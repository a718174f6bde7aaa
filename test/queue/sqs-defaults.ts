import { systemClock } from '../../src/clock.ts';
import { quietLog } from '../../src/log.ts';

/** Options of a queue in SQS that no test is about. Each test adds a queue's URL. */
export const SQS_DEFAULTS = {
  deadQueueUrl: '',
  leaseMs: 60_000,
  timeoutMs: 10_000,
  enqueuesInHandMax: 1000,
  clock: systemClock,
  log: quietLog,
  lookWaitSeconds: 0,
};
