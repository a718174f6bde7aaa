/** The kick queues that the config names: for whoever fills them, works on them, or looks after them. */
import { join } from 'node:path';
import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { ProviderName } from '../kick/provider.ts';
import type { Log } from '../log.ts';
import type { KickQueue } from '../queue/queue.ts';
import { openSpool } from '../queue/spool.ts';
import { enabledProviders } from './enabled-providers.ts';

export type KickQueues = Partial<Record<ProviderName, KickQueue>>;

/**
 * One queue for each provider that is set up; empty when none is.
 * @throws what the driver throws when its place cannot be used at all; nothing stays open then
 */
export async function openKickQueues(
  config: Pick<Config, 'kick' | 'queue'>,
  log: Log,
  clock: Clock,
): Promise<KickQueues> {
  const queues: KickQueues = {};
  try {
    for (const provider of enabledProviders(config)) {
      queues[provider] = await openKickQueue(provider, config, { log, clock });
    }
    return queues;
  } catch (error) {
    await closeKickQueues(queues);
    throw error;
  }
}

/** Closes all of them. */
export async function closeKickQueues(queues: KickQueues): Promise<void> {
  await Promise.all(Object.values(queues).map((queue) => queue.close()));
}

async function openKickQueue(
  provider: ProviderName,
  { queue }: Pick<Config, 'queue'>,
  deps: { readonly log: Log; readonly clock: Clock },
): Promise<KickQueue> {
  const { driver, spool, leaseMs, timeoutMs, enqueuesInHandMax } = queue;
  const common = { ...deps, leaseMs, timeoutMs, enqueuesInHandMax };
  switch (driver) {
    case 'spool':
      return openSpool({ ...spool, ...common, path: join(spool.path, provider) });
    case 'sqs': {
      // Only now: the SDK is 20 MB of memory that nobody else needs.
      const { openSqsQueue } = await import('../queue/sqs.ts');
      return openSqsQueue({ ...common, ...sqsUrls(provider, queue) });
    }
    default:
      return unreachable(driver);
  }
}

function sqsUrls(provider: ProviderName, { sqs }: Config['queue']) {
  switch (provider) {
    case 'apns':
      return { queueUrl: sqs.apnsQueueUrl, deadQueueUrl: sqs.apnsDeadQueueUrl };
    case 'fcm':
      return { queueUrl: sqs.fcmQueueUrl, deadQueueUrl: sqs.fcmDeadQueueUrl };
    case 'udp':
      return { queueUrl: sqs.udpQueueUrl, deadQueueUrl: sqs.udpDeadQueueUrl };
    default:
      return unreachable(provider);
  }
}
