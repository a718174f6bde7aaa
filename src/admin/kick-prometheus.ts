/** The kick role's page of `/metrics`. It declares what it shows, since admin/ does not know kick/ (METRICS.md lists each). */
import type { Counter, Counters, Histogram } from '../metrics.ts';
import { createMetricsPage, type MetricsPage, type Prometheus } from './registry.ts';

/** What is shown of one provider; readings are taken at the moment of the scrape. */
export interface KickReadings {
  readonly wakes: Counters<string>;
  readonly skips: Counters<string>;
  readonly retries: Counters<string>;
  readonly buried: Counter;
  readonly queueErrors: Counters<string>;
  readonly wakeLatency: Histogram;
  /** Entries by the place in the queue where they lie. */
  readonly queueEntries: Readonly<Record<string, () => number>>;
  readonly oldestReadyMs: () => number;
  readonly inHand: () => number;
  /** For each state of the circuit breaker, 1 or 0. */
  readonly breaker: Readonly<Record<string, () => number>>;
  readonly halted: () => boolean;
}

export interface KickPageDeps {
  /** By provider. */
  readonly providers: Readonly<Record<string, KickReadings>>;
  readonly storeErrors: Counters<string>;
  readonly ready: () => boolean;
}

const MS_PER_SECOND = 1000;

export function createKickPrometheus({ providers, storeErrors, ready }: KickPageDeps): Prometheus {
  const page = createMetricsPage();
  addCounters(page, providers);
  addQueueGauges(page, providers);
  addProviderGauges(page, providers);
  page.counters(
    'reveille_store_errors_total',
    'Failures of the store by what it was asked for.',
    'operation',
    storeErrors,
  );
  page.gauge('reveille_ready', '1 when this process should get traffic.', () => (ready() ? 1 : 0));
  return page;
}

type Providers = KickPageDeps['providers'];

function addCounters(page: MetricsPage, providers: Providers): void {
  page.counterTable(
    'reveille_kick_wakes_total',
    'Wake-ups by what the provider answered.',
    ['provider', 'outcome'],
    each(providers, ({ wakes }) => wakes),
  );
  page.counterTable(
    'reveille_kick_skips_total',
    'Kicks that were done without a wake-up of their own.',
    ['provider', 'reason'],
    each(providers, ({ skips }) => skips),
  );
  page.counterTable(
    'reveille_kick_retries_total',
    'Kicks that went back into the queue.',
    ['provider', 'cause'],
    each(providers, ({ retries }) => retries),
  );
  page.counters(
    'reveille_kick_dead_letters_total',
    'Kicks that were given up.',
    'provider',
    each(providers, ({ buried }) => buried),
  );
  page.counterTable(
    'reveille_kick_queue_errors_total',
    'Failures of the queue by what it was asked for.',
    ['provider', 'operation'],
    each(providers, ({ queueErrors }) => queueErrors),
  );
  page.histograms(
    'reveille_kick_wake_latency_seconds',
    'From the storing of an update to a wake-up that the provider took.',
    'provider',
    each(providers, ({ wakeLatency }) => wakeLatency),
  );
}

function addQueueGauges(page: MetricsPage, providers: Providers): void {
  page.gaugeTable(
    'reveille_kick_queue_entries',
    'Kicks in the queue by where they lie.',
    ['provider', 'place'],
    each(providers, ({ queueEntries }) => queueEntries),
  );
  page.gauges(
    'reveille_kick_queue_oldest_seconds',
    'Age of the oldest kick that waits to be worked on.',
    'provider',
    each(
      providers,
      ({ oldestReadyMs }) =>
        () =>
          oldestReadyMs() / MS_PER_SECOND,
    ),
  );
}

function addProviderGauges(page: MetricsPage, providers: Providers): void {
  page.gauges(
    'reveille_kick_in_hand',
    'Kicks that are worked on.',
    'provider',
    each(providers, ({ inHand }) => inHand),
  );
  page.gaugeTable(
    'reveille_kick_breaker',
    '1 for the state that the circuit breaker of the provider is in.',
    ['provider', 'state'],
    each(providers, ({ breaker }) => breaker),
  );
  page.gauges(
    'reveille_kick_halted',
    '1 while the provider refuses credentials or set-up.',
    'provider',
    each(
      providers,
      ({ halted }) =>
        () =>
          halted() ? 1 : 0,
    ),
  );
}

function each<Value>(
  providers: Providers,
  read: (readings: KickReadings) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    Object.entries(providers).map(([name, readings]) => [name, read(readings)]),
  );
}
