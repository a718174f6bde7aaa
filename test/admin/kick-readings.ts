import type { KickReadings } from '../../src/admin/kick-prometheus.ts';
import { readingsOf } from '../../src/commands/kick-report.ts';
import { createKickMetrics } from '../../src/kick/kick-metrics.ts';

/** The readings of a provider to which nothing has happened, as the role has them. */
export function kickReadings(): KickReadings {
  return readingsOf({
    name: 'fcm',
    driver: 'spool',
    worker: {
      view: {
        inHand: 0,
        breaker: { kind: 'closed', failures: 0 },
        halts: [],
        queueProblem: undefined,
        storeProblem: undefined,
        lastError: undefined,
      },
      start: () => {},
      stop: () => Promise.resolve(true),
    },
    metrics: createKickMetrics({ count: 0 }),
    queueWatch: { depth: () => undefined, problem: () => undefined, stop: () => {} },
    credentials: { findings: () => [], stop: () => {} },
  });
}
