import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createLog } from '../../src/log.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { type PutOptions, put } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const REQUESTS: readonly { title: string; suffix?: string; options: PutOptions }[] = [
  { title: 'a PUT', options: { version: 1 } },
  { title: 'a bad version', options: { version: 'x' } },
  { title: 'a bad token', suffix: 'x', options: { version: 1 } },
  { title: 'another method', options: { method: 'POST', version: 1 } },
  { title: 'OPTIONS', options: { method: 'OPTIONS' } },
  { title: 'too much data', options: { data: 'x'.repeat(4097) } },
  { title: 'too large a body', options: { body: 'x'.repeat(16_385) } },
];

describeRule('App-server side 5: CORS and X-Request-Id', (open) => {
  for (const { title, suffix = '', options } of REQUESTS) {
    it(`let pages read the answer to ${title} where CORS is on`, async () => {
      await using server = await open({ settings: { 'endpoint.cors': true } });
      const { endpoint } = await subscribe(server);
      const { headers } = await put(endpoint + suffix, options);
      expect(headers.get('access-control-allow-origin')).to.equal('*');
      expect(headers.get('access-control-allow-methods')).to.equal('PUT, OPTIONS');
      expect(headers.get('access-control-allow-headers')).to.equal('Content-Type, X-Request-Id');
    });

    it(`let no page read the answer to ${title} where CORS is off`, async () => {
      await using server = await open();
      const { endpoint } = await subscribe(server);
      const { headers } = await put(endpoint + suffix, options);
      const names = [...headers.keys()].filter((name) => name.startsWith('access-control'));
      expect(names).to.deep.equal([]);
    });

    it(`give the answer to ${title} the id of the request`, async () => {
      await using server = await open();
      const { endpoint } = await subscribe(server);
      const requestId = randomUUID();
      const { headers } = await put(endpoint + suffix, {
        ...options,
        headers: { 'X-Request-Id': requestId },
      });
      expect(headers.get('x-request-id')).to.equal(requestId);
    });
  }

  for (const offered of [undefined, 'x', `${randomUUID()}0`, '']) {
    it(`make an id where the request has ${offered?.slice(0, 1) ?? 'none'}`, async () => {
      await using server = await open();
      const { endpoint } = await subscribe(server);
      const withId = offered === undefined ? {} : { headers: { 'X-Request-Id': offered } };
      const answers = [
        await put(endpoint, { version: 1, ...withId }),
        await put(endpoint, { version: 2, ...withId }),
      ];
      const [first, second] = answers.map(({ headers }) => headers.get('x-request-id'));
      expect(first).to.match(UUID);
      expect(second).to.match(UUID).and.not.equal(first);
    });
  }

  it('write the id into the log', async () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const log = createLog({ level: 'warn', format: 'json', isTerminal: false, destination });
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ log, store });
    const { endpoint } = await subscribe(server);
    const requestId = randomUUID();
    store.fail('putUpdate');
    await put(endpoint, { version: 1, headers: { 'X-Request-Id': requestId } });
    const events = lines.map((line) => JSON.parse(line));
    expect(events).to.have.lengthOf(1);
    expect(events[0]).to.include({ level: 'warn', event: 'put.store.failed', requestId });
  });
});
