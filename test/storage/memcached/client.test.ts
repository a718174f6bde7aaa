import { expect } from 'chai';
import { quietLog } from '../../../src/log.ts';
import {
  type MemcachedClient,
  type MemcachedClientOptions,
  openMemcachedClient,
} from '../../../src/storage/memcached/client.ts';
import { MemcachedProtocolError } from '../../../src/storage/memcached/replies.ts';
import {
  type MemcachedServer,
  RECONNECT_WAIT_FIRST_MS,
  RECONNECT_WAIT_MS_MAX,
} from '../../../src/storage/memcached/server.ts';
import { StoreUnavailableError } from '../../../src/storage/store.ts';
import { ARRIVAL_WAIT_MS_MAX } from '../../support/arrivals.ts';
import { findFreePorts } from '../../support/free-ports.ts';
import {
  OBEDIENT,
  type Script,
  type ScriptedMemcached,
  startScriptedMemcached,
} from '../../support/scripted-memcached.ts';
import { HandClock } from '../hand-clock.ts';

const REQUEST_TIMEOUT_MS = 500;
const REQUESTS_IN_FLIGHT_MAX = 4;
const UNSENT_BYTES_MAX = 1000;

/** Instead of the answer to a get. Each ends the connection. */
const BROKEN_ANSWERS: readonly { readonly name: string; readonly answer: Script }[] = [
  { name: 'garbage', answer: () => '\x00\x01\x02 what?\r\n' },
  { name: 'an endless line', answer: () => 'V'.repeat(100_000) },
  { name: 'ERROR', answer: () => 'ERROR\r\n' },
  { name: 'CLIENT_ERROR', answer: () => 'CLIENT_ERROR bad command line format\r\n' },
  { name: 'an answer too many', answer: ({ opaque }) => `MN\r\nEN O${opaque}\r\n` },
  { name: 'the answer to another get', answer: ({ opaque }) => `EN O${Number(opaque) + 1}\r\n` },
  { name: 'an answer that says not to what', answer: () => 'EN\r\n' },
  { name: 'the answer to a set', answer: ({ opaque }) => `HD c1 O${opaque}\r\n` },
  { name: 'an item without cas', answer: ({ opaque }) => `VA 1 c0 O${opaque}\r\nx\r\n` },
  { name: 'more bytes than it said', answer: ({ opaque }) => `VA 1 c1 O${opaque}\r\nxyz\r\n` },
  { name: 'a value of a gigabyte', answer: ({ opaque }) => `VA 1073741824 c1 O${opaque}\r\n` },
];

describe('the memcached client', () => {
  let scripted: ScriptedMemcached;
  let clock: HandClock;
  let client: MemcachedClient;
  let server: MemcachedServer;

  beforeEach(async () => {
    scripted = await startScriptedMemcached();
    clock = new HandClock();
    client = await open();
    server = onlyServer(client);
  });
  afterEach(async () => {
    await client.close();
    await scripted.stop();
  });

  /** Waits are as short as chance allows. */
  const open = (options: Partial<MemcachedClientOptions> = {}) =>
    openMemcachedClient({
      servers: [scripted],
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      requestsInFlightMax: REQUESTS_IN_FLIGHT_MAX,
      unsentBytesMax: UNSENT_BYTES_MAX,
      clock,
      log: quietLog,
      random: () => 0,
      ...options,
    });

  const set = (key: string, value: string) => server.set({ key, value, exptime: 10 });

  /** So much time that every request is overdue. */
  const passTimeout = () => {
    clock.moveMs(REQUEST_TIMEOUT_MS);
    // The first look after so long a pause is not believed.
    clock.tick();
    clock.tick();
  };

  /** Waits until the client has connected once more. */
  const reconnected = () =>
    changed(async () => {
      clock.tick();
      return (await failureOf(server.get('x'))) === undefined;
    });

  it('sends what it is asked to, all of one turn in order', async () => {
    const stamp = { connectionId: 1, cas: 0 };
    await Promise.all([
      server.get('a'),
      set('b', 'value'),
      server.compareAndSet(stamp, { key: 'c', value: '', exptime: 0 }),
      server.compareAndSet({ ...stamp, cas: 7 }, { key: 'd', value: '\r\n', exptime: 5 }),
    ]);
    const sent = scripted.commands.takeUnread().map(({ opaque: _, ...command }) => command);
    const flags = (text: string) => text.split(' ');
    expect(sent).to.deep.equal([
      { name: 'mg', key: 'a', flags: flags('c v O2'), value: undefined },
      { name: 'ms', key: 'b', flags: flags('T10 c O3'), value: 'value' },
      { name: 'ms', key: 'c', flags: flags('T0 c ME O4'), value: '' },
      { name: 'ms', key: 'd', flags: flags('T5 c C7 O5'), value: '\r\n' },
    ]);
  });

  it('tells a value, a miss, a success and a lost race apart', async () => {
    const answers = ['VA 2 c9 O2\r\nhi\r\n', 'EN O3\r\n', 'HD c10 O4\r\n'];
    const lost = ['EX c0 O5\r\n', 'NF c0 O6\r\n', 'NS c0 O7\r\n'];
    const script = [...answers, ...lost].values();
    scripted.script = () => script.next().value;
    expect(await server.get('a')).to.deep.equal({ connectionId: 1, cas: 9, value: 'hi' });
    expect(await server.get('a')).to.deep.equal({ connectionId: 1, cas: 0, value: undefined });
    expect(await set('a', 'x')).to.deep.equal({ connectionId: 1, cas: 10 });
    for (let race = 0; race < lost.length; race += 1) {
      const write = { key: 'a', value: 'x', exptime: 0 };
      expect(await server.compareAndSet({ connectionId: 1, cas: 9 }, write)).to.equal(undefined);
    }
  });

  it('takes an answer that comes one byte at a time', async () => {
    scripted.script = ({ opaque }, socket) => {
      for (const byte of `VA 2 c9 O${opaque}\r\nhi\r\n`) socket.write(byte, 'latin1');
      return undefined;
    };
    expect((await server.get('a')).value).to.equal('hi');
  });

  for (const { name, answer } of BROKEN_ANSWERS) {
    it(`ends the connection on ${name}, and connects again`, async () => {
      scripted.script = (command, socket) =>
        command.name === 'mg' ? answer(command, socket) : OBEDIENT(command, socket);
      const failures = await Promise.all([failureOf(server.get('a')), failureOf(server.get('b'))]);
      for (const failure of failures) expect(failure).to.be.instanceOf(StoreUnavailableError);
      expect(failures[1]?.cause).to.be.instanceOf(MemcachedProtocolError);
      scripted.script = OBEDIENT;
      await reconnected();
      expect(await server.get('a')).to.deep.include({ connectionId: 2, value: undefined });
    });
  }

  it('ends the connection when a server without cas takes a write', async () => {
    scripted.script = ({ opaque }) => `HD c0 O${opaque}\r\n`;
    expect(await failureOf(set('a', 'x'))).to.be.instanceOf(StoreUnavailableError);
  });

  it('fails the one request that a server refuses', async () => {
    scripted.script = (command, socket) =>
      command.key === 'b'
        ? 'SERVER_ERROR out of memory storing object\r\n'
        : OBEDIENT(command, socket);
    const outcomes = await Promise.allSettled([set('a', 'x'), set('b', 'x'), set('c', 'x')]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(await failureOf(set('b', 'x')))
      .to.be.instanceOf(StoreUnavailableError)
      .with.property('message')
      .that.includes('out of memory');
  });

  it('fails what is in flight when the server ends the connection', async () => {
    scripted.script = (_, socket) => {
      socket.end('VA 5 c1 O2\r\nhal');
      return undefined;
    };
    const outcomes = await Promise.allSettled([server.get('a'), server.get('b'), set('c', 'x')]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      'rejected',
      'rejected',
      'rejected',
    ]);
  });

  it('fails what is in flight when the server is gone', async () => {
    scripted.script = (_, socket) => {
      socket.resetAndDestroy();
      return undefined;
    };
    expect(await failureOf(server.get('a'))).to.be.instanceOf(StoreUnavailableError);
  });

  it('fails everything in flight once the oldest request is overdue', async () => {
    scripted.script = () => undefined;
    const failures = [server.get('a'), set('b', 'x')].map(failureOf);
    await scripted.commands.next('a command');
    clock.moveMs(20);
    failures.push(failureOf(server.get('c')));
    await scripted.commands.next('the last command', ({ key }) => key === 'c');
    passTimeout();
    for (const failure of await Promise.all(failures)) {
      expect(failure).to.be.instanceOf(StoreUnavailableError);
    }
  });

  it('waits for an answer until a tick before the time is over', async () => {
    let answer = () => {};
    scripted.script = ({ opaque }, socket) => {
      answer = () => socket.write(`EN O${opaque}\r\n`);
      return undefined;
    };
    const seen = server.get('a');
    await scripted.commands.next('the get');
    clock.moveMs(REQUEST_TIMEOUT_MS - REQUEST_TIMEOUT_MS / 20 - 1);
    clock.tick();
    clock.tick();
    answer();
    expect((await seen).value).to.equal(undefined);
  });

  it('blames nobody for the time in which it did not run itself', async () => {
    let answer = () => {};
    scripted.script = ({ opaque }, socket) => {
      answer = () => socket.write(`EN O${opaque}\r\n`);
      return undefined;
    };
    const seen = server.get('a');
    await scripted.commands.next('the get');
    clock.moveMs(REQUEST_TIMEOUT_MS * 100);
    clock.tick();
    answer();
    expect((await seen).value).to.equal(undefined);
  });

  it('fails at once while a server that does not answer is only connected to', async () => {
    scripted.script = () => undefined;
    const failure = failureOf(server.get('a'));
    await scripted.commands.next('the get');
    passTimeout();
    await failure;
    clock.tick();
    await scripted.connections.next('the first connection');
    await scripted.connections.next('the second connection');
    expect(await failureOf(server.get('a'))).to.be.instanceOf(StoreUnavailableError);
    passTimeout();
    clock.tick();
    await scripted.connections.next('the third connection');
  });

  it('never takes a server for ready that speaks something else', async () => {
    await client.close();
    scripted.script = () => 'HTTP/1.1 400 Bad Request\r\n\r\n';
    client = await open();
    server = onlyServer(client);
    expect(await failureOf(server.get('a'))).to.be.instanceOf(StoreUnavailableError);
  });

  it('has as many requests in flight as it may and refuses one more', async () => {
    const answers: (() => void)[] = [];
    scripted.script = ({ opaque }, socket) => {
      answers.push(() => socket.write(`EN O${opaque}\r\n`));
      return undefined;
    };
    const taken = Array.from({ length: REQUESTS_IN_FLIGHT_MAX }, () => server.get('a'));
    const failure = await failureOf(server.get('b'));
    expect(failure?.message).to.include('in flight');
    for (let sent = 0; sent < taken.length; sent += 1) await scripted.commands.next('a get');
    for (const answer of answers) answer();
    await Promise.all(taken);
    scripted.script = OBEDIENT;
    await server.get('b');
    expect(scripted.commands.takeUnread()).to.have.length(1);
  });

  it('keeps as many bytes unsent as it may and refuses one more', async () => {
    const overhead = 'ms a 900 T10 c O2\r\n\r\n'.length;
    const longest = 'x'.repeat(UNSENT_BYTES_MAX - overhead);
    expect(String(longest.length)).to.have.length(3);
    await set('a', longest);
    expect((await failureOf(set('a', `${longest}x`)))?.message).to.include('bytes');
    await set('a', longest);
  });

  it('waits longer and longer before it connects again, by chance, and never beyond the limit', async () => {
    await client.close();
    await scripted.stop();
    client = await open({ random: () => 1 });
    server = onlyServer(client);
    let waitMs = RECONNECT_WAIT_FIRST_MS;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = await failureOf(server.get('a'));
      clock.moveMs(waitMs - 1);
      clock.tick();
      clock.tick();
      expect(await failureOf(server.get('a'))).to.equal(before);
      clock.moveMs(1);
      clock.tick();
      clock.tick();
      await changed(async () => (await failureOf(server.get('a'))) !== before);
      waitMs = Math.min(2 * waitMs, RECONNECT_WAIT_MS_MAX);
    }
    expect(waitMs).to.equal(RECONNECT_WAIT_MS_MAX);
  });

  it('compares nothing over another connection', async () => {
    const seen = await server.get('a');
    await scripted.stop();
    await scripted.start();
    await reconnected();
    scripted.commands.takeUnread();
    const write = { key: 'a', value: 'x', exptime: 0 };
    expect(await server.compareAndSet(seen, write)).to.equal(undefined);
    expect(await server.compareAndSet(await server.get('a'), write)).not.to.equal(undefined);
    const names = scripted.commands.takeUnread().map(({ name }) => name);
    expect(names).to.deep.equal(['mg', 'ms']);
  });

  it('fails what is in flight when it is closed, and leaves nothing behind', async () => {
    scripted.script = () => undefined;
    const failures = [server.get('a'), server.get('b')].map(failureOf);
    await client.close();
    for (const failure of await Promise.all(failures)) {
      expect(failure).to.be.instanceOf(StoreUnavailableError);
    }
    expect(await failureOf(server.get('a'))).to.be.instanceOf(StoreUnavailableError);
    expect(clock.repeatedCount).to.equal(0);
    await changed(() => Promise.resolve(scripted.openCount === 0));
  });
});

describe('the placing of records', () => {
  const NAMES = Array.from({ length: 30_000 }, (_, at) => `device ${at}`);

  it('is the same in any order of the servers', async () => {
    const addresses = await addressesOf(3);
    const forth = await placesOf(addresses);
    expect(await placesOf([...addresses].reverse())).to.deep.equal(forth);
  });

  it('gives each server its share', async () => {
    const shares = new Map<string, number>();
    for (const name of await placesOf(await addressesOf(3))) {
      shares.set(name, (shares.get(name) ?? 0) + 1);
    }
    expect([...shares.values()]).to.have.length(3);
    for (const share of shares.values()) expect(share).to.be.closeTo(NAMES.length / 3, 500);
  });

  it('moves nothing between the servers that stay', async () => {
    const addresses = await addressesOf(4);
    const before = await placesOf(addresses);
    const after = await placesOf(addresses.slice(0, 3));
    const lost = `127.0.0.1:${addresses[3]?.port}`;
    for (const [at, name] of after.entries()) {
      if (before[at] !== lost) expect(name).to.equal(before[at]);
    }
  });

  /** Where each name is placed. Nobody listens there. */
  async function placesOf(addresses: readonly { host: string; port: number }[]): Promise<string[]> {
    const client = await openMemcachedClient({
      servers: addresses,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      requestsInFlightMax: 1,
      unsentBytesMax: 1,
      clock: new HandClock(),
      log: quietLog,
    });
    const places = NAMES.map((name) => client.serverOf(name).name);
    await client.close();
    return places;
  }

  async function addressesOf(count: number): Promise<{ host: string; port: number }[]> {
    const ports = await findFreePorts(count);
    return ports.map((port) => ({ host: '127.0.0.1', port }));
  }
});

function onlyServer(client: MemcachedClient): MemcachedServer {
  const [server] = client.servers;
  if (server === undefined) throw new Error('the client has no server');
  return server;
}

/** What the promise is rejected with; undefined when it is not. */
async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Asks again and again until it is so. */
async function changed(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + ARRIVAL_WAIT_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
