import { expect } from 'chai';
import {
  createDelivery,
  createKicker,
  type DeliveryOutcome,
  isQueueFailure,
  isStoreFailure,
  type KickQueues,
} from '../src/delivery.ts';
import { createMetrics, KICK_PROVIDERS, type Metrics } from '../src/metrics.ts';
import type { KickTarget } from '../src/protocol/connect.ts';
import type { LiveOutcome, Update } from '../src/protocol/messages.ts';
import { QueueUnavailableError } from '../src/queue/queue.ts';
import type { PutOutcome } from '../src/storage/store.ts';
import { StoreUnavailableError } from '../src/storage/store.ts';
import { newChannel, newDevice, version } from './storage/store-fixtures.ts';
import { memoryKickQueues } from './support/memory-kick-queue.ts';

const NOW_MS = 1_800_000_000_000;
const DEVICE = newDevice();
const UPDATE: Update = { channelId: newChannel(), version: version(7), data: 'x' };

describe('delivery', () => {
  /** What happened, in its order. */
  let steps: string[];

  beforeEach(() => {
    steps = [];
  });

  const createWith = ({
    stored,
    live,
    ...kicking
  }: {
    readonly stored: PutOutcome | Error;
    readonly live: LiveOutcome | undefined;
    readonly targetType?: KickTarget['type'] | Error | undefined;
    readonly kickQueues?: KickQueues;
    readonly metrics?: Metrics;
  }) =>
    createDelivery({
      store: {
        async putUpdate(_deviceId, _channelId, number) {
          steps.push(`stored ${number}`);
          if (stored instanceof Error) throw stored;
          return stored;
        },
      },
      findSession() {
        steps.push('looked for the session');
        if (live === undefined) return undefined;
        return {
          deliver(update) {
            steps.push(`sent ${update.version} with ${update.data}`);
            return live;
          },
        };
      },
      kick: createKicker({
        store: {
          async readTargetType() {
            steps.push('asked for the target');
            if (kicking.targetType instanceof Error) throw kicking.targetType;
            return kicking.targetType;
          },
        },
        kickQueues: kicking.kickQueues ?? {},
        clock: { nowMs: () => NOW_MS },
        metrics: kicking.metrics ?? createMetrics(),
      }),
    });
  const deliverWith = (stored: PutOutcome | Error, live: LiveOutcome | undefined) =>
    createWith({ stored, live, targetType: 'fcm' });

  const outcomes: readonly {
    stored: PutOutcome;
    live: LiveOutcome | undefined;
    outcome: DeliveryOutcome;
  }[] = [
    { stored: 'stored', live: undefined, outcome: 'stored' },
    { stored: 'stored', live: 'sent', outcome: 'delivered' },
    { stored: 'stored', live: 'later', outcome: 'stored' },
    { stored: 'stored', live: 'unregistered', outcome: 'gone' },
    { stored: 'stale', live: undefined, outcome: 'stored' },
    { stored: 'stale', live: 'sent', outcome: 'delivered' },
    { stored: 'stale', live: 'later', outcome: 'stored' },
    { stored: 'stale', live: 'unregistered', outcome: 'gone' },
    { stored: 'gone', live: 'sent', outcome: 'gone' },
    { stored: 'unkept', live: undefined, outcome: 'unkept' },
    { stored: 'unkept', live: 'sent', outcome: 'delivered' },
    { stored: 'unkept', live: 'later', outcome: 'unkept' },
    { stored: 'unkept', live: 'unregistered', outcome: 'gone' },
  ];
  for (const { stored, live, outcome } of outcomes) {
    it(`of what is ${stored} and live ${live ?? 'nowhere'} is ${outcome}`, async () => {
      expect(await deliverWith(stored, live)(DEVICE, UPDATE)).to.equal(outcome);
    });
  }

  it('stores first, and looks for the session after it', async () => {
    await deliverWith('stored', 'sent')(DEVICE, UPDATE);
    expect(steps).to.deep.equal(['stored 7', 'looked for the session', 'sent 7 with x']);
  });

  it('sends nothing to a channel that is gone', async () => {
    await deliverWith('gone', 'sent')(DEVICE, UPDATE);
    expect(steps).to.deep.equal(['stored 7']);
  });

  it('fails with the store, and sends nothing', async () => {
    const away = new StoreUnavailableError('away');
    const outcome = await deliverWith(away, 'sent')(DEVICE, UPDATE).catch((error) => error);
    expect(outcome).to.equal(away);
    expect(steps).to.deep.equal(['stored 7']);
  });

  describe('of a device that may be kicked', () => {
    let queues: ReturnType<typeof memoryKickQueues>;
    let metrics: Metrics;

    beforeEach(() => {
      queues = memoryKickQueues();
      metrics = createMetrics();
    });

    const kickingWith = (
      stored: PutOutcome,
      live: LiveOutcome | undefined,
      targetType?: KickTarget['type'] | Error,
    ) => createWith({ stored, live, targetType, kickQueues: queues, metrics });

    for (const provider of KICK_PROVIDERS) {
      it(`kicks ${provider} after storing, for a target of its own alone`, async () => {
        expect(await kickingWith('stored', undefined, provider)(DEVICE, UPDATE)).to.equal('kicked');
        const { channelId, version } = UPDATE;
        const kick = { deviceId: DEVICE, channelId, version, storedAtMs: NOW_MS };
        for (const other of KICK_PROVIDERS) {
          expect(queues[other].kicks).to.deep.equal(other === provider ? [kick] : []);
          expect(metrics.kicksQueued[other].count).to.equal(other === provider ? 1 : 0);
        }
        expect(steps).to.deep.equal(['stored 7', 'looked for the session', 'asked for the target']);
      });
    }

    const kicked: readonly { stored: PutOutcome; live: LiveOutcome | undefined; kicks: number }[] =
      [
        { stored: 'stored', live: undefined, kicks: 1 },
        { stored: 'stored', live: 'later', kicks: 1 },
        { stored: 'stored', live: 'sent', kicks: 0 },
        { stored: 'stored', live: 'unregistered', kicks: 0 },
        { stored: 'stale', live: undefined, kicks: 1 },
        { stored: 'stale', live: 'later', kicks: 1 },
        { stored: 'stale', live: 'sent', kicks: 0 },
        { stored: 'stale', live: 'unregistered', kicks: 0 },
        { stored: 'gone', live: undefined, kicks: 0 },
        { stored: 'unkept', live: undefined, kicks: 0 },
        { stored: 'unkept', live: 'later', kicks: 0 },
      ];
    for (const { stored, live, kicks } of kicked) {
      it(`${kicks ? 'kicks' : 'does not kick'} for what is ${stored} and live ${live ?? 'nowhere'}`, async () => {
        await kickingWith(stored, live, 'fcm')(DEVICE, UPDATE);
        expect(queues.fcm.kicks).to.have.length(kicks);
        // What needs no kick asks the store nothing more.
        expect(steps.includes('asked for the target')).to.equal(kicks > 0);
      });
    }

    it('counts a kick that joins an older one of the device apart', async () => {
      const deliver = kickingWith('stored', undefined, 'fcm');
      expect(await deliver(DEVICE, UPDATE)).to.equal('kicked');
      expect(await deliver(DEVICE, UPDATE)).to.equal('kicked');
      expect(queues.fcm.kicks).to.have.length(1);
      expect(metrics.kicksQueued.fcm.count).to.equal(1);
      expect(metrics.kicksCollapsed.fcm.count).to.equal(1);
    });

    it('kicks nobody who gave no target, or one of a provider that is not configured', async () => {
      expect(await kickingWith('stored', undefined)(DEVICE, UPDATE)).to.equal('stored');
      const { apns } = queues;
      const apnsOnly = createWith({
        stored: 'stored',
        live: undefined,
        targetType: 'fcm',
        kickQueues: { apns },
      });
      expect(await apnsOnly(DEVICE, UPDATE)).to.equal('stored');
      for (const provider of KICK_PROVIDERS) expect(queues[provider].kicks).to.deep.equal([]);
    });

    it('does not ask for targets when no provider is configured', async () => {
      expect(await deliverWith('stored', undefined)(DEVICE, UPDATE)).to.equal('stored');
      expect(steps).not.to.include('asked for the target');
    });

    it('fails with the queue, after it stored', async () => {
      const full = new QueueUnavailableError('full');
      queues.fcm.failWith(full);
      const outcome = await kickingWith(
        'stored',
        undefined,
        'fcm',
      )(DEVICE, UPDATE).catch((error) => error);
      expect(outcome).to.equal(full);
      expect(isQueueFailure(outcome)).to.equal(true);
      expect(isStoreFailure(outcome)).to.equal(false);
      expect(steps[0]).to.equal('stored 7');
      expect(metrics.kicksRefused.fcm.count).to.equal(1);
      expect(metrics.kicksQueued.fcm.count).to.equal(0);
    });

    it('fails with a store that cannot say where to kick', async () => {
      const away = new StoreUnavailableError('away');
      const outcome = await kickingWith(
        'stored',
        undefined,
        away,
      )(DEVICE, UPDATE).catch((error) => error);
      expect(outcome).to.equal(away);
      expect(queues.fcm.kicks).to.deep.equal([]);
    });
  });
});
