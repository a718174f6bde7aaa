import { expect } from 'chai';
import { createDelivery, type DeliveryOutcome } from '../src/delivery.ts';
import type { LiveOutcome, Update } from '../src/protocol/messages.ts';
import type { PutOutcome } from '../src/storage/store.ts';
import { StoreUnavailableError } from '../src/storage/store.ts';
import { newChannel, newDevice, version } from './storage/store-fixtures.ts';

const DEVICE = newDevice();
const UPDATE: Update = { channelId: newChannel(), version: version(7), data: 'x' };

describe('delivery', () => {
  /** What happened, in its order. */
  let steps: string[];

  beforeEach(() => {
    steps = [];
  });

  const deliverWith = (stored: PutOutcome | Error, live: LiveOutcome | undefined) =>
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
    });

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
});
