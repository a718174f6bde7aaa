/** One page of metrics from those of several processes: every sample gets a label `role`. */
import { type Metric, Registry } from 'prom-client';

/** The metrics of one role, in the library's JSON form; undefined when it did not answer. */
export interface RolePage {
  readonly role: string;
  readonly metrics: readonly object[] | undefined;
}

export const PAGE_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

const ROLE_UP = 'reveille_role_up';

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly Sample[];
}

/**
 * The page of `roles`, and of `teller`, the process that renders it where that is none of them. `reveille_role_up` says which roles
 * answered. A label `role` that a sample has already stays.
 */
export async function renderMerged(
  roles: readonly RolePage[],
  teller: RolePage | undefined,
): Promise<string> {
  const families = new Map<string, Family>([[ROLE_UP, upFamily(roles)]]);
  for (const { role, metrics = [] } of teller === undefined ? roles : [teller, ...roles]) {
    for (const metric of metrics.filter(isFamily)) {
      const known = families.get(metric.name)?.values ?? [];
      const values = metric.values.map((sample) => ({
        ...sample,
        labels: { ...sample.labels, role: sample.labels['role'] ?? role },
      }));
      families.set(metric.name, { ...metric, values: [...known, ...values] });
    }
  }
  const registry = new Registry();
  for (const family of families.values()) {
    // The library renders what gives values when asked; it has no metric that is made of values.
    const metric = { ...family, aggregator: 'sum', get: async () => family };
    registry.registerMetric(metric as unknown as Metric);
  }
  return registry.metrics();
}

function upFamily(roles: readonly RolePage[]): Family {
  return {
    name: ROLE_UP,
    help: '1 when the role runs and has answered this scrape.',
    type: 'gauge',
    values: roles.map(({ role, metrics }) => ({
      labels: { role },
      value: metrics === undefined ? 0 : 1,
    })),
  };
}

function isFamily(metric: object): metric is Family {
  return (
    'name' in metric &&
    typeof metric.name === 'string' &&
    'help' in metric &&
    typeof metric.help === 'string' &&
    'type' in metric &&
    'values' in metric &&
    Array.isArray(metric.values)
  );
}
