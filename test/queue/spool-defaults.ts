import { quietLog } from '../../src/log.ts';

/** Options of a spool that no test is about: room for everything. Each test adds a path and a clock. */
export const SPOOL_DEFAULTS = {
  entriesMax: 100_000,
  bytesMax: 2 ** 30,
  deadMax: 1000,
  leaseMs: 60_000,
  timeoutMs: 10_000,
  enqueuesInHandMax: 10_000,
  rescanMs: 1000,
  log: quietLog,
};
