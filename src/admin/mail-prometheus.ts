/** The pages of `/metrics` of the mail roles. They declare what they show, since admin/ does not know mailwatch/ (METRICS.md lists each). */
import type { Counter, Counters, Histogram } from '../metrics.ts';
import { createMetricsPage, type Prometheus } from './registry.ts';

/** What is shown of the backend; readings are taken at the moment of the scrape. */
export interface MailReadings {
  /** Watches by state. */
  readonly watches: Readonly<Record<string, () => number>>;
  readonly openings: Counters<string>;
  readonly ended: Counters<string>;
  readonly registered: Counter;
  readonly looks: Counters<string>;
  readonly news: Counters<string>;
  readonly found: Histogram;
  readonly told: Histogram;
  readonly connections: () => number;
  readonly connectionsWaiting: () => number;
  /** Whether this backend is the one that watches. */
  readonly leading: () => boolean;
  /** Whether the operator has paused the watches. */
  readonly paused: () => boolean;
  readonly ready: () => boolean;
}

/** The backend's page. */
export function createMailPrometheus(readings: MailReadings): Prometheus {
  const page = createMetricsPage();
  page.gauges('reveille_mail_watches', 'Watches by state.', 'state', readings.watches);
  page.counters(
    'reveille_mail_openings_total',
    'Connections to mail servers by how their opening ended.',
    'outcome',
    readings.openings,
  );
  page.counters('reveille_mail_ended_total', 'Watches that ended.', 'reason', readings.ended);
  page.counter('reveille_mail_registered_total', 'Registrations.', readings.registered);
  page.counters(
    'reveille_mail_looks_total',
    'Looks at mailboxes that were answered.',
    'sign',
    readings.looks,
  );
  page.counters('reveille_mail_news_total', 'News that were found.', 'sign', readings.news);
  page.histogram(
    'reveille_mail_found_seconds',
    'From the sign of a mail server to the answer of the look that found news.',
    readings.found,
  );
  page.histogram(
    'reveille_mail_told_seconds',
    'From the look that found news until the endpoint took it.',
    readings.told,
  );
  page.gauge('reveille_mail_connections', 'Connections to mail servers.', readings.connections);
  page.gauge(
    'reveille_mail_connections_waiting',
    'Watches that wait until they may connect.',
    readings.connectionsWaiting,
  );
  page.gauge('reveille_mail_leading', '1 when this backend watches, 0 when it stands by.', () =>
    readings.leading() ? 1 : 0,
  );
  page.gauge('reveille_mail_paused', '1 while the operator has paused the watches.', () =>
    readings.paused() ? 1 : 0,
  );
  page.gauge('reveille_ready', '1 when this process works.', () => (readings.ready() ? 1 : 0));
  return page;
}

/** What is shown of the gate. */
export interface GateReadings {
  /** By status, such as `200`. */
  readonly answers: Counters<string>;
  readonly callsWaiting: () => number;
  readonly ready: () => boolean;
}

/** The gate's page. */
export function createGatePrometheus({ answers, callsWaiting, ready }: GateReadings): Prometheus {
  const page = createMetricsPage();
  page.counters('reveille_mail_gate_answers_total', 'Answers by status.', 'status', answers);
  page.gauge('reveille_mail_gate_calls_waiting', 'Calls that wait for the backend.', callsWaiting);
  page.gauge('reveille_ready', '1 when this process should get traffic.', () => (ready() ? 1 : 0));
  return page;
}
