import { expect } from 'chai';
import type { DeliveryOutcome } from '../../src/delivery.ts';
import {
  createPutUpdate,
  type PutUpdate,
  type PutUpdateDeps,
} from '../../src/endpoint/put-update.ts';
import { createRequestIds } from '../../src/endpoint/request-id.ts';
import { type Log, quietLog } from '../../src/log.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import type { Update } from '../../src/protocol/messages.ts';
import type { EndpointAnswer } from '../../src/protocol/statuses.ts';
import { QueueUnavailableError } from '../../src/queue/queue.ts';
import { StoreUnavailableError } from '../../src/storage/store.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { newChannel, newDevice } from '../storage/store-fixtures.ts';

const CONTENT = { deviceId: newDevice(), channelId: newChannel() };
const REQUEST_ID = createRequestIds()('');

function bodyOf(body: string) {
  return { body: Buffer.from(body), contentType: '', query: '' };
}

describe('createPutUpdate', () => {
  let clock: HandClock;
  let metrics: Metrics;
  let delivered: Update[];

  beforeEach(() => {
    clock = new HandClock();
    metrics = createMetrics();
    delivered = [];
  });

  const answerOf = (putUpdate: PutUpdate, body: string) =>
    new Promise<EndpointAnswer>((onAnswer) => {
      putUpdate.put(CONTENT, bodyOf(body), { requestId: REQUEST_ID, onAnswer });
    });

  const putUpdateWith = (changed: Partial<PutUpdateDeps> = {}) =>
    createPutUpdate({
      openToken: (token) => (token === 'good' ? CONTENT : undefined),
      deliver: async (_deviceId, update) => {
        delivered.push(update);
        return 'delivered';
      },
      mayPass: () => true,
      rules: { dataBytesMax: 8, nowMs: () => clock.nowMs() },
      putsInHandMax: 2,
      clock,
      metrics,
      log: quietLog,
      ...changed,
    });

  const routes: readonly { method: string; path: string; routed: object }[] = [
    { method: 'PUT', path: '/update/good', routed: { kind: 'put', content: CONTENT } },
    { method: 'PUT', path: '/update/bad', routed: { kind: 'answer', answer: 'invalidToken' } },
    { method: 'PUT', path: '/update/', routed: { kind: 'answer', answer: 'notFound' } },
    { method: 'PUT', path: '/update/good/', routed: { kind: 'answer', answer: 'notFound' } },
    {
      method: 'POST',
      path: '/update/good',
      routed: { kind: 'answer', answer: 'methodNotAllowed' },
    },
    { method: 'put', path: '/update/good', routed: { kind: 'answer', answer: 'methodNotAllowed' } },
    { method: 'HEAD', path: '/update/bad', routed: { kind: 'answer', answer: 'invalidToken' } },
    { method: 'HEAD', path: '/update/', routed: { kind: 'answer', answer: 'notFound' } },
    { method: 'OPTIONS', path: '/update/bad', routed: { kind: 'answer', answer: 'options' } },
    { method: 'PUT', path: '/update', routed: { kind: 'answer', answer: 'notFound' } },
    { method: 'PUT', path: '/health', routed: { kind: 'answer', answer: 'notFound' } },
    { method: 'HEAD', path: '/status/', routed: { kind: 'probe', path: '/status/' } },
    { method: 'GET', path: '/health', routed: { kind: 'probe', path: '/health' } },
  ];
  for (const { method, path, routed } of routes) {
    it(`routes ${method} ${path} to ${JSON.stringify(Object.values(routed).slice(0, 2))}`, () => {
      expect(putUpdateWith().route(method, path)).to.deep.equal(routed);
    });
  }

  it('answers 429 when no more may pass, before it opens the token', () => {
    const { route } = putUpdateWith({ mayPass: () => false });
    expect(route('PUT', '/update/bad')).to.deep.equal({
      kind: 'answer',
      answer: 'tooManyRequests',
    });
  });

  it('delivers what the form says', async () => {
    const putUpdate = putUpdateWith();
    expect(await answerOf(putUpdate, 'version=7&data=x')).to.equal('delivered');
    expect(delivered).to.deep.equal([{ channelId: CONTENT.channelId, version: 7, data: 'x' }]);
  });

  it('delivers nothing of a form it refuses', async () => {
    const putUpdate = putUpdateWith();
    expect(await answerOf(putUpdate, 'version=x')).to.equal('invalidVersion');
    expect(delivered).to.deep.equal([]);
  });

  const outcomes: Readonly<Record<DeliveryOutcome, string>> = {
    delivered: 'delivered',
    stored: 'stored',
    kicked: 'stored',
    gone: 'gone',
    unkept: 'unavailable',
  };
  for (const [outcome, answer] of Object.entries(outcomes)) {
    it(`answers ${answer} to what was ${outcome}`, async () => {
      const putUpdate = putUpdateWith({ deliver: async () => outcome as DeliveryOutcome });
      expect(await answerOf(putUpdate, 'version=1')).to.equal(answer);
    });
  }

  it('counts PUTs in hand, and answers 503 beyond their bound', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const putUpdate = putUpdateWith({
      deliver: async () => {
        await released;
        return 'stored';
      },
    });
    const put = () => answerOf(putUpdate, 'version=1');
    const inHand = [put(), put()];
    expect(putUpdate.inHand).to.equal(2);
    expect(putUpdate.route('PUT', '/update/good')).to.deep.include({ answer: 'unavailable' });
    release();
    expect(await Promise.all(inHand)).to.deep.equal(['stored', 'stored']);
    expect(putUpdate.inHand).to.equal(0);
    expect(putUpdate.route('PUT', '/update/good').kind).to.equal('put');
  });

  it('answers 503 once the node drains', () => {
    const putUpdate = putUpdateWith();
    putUpdate.drain();
    expect(putUpdate.route('PUT', '/update/good')).to.deep.include({ answer: 'unavailable' });
    expect(putUpdate.route('OPTIONS', '/update/good')).to.deep.include({ answer: 'options' });
  });

  it('answers 503 when the store fails, counts it, and logs a few of them each second', async () => {
    const events: string[] = [];
    const log: Log = { ...quietLog, warn: (_fields, event) => events.push(event) };
    const putUpdate = putUpdateWith({
      log,
      deliver: () => Promise.reject(new StoreUnavailableError('away')),
    });
    for (let count = 1; count <= 20; count++) {
      expect(await answerOf(putUpdate, 'version=1')).to.equal('unavailable');
    }
    expect(metrics.storeErrors.put.count).to.equal(20);
    expect(events).to.deep.equal(new Array(5).fill('put.store.failed'));
    clock.moveMs(1000);
    await answerOf(putUpdate, 'version=1');
    expect(events).to.have.lengthOf(6);
  });

  it('answers 503 when the queue of kicks fails, and says so apart from the store', async () => {
    const events: string[] = [];
    const log: Log = { ...quietLog, warn: (_fields, event) => events.push(event) };
    const full = new QueueUnavailableError('full');
    const putUpdate = putUpdateWith({ log, deliver: () => Promise.reject(full) });
    for (let failed = 0; failed < 6; failed += 1) {
      expect(await answerOf(putUpdate, 'version=1')).to.equal('unavailable');
    }
    expect(metrics.storeErrors.put.count).to.equal(0);
    expect(events).to.deep.equal(new Array(5).fill('put.kick.failed'));
  });

  const mistakes: Readonly<Record<string, PutUpdateDeps['deliver']>> = {
    rejects: () => Promise.reject(new TypeError('ours')),
    throws: () => {
      throw new TypeError('ours');
    },
  };
  for (const [how, deliver] of Object.entries(mistakes)) {
    it(`answers 503 to a mistake of ours that ${how}, and does not put it down to the store`, async () => {
      const events: string[] = [];
      const log: Log = { ...quietLog, error: (_fields, event) => events.push(event) };
      const putUpdate = putUpdateWith({ log, deliver });
      expect(await answerOf(putUpdate, 'version=1')).to.equal('unavailable');
      expect(putUpdate.inHand).to.equal(0);
      expect(metrics.storeErrors.put.count).to.equal(0);
      expect(events).to.deep.equal(['put.failed']);
    });
  }

  for (const outcome of ['delivered', 'kicked', 'stored'] as const) {
    it(`says while debugging, under the id of the request, that an update was ${outcome}`, async () => {
      const lines: object[] = [];
      const log: Log = {
        ...quietLog,
        isDebugging: true,
        debug: (fields, event) => lines.push({ event, ...fields }),
      };
      await answerOf(putUpdateWith({ log, deliver: async () => outcome }), 'version=7&data=x');
      expect(lines).to.deep.equal([
        { event: 'put.answered', requestId: REQUEST_ID, ...CONTENT, version: 7, outcome },
      ]);
    });
  }

  it('says once what failed while debugging, and answers 503', async () => {
    const events: string[] = [];
    const note = (_fields: object, event: string) => events.push(event);
    const putUpdate = putUpdateWith({
      log: { ...quietLog, isDebugging: true, debug: note, warn: note },
      deliver: () => Promise.reject(new StoreUnavailableError('away')),
    });
    expect(await answerOf(putUpdate, 'version=1')).to.equal('unavailable');
    expect(events).to.deep.equal(['put.store.failed']);
  });

  it('does not so much as ask for a line when nobody is debugging', async () => {
    const events: string[] = [];
    const log: Log = { ...quietLog, debug: (_fields, event) => events.push(event) };
    expect(await answerOf(putUpdateWith({ log }), 'version=1')).to.equal('delivered');
    expect(events).to.deep.equal([]);
  });

  it('measures how long each took', async () => {
    const putUpdate = putUpdateWith({
      deliver: async () => {
        clock.moveMs(30);
        return 'stored';
      },
    });
    await answerOf(putUpdate, 'version=1');
    expect(metrics.putDuration.sumMs).to.equal(30);
  });
});
