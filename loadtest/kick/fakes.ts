/** The fakes as the measurement sees them: a worker that hangs on demand and tells which wake-ups came. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Settings } from '../../test/support/settings.ts';

export type ToFakes = 'hang' | 'resume' | 'take';

/** Push tokens, and when the wake-up was taken by the machine's clock. */
export type Wakes = readonly (readonly [token: string, atMs: number])[];

export type FromFakes =
  | { readonly type: 'ready'; readonly settings: Settings }
  | { readonly type: 'wakes'; readonly apns: Wakes; readonly fcm: Wakes };

export interface Fakes {
  /** Of a server that runs in `folder`. */
  readonly settings: Settings;
  /** From now on FCM answers nothing, until `resume`. */
  hang(): void;
  resume(): void;
  /** The wake-ups since the last call. */
  take(): Promise<{ readonly apns: Wakes; readonly fcm: Wakes }>;
  close(): Promise<void>;
}

/** Starts the worker. Rejects when it cannot start. */
export async function startFakes(folder: string): Promise<Fakes> {
  const worker = new Worker(new URL('./fakes-worker.js', import.meta.url), {
    workerData: { folder },
  });
  const say = (message: ToFakes) => worker.postMessage(message);
  const next = async () => ((await once(worker, 'message')) as [FromFakes])[0];
  const ready = await next();
  if (ready.type !== 'ready') throw new Error('the fakes did not start');
  return {
    settings: ready.settings,
    hang: () => say('hang'),
    resume: () => say('resume'),
    async take() {
      const told = next();
      say('take');
      const message = await told;
      if (message.type !== 'wakes') throw new Error('the fakes started twice');
      return message;
    },
    async close() {
      await worker.terminate();
    },
  };
}
