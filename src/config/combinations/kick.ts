/** What cannot be together of [kick] and [queue]. */
import type { Config, KeyName } from '../schema.ts';
import { tomlText } from '../value-text.ts';
import type { Combination } from './combination.ts';

type Provider = 'apns' | 'fcm' | 'udp';

/** The key that sets a provider up, whether it does, and the queue it then needs. */
const SQS_NEEDS: Readonly<
  Record<
    Provider,
    readonly [KeyName, (kick: Config['kick']) => boolean, (sqs: Config['queue']['sqs']) => string]
  >
> = {
  apns: [
    'kick.apns.apps',
    ({ apns }) => Object.keys(apns.apps).length > 0,
    ({ apnsQueueUrl }) => apnsQueueUrl,
  ],
  fcm: [
    'kick.fcm.service_account_path',
    ({ fcm }) => fcm.serviceAccountPath !== '',
    ({ fcmQueueUrl }) => fcmQueueUrl,
  ],
  udp: [
    'kick.udp.networks',
    ({ udp }) => udp.networks.length > 0,
    ({ udpQueueUrl }) => udpQueueUrl,
  ],
};

/** Of waking devices. */
export const KICK_COMBINATIONS: readonly Combination[] = [
  {
    keys: [
      'storage.driver',
      'kick.apns.apps',
      'kick.fcm.service_account_path',
      'kick.udp.networks',
    ],
    isPossible: ({ storage, kick }) =>
      storage.driver === 'embedded' || storage.driver === 'memcached' || !wakesDevices(kick),
    expected: () =>
      '"embedded" or "memcached", because the process that wakes devices must see what was stored',
    found: ({ storage }) => storage.driver,
  },
  ...(['apns', 'fcm', 'udp'] as const).map(sqsQueue),
  ...(['backoff', 'breaker_pause', 'halt_pause'] as const).map(ascending),
  ...(['apns', 'fcm'] as const).map(leaseOutlasts),
  {
    keys: ['kick.apns.ping_interval_ms', 'kick.apns.request_timeout_ms'],
    isPossible: ({ kick }) => kick.apns.pingIntervalMs < kick.apns.requestTimeoutMs,
    expected: ({ kick }) =>
      `less than ${tomlText(kick.apns.requestTimeoutMs)}, kick.apns.request_timeout_ms, to be of use`,
    found: ({ kick }) => kick.apns.pingIntervalMs,
  },
  {
    keys: ['kick.apns.apps'],
    isPossible: ({ kick }) => appsOfOneTopic(kick).length === 0,
    expected: () => 'one app for each topic, which is all that a device says of its app',
    found: ({ kick }) => appsOfOneTopic(kick),
  },
  {
    keys: ['kick.apns.apps'],
    isPossible: ({ kick }) => textlessAlerts(kick).length === 0,
    expected: () => 'an alert_body in each app whose push_type is "alert"',
    found: ({ kick }) => textlessAlerts(kick),
  },
];

function sqsQueue(provider: Provider): Combination {
  const [key, isSetUp, urlIn] = SQS_NEEDS[provider];
  return {
    keys: [`queue.sqs.${provider}_queue_url`, 'queue.driver', key],
    isPossible: ({ queue, kick }) =>
      queue.driver !== 'sqs' || urlIn(queue.sqs) !== '' || !isSetUp(kick),
    expected: () => `the URL of a queue, because queue.driver is "sqs" and ${key} is set`,
    found: ({ queue }) => urlIn(queue.sqs),
  };
}

function wakesDevices({ apns, fcm, udp }: Config['kick']): boolean {
  return (
    Object.keys(apns.apps).length > 0 || fcm.serviceAccountPath !== '' || udp.networks.length > 0
  );
}

function ascending(name: 'backoff' | 'breaker_pause' | 'halt_pause'): Combination {
  const boundsOf = ({ kick }: Config) =>
    ({
      backoff: { min: kick.backoffMinMs, max: kick.backoffMaxMs },
      breaker_pause: { min: kick.breakerPauseMinMs, max: kick.breakerPauseMaxMs },
      halt_pause: { min: kick.haltPauseMinMs, max: kick.haltPauseMaxMs },
    })[name];
  return {
    keys: [`kick.${name}_max_ms`, `kick.${name}_min_ms`],
    isPossible: (config) => boundsOf(config).max >= boundsOf(config).min,
    expected: (config) =>
      `at least ${tomlText(boundsOf(config).min)}, kick.${name}_min_ms, where it begins`,
    found: (config) => boundsOf(config).max,
  };
}

/** What a lease must last for beside the provider's answer: the store is asked before, the queue is told after. */
const LEASE_MS_BESIDE_REQUEST = 10_000;

function leaseOutlasts(provider: 'apns' | 'fcm'): Combination {
  const leaseMsFor = ({ kick }: Config) =>
    kick[provider].requestTimeoutMs + LEASE_MS_BESIDE_REQUEST;
  return {
    keys: ['queue.lease_ms', `kick.${provider}.request_timeout_ms`],
    isPossible: (config) =>
      config.queue.leaseMs >= leaseMsFor(config) || !wakesDevices(config.kick),
    expected: (config) =>
      `at least ${tomlText(leaseMsFor(config))}, 10 s more than kick.${provider}.request_timeout_ms, so that no other process takes over a wake-up under way`,
    found: ({ queue }) => queue.leaseMs,
  };
}

/** The names of apps that share their topic with another. */
function appsOfOneTopic({ apns }: Config['kick']): readonly string[] {
  const apps = Object.entries(apns.apps);
  return apps
    .filter(([name, { topic }]) => {
      return apps.some(([other, app]) => other !== name && app.topic === topic);
    })
    .map(([name]) => name);
}

function textlessAlerts({ apns }: Config['kick']): readonly string[] {
  return Object.entries(apns.apps)
    .filter(([, { pushType, alertBody }]) => pushType === 'alert' && alertBody === '')
    .map(([name]) => name);
}
