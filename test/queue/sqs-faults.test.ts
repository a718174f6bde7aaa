import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect } from 'chai';
import { type Log, quietLog } from '../../src/log.ts';
import { type KickQueue, QueueUnavailableError } from '../../src/queue/queue.ts';
import { Batches } from '../../src/queue/sqs/batches.ts';
import { parseMessage } from '../../src/queue/sqs/message.ts';
import { BATCH_MAX, type MemberFailure } from '../../src/queue/sqs/service.ts';
import { openSqsQueue } from '../../src/queue/sqs.ts';
import { type Fauxqs, startFauxqs } from '../support/fauxqs.ts';
import { leaseNext, leaseNow, newKick, outcomeOf } from './kick-fixtures.ts';
import { SQS_DEFAULTS } from './sqs-defaults.ts';

describe('the queue in SQS', () => {
  let fauxqs: Fauxqs;
  let opened: KickQueue[];
  before(async () => {
    fauxqs = await startFauxqs();
  });
  after(async () => {
    await fauxqs.stop();
  });
  beforeEach(() => {
    opened = [];
  });
  afterEach(async () => {
    for (const queue of opened) await queue.close();
  });

  const open = (queueUrl: string, options: Partial<Parameters<typeof openSqsQueue>[0]> = {}) => {
    const queue = openSqsQueue({ ...SQS_DEFAULTS, queueUrl, ...options });
    opened.push(queue);
    return queue;
  };

  it('leaves messages that are not ours alone, and tells of them once', async () => {
    const warnings: string[] = [];
    const log: Log = { ...quietLog, warn: (_, event) => warnings.push(event) };
    const { queueUrl } = await fauxqs.createQueues();
    const queue = open(queueUrl, { log });
    for (const body of ['hello', '{}', '[]', 'null', '{"form":"reveille-kick-1"}']) {
      await fauxqs.client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
    }
    const kick = newKick();
    await queue.enqueue(kick);
    expect(await leaseNext(queue)).to.include(kick);
    expect(warnings).to.deep.equal(['queue.sqs.stranger']);
    expect(await queue.depth()).to.include({ ready: 0, leased: 6 });
  });

  it('reads what a redrive policy has moved, and leaves strangers among the dead', async () => {
    const { queueUrl, deadQueueUrl } = await fauxqs.createQueues();
    const queue = open(queueUrl);
    const other = open(deadQueueUrl);
    const kick = newKick();
    await other.enqueue(kick);
    await fauxqs.client.send(
      new SendMessageCommand({ QueueUrl: deadQueueUrl, MessageBody: 'hello' }),
    );
    const [dead, ...others] = await queue.listDead(10);
    expect(others).to.deep.equal([]);
    expect(dead).to.include(kick);
    expect(dead?.reason).to.include('redrive policy');
    expect(await queue.purgeDead()).to.equal(1);
  });

  it('buries where the config says, else says what is missing and keeps the entry', async () => {
    const queueUrl = await fauxqs.createQueue();
    const deadQueueUrl = await fauxqs.createQueue();
    const queue = open(queueUrl);
    await queue.enqueue(newKick());
    const kick = await leaseNext(queue);
    expect(String(await outcomeOf(queue.bury(kick, 'x')))).to.include('has no redrive policy');
    expect(await queue.listDead(10)).to.deep.equal([]);
    await queue.retryLater(kick, { delayMs: 0, reason: 'again', isAttempt: true });
    const told = open(queueUrl, { deadQueueUrl });
    await told.bury(await leaseNext(told), 'y');
    const dead = await told.listDead(10);
    expect(dead.map(({ reason, attempts }) => [reason, attempts])).to.deep.equal([['y', 1]]);
    const { Messages } = await fauxqs.client.send(
      new ReceiveMessageCommand({ QueueUrl: deadQueueUrl }),
    );
    expect(parseMessage({ body: Messages?.[0]?.Body ?? '' })?.deviceId).to.equal(kick.deviceId);
  });

  it('refuses when it does not exist', async () => {
    const queue = open((await fauxqs.createQueue()).replace(/queue-\d+$/, 'nothing'));
    const calls = [queue.enqueue(newKick()), leaseNow(queue), queue.depth(), queue.check()];
    for (const outcome of await Promise.all(calls.map(outcomeOf))) {
      expect(outcome).to.be.instanceOf(QueueUnavailableError);
    }
  });

  it('refuses what is asked of it when it is closed', async () => {
    const queue = openSqsQueue({ ...SQS_DEFAULTS, queueUrl: await fauxqs.createQueue() });
    await queue.close();
    expect(String(await outcomeOf(queue.check()))).to.include('closed');
    expect(await leaseNow(queue)).to.deep.equal([]);
  });

  it('refuses in time when nobody answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const before = process.env['AWS_ENDPOINT_URL_SQS'];
    process.env['AWS_ENDPOINT_URL_SQS'] = `http://127.0.0.1:${port}`;
    try {
      const queue = open(await fauxqs.createQueue(), { timeoutMs: 100 });
      expect(String(await outcomeOf(queue.enqueue(newKick())))).to.include('within 100 ms');
      expect(String(await outcomeOf(leaseNow(queue)))).to.include('within 100 ms');
    } finally {
      process.env['AWS_ENDPOINT_URL_SQS'] = before;
      silent.closeAllConnections();
      silent.close();
    }
  });
});

describe('a batch', () => {
  const failure: MemberFailure = { code: 'InternalError', text: 'one of them' };
  const failuresOf = (items: readonly number[]) =>
    items.map((item) => (item === 7 ? failure : undefined));

  it('has at most ten members, and gathers while calls are out', async () => {
    const sizes: number[] = [];
    const batches = new Batches<number>({
      itemsMax: 1000,
      call: async (items) => {
        sizes.push(items.length);
        await new Promise(setImmediate);
        return failuresOf(items);
      },
    });
    await Promise.all(Array.from({ length: 105 }, (_, item) => batches.add(item)));
    expect(Math.max(...sizes)).to.equal(BATCH_MAX);
    expect(sizes).to.have.lengthOf(11);
  });

  it('fails for the one that failed alone', async () => {
    const batches = new Batches<number>({
      itemsMax: 1000,
      call: (items) => Promise.resolve(failuresOf(items)),
    });
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, item) => batches.add(item)));
    expect(outcomes.map((outcome) => outcome?.text)).to.deep.equal(
      Array.from({ length: 10 }, (_, item) => (item === 7 ? 'one of them' : undefined)),
    );
  });

  it('fails for all when the call fails, and the next one may succeed', async () => {
    let isAway = true;
    const batches = new Batches<number>({
      itemsMax: 1000,
      call: (items) =>
        isAway
          ? Promise.reject(new QueueUnavailableError('away'))
          : Promise.resolve(failuresOf(items)),
    });
    const outcomes = await Promise.all([1, 2].map((item) => outcomeOf(batches.add(item))));
    expect(outcomes.map(String)).to.deep.equal(Array(2).fill('QueueUnavailableError: away'));
    isAway = false;
    expect(await batches.add(1)).to.equal(undefined);
  });

  it('is refused to one more than may wait', async () => {
    const batches = new Batches<number>({
      itemsMax: 2,
      call: (items) => Promise.resolve(failuresOf(items)),
    });
    const waiting = [batches.add(1), batches.add(2)];
    expect(await outcomeOf(batches.add(3))).to.be.instanceOf(QueueUnavailableError);
    await Promise.all(waiting);
    expect(await batches.add(3)).to.equal(undefined);
  });
});
