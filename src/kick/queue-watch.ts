import type { Clock } from '../clock.ts';
import type { KickQueue, QueueDepth } from '../queue/queue.ts';
import type { KickMetrics } from './kick-metrics.ts';

/** How often a queue is asked how much lies in it: a listing of the spool, or one call of SQS. */
export const QUEUE_WATCH_INTERVAL_MS = 5000;

export interface QueueWatchDeps {
  readonly queue: Pick<KickQueue, 'check' | 'depth'>;
  readonly clock: Pick<Clock, 'every'>;
  readonly metrics: Pick<KickMetrics, 'queueErrors'>;
}

/** What is known of a queue without asking it. */
export interface QueueWatch {
  /** At most one interval and one deadline of the queue old; undefined before the first answer. The last one stays while the queue fails. */
  depth(): QueueDepth | undefined;
  /** Why the queue does not work; undefined when it does. */
  problem(): string | undefined;
  stop(): void;
}

/** Asks in the background, one question at a time. What is wrong is logged by the worker, which needs the queue more often. */
export function watchQueue({ queue, clock, metrics }: QueueWatchDeps): QueueWatch {
  let depth: QueueDepth | undefined;
  let problem: string | undefined;
  let isAsking = false;

  /** Never rejects. */
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    try {
      await queue.check();
      depth = await queue.depth();
      problem = undefined;
    } catch (error) {
      metrics.queueErrors.depth.count++;
      problem = error instanceof Error ? error.message : 'the queue failed';
    } finally {
      isAsking = false;
    }
  };

  void ask();
  const stop = clock.every(QUEUE_WATCH_INTERVAL_MS, () => void ask());
  return { depth: () => depth, problem: () => problem, stop };
}
