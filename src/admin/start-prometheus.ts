import type { Counters } from '../metrics.ts';
import { createMetricsPage, type Prometheus } from './registry.ts';

/** The page of the process that runs the roles, in JSON form for the one page of all. */
export function createStartPrometheus(restarts: Counters<string>): Prometheus {
  const page = createMetricsPage();
  page.counters(
    'reveille_role_restarts_total',
    'How often a role was started again because it had ended.',
    'role',
    restarts,
  );
  return page;
}
