/** A server whose failures are over soon: what differs from the defaults, but for the interval. */
import type { Settings } from '../support/settings.ts';

/** Of each of the two providers. */
export const IN_FLIGHT_MAX = 4;
export const REQUEST_TIMEOUT_MS = 500;
export const LEASE_MS = 10_500;
export const STORM_SETTINGS: Settings = {
  'log.level': 'debug',
  'kick.attempts_max': 1000,
  'kick.backoff_min_ms': 50,
  'kick.backoff_max_ms': 200,
  'kick.breaker_pause_min_ms': 50,
  'kick.breaker_pause_max_ms': 200,
  'kick.halt_pause_min_ms': 50,
  'kick.halt_pause_max_ms': 200,
  'kick.fcm.in_flight_max': IN_FLIGHT_MAX,
  'kick.fcm.request_timeout_ms': REQUEST_TIMEOUT_MS,
  'kick.apns.in_flight_max': IN_FLIGHT_MAX,
  'kick.apns.request_timeout_ms': REQUEST_TIMEOUT_MS,
  'kick.apns.ping_interval_ms': 250,
  // The least: 10 s more than a call may take.
  'queue.lease_ms': LEASE_MS,
  'queue.spool.rescan_ms': 100,
  'start.restart_backoff_min_ms': 20,
  'start.restart_backoff_max_ms': 100,
};
