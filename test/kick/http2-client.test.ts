import { once } from 'node:events';
import { constants, createSecureServer } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { ANSWER_CHARACTERS_MAX } from '../../src/kick/http2-answer-reader.ts';
import { Http2Client, PAUSE_AFTER_FAILURE_MS } from '../../src/kick/http2-client.ts';
import { IDLE_PING_INTERVAL_MS, PING_ANSWER_MS_MAX } from '../../src/kick/http2-connection.ts';
import type { WakeOutcome } from '../../src/kick/provider.ts';
import { startFakeApns } from '../support/fake-apns.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { openFreezableRelay } from '../support/freezable-relay.ts';
import { makeKickCertificates } from '../support/kick-certificates.ts';
import { within } from '../support/within.ts';
import { fakeOptions, LIMITS, NEVER, type OpenApns, openApns, wakeOf } from './apns/open-apns.ts';

const WOKEN: WakeOutcome = { kind: 'woken' };
const REFUSE = { kind: 'reset', code: constants.NGHTTP2_REFUSED_STREAM } as const;
const DROP = { kind: 'drop' } as const;

// Through the provider of APNs, whose fake speaks everything that is asked of the client.
describe('the HTTP/2 client', () => {
  describe('opening streams', () => {
    it('opens one until an answer has proven the credentials', async () => {
      await using open = await openApns({ fake: { opensNarrow: false } });
      open.apns.hang();
      const outcomes = open.wakeMany(10);
      await open.apns.until(() => open.apns.held === 1, 'the first request');
      open.apns.release();
      expect(await outcomes).to.deep.equal(Array(10).fill(WOKEN));
      expect(open.apns.streamsOpenBeforeProofMax).to.equal(1);
    });

    it('keeps to one after an answer that proves nothing', async () => {
      await using open = await openApns({ fake: { opensNarrow: false } });
      open.apns.answerNext({ kind: 'error', reason: 'InvalidProviderToken' });
      await open.wake(0);
      await open.wakeMany(10);
      expect(open.apns.streamsOpenBeforeProofMax).to.equal(1);
    });

    it('opens as many as SETTINGS allow, also when they change', async () => {
      await using open = await openWarm({ fake: { streamsMax: 5 } });
      open.apns.hang();
      const outcomes = open.wakeMany(20);
      await open.apns.until(() => open.apns.held === 5, 'five requests');
      open.apns.setStreamsMax(8);
      await open.apns.until(() => open.apns.held === 8, 'eight requests');
      expect(open.apns.streamsOpenMax).to.equal(8);
      open.apns.release();
      expect(await outcomes).to.deep.equal(Array(20).fill(WOKEN));
    });

    it('opens no more than its own limit', async () => {
      await using open = await openWarm({ limits: { inFlightMax: 3 } });
      open.apns.hang();
      const outcomes = open.wakeMany(10);
      await open.apns.until(() => open.apns.held === 3, 'three requests');
      expect(open.apns.streamsOpenMax).to.equal(3);
      open.apns.release();
      expect(await outcomes).to.deep.equal(Array(10).fill(WOKEN));
    });

    it('lets as many requests wait as it may, and sends the next away', async () => {
      await using open = await openWarm({ limits: { inFlightMax: 1, waitingMax: 2 } });
      open.apns.hang();
      const taken = [open.wake(1)];
      await open.apns.until(() => open.apns.held === 1, 'the first request');
      taken.push(open.wake(2), open.wake(3));
      const full = { kind: 'later', scope: 'provider', reason: 'too many requests wait' };
      expect(await open.wake(4)).to.deep.equal(full);
      open.apns.release();
      expect(await Promise.all(taken)).to.deep.equal([WOKEN, WOKEN, WOKEN]);
    });
  });

  describe('when the peer says goodbye', () => {
    it('loses and doubles nothing of 100 in flight', async () => {
      await using open = await openWarm();
      open.apns.hang();
      const outcomes = open.wakeMany(100);
      await open.apns.until(() => open.apns.held === 100, '100 requests');
      // The warming one was stream 1; of these, 3 to 101 are processed.
      open.apns.goAway({ lastStreamId: 101 });
      await open.apns.until(() => open.apns.held === 51, 'the first of the others');
      open.apns.release();
      expect(await outcomes).to.deep.equal(Array(100).fill(WOKEN));
      expect(timesWoken(open)).to.deep.equal(Array(100).fill(1));
      expect(open.apns.wakes.filter(({ connection }) => connection === 2)).to.have.length(50);
      expect(open.apns.connections).to.equal(2);
    });

    it('sends what comes later to a new connection', async () => {
      await using open = await openWarm();
      open.apns.hang();
      const held = open.wake(0);
      await open.apns.until(() => open.apns.held === 1, 'the first request');
      open.apns.goAway();
      const later = open.wake(1);
      await open.apns.until(() => open.apns.held === 2, 'the second request');
      open.apns.release();
      expect(await Promise.all([held, later])).to.deep.equal([WOKEN, WOKEN]);
      expect(open.apns.wakes.map(({ connection }) => connection)).to.deep.equal([1, 1, 2]);
    });

    it('says unanswered of what an erroneous goodbye may have left processed', async () => {
      await using open = await openWarm();
      open.apns.hang();
      const outcomes = open.wakeMany(4);
      await open.apns.until(() => open.apns.held === 4, 'four requests');
      open.apns.goAway({ code: constants.NGHTTP2_INTERNAL_ERROR, lastStreamId: 5 });
      await open.apns.until(() => open.apns.connections === 2, 'the next connection');
      open.apns.release();
      const kinds = (await outcomes).map(({ kind }) => kind);
      expect(kinds).to.deep.equal(['unanswered', 'unanswered', 'woken', 'woken']);
    });

    it('sends a refused request once more, and no third time', async () => {
      await using open = await openWarm();
      open.apns.answerNext(REFUSE);
      expect(await open.wake(0)).to.deep.equal(WOKEN);
      open.apns.answerNext(REFUSE, REFUSE);
      const outcome = await open.wake(0);
      expect(outcome).to.include({ kind: 'later', scope: 'provider' });
      expect(open.apns.requests).to.have.length(5);
      expect(open.apns.connections).to.equal(1);
    });

    it('replaces a connection after as many requests as it may have', async () => {
      await using open = await openApns();
      const client = new Http2Client({
        origin: open.apns.url,
        ca: open.apns.ca,
        limits: LIMITS,
        opensNarrow: false,
        effectOf: () => 'none',
        requestsPerConnectionMax: 2,
        clock: open.clock,
      });
      const request = { method: 'GET', path: '/', headers: {}, body: '' } as const;
      const connections: number[] = [];
      for (let sent = 0; sent < 5; sent++) {
        const result = await client.request(request, NEVER);
        expect(result).to.include({ kind: 'answered' });
        connections.push(open.apns.connections);
      }
      await client.close();
      expect(connections).to.deep.equal([1, 1, 2, 2, 3]);
    });

    it('replaces a connection that an answer has ended', async () => {
      await using open = await openWarm();
      open.apns.answerNext({ kind: 'error', reason: 'Shutdown' });
      expect(await open.wake(0)).to.include({ kind: 'later', scope: 'device' });
      expect(await open.wake(0)).to.deep.equal(WOKEN);
      expect(open.apns.connections).to.equal(2);
    });
  });

  describe('when no whole answer comes', () => {
    const half = { kind: 'half', status: 410, body: '{"reason":"Unreg' } as const;
    const reset = { kind: 'reset', code: constants.NGHTTP2_INTERNAL_ERROR } as const;

    it('says unanswered of a stream that was reset, and goes on', async () => {
      await using open = await openWarm();
      open.apns.answerNext(reset);
      expect((await open.wake(0)).kind).to.equal('unanswered');
      expect(await open.wake(0)).to.deep.equal(WOKEN);
      expect(open.apns.connections).to.equal(1);
    });

    it('says unanswered of all in flight when the connection is lost, and opens another', async () => {
      await using open = await openWarm();
      open.apns.answerNext({ kind: 'none' }, half, DROP);
      const outcomes = await open.wakeMany(3);
      expect(outcomes.map(({ kind }) => kind)).to.deep.equal(Array(3).fill('unanswered'));
      expect(await open.wake(0)).to.deep.equal(WOKEN);
      expect(open.apns.connections).to.equal(2);
    });

    it('takes the peer for away when two connections in a row are lost unused', async () => {
      await using open = await openApns();
      open.apns.answerNext(DROP, DROP);
      expect((await open.wake(0)).kind).to.equal('unanswered');
      expect((await open.wake(0)).kind).to.equal('unanswered');
      expect(await open.wake(0)).to.include({ kind: 'later', scope: 'provider' });
      open.clock.moveMs(PAUSE_AFTER_FAILURE_MS);
      expect(await open.wake(0)).to.deep.equal(WOKEN);
    });

    it('settles at the deadline and not before, and goes on with the connection', async () => {
      await using open = await openWarm({ limits: { requestTimeoutMs: 5000 } });
      open.apns.answerNext({ kind: 'none' });
      const seen: WakeOutcome[] = [];
      const outcome = open.wake(0).then((settled) => seen.push(settled));
      await open.apns.until(() => open.apns.held === 1, 'the request');
      open.pass(4999);
      expect(await open.wake(1)).to.deep.equal(WOKEN);
      expect(seen).to.deep.equal([]);
      open.pass(1);
      await outcome;
      expect(seen).to.deep.equal([{ kind: 'unanswered', reason: 'no answer within 5000 ms' }]);
      await open.apns.until(() => open.apns.held === 0, 'the end of the stream');
      expect(open.apns.connections).to.equal(1);
    });

    it('says later of what waited for a stream until the deadline', async () => {
      await using open = await openWarm({ limits: { inFlightMax: 1, requestTimeoutMs: 5000 } });
      open.apns.hang();
      const outcomes = open.wakeMany(2);
      await open.apns.until(() => open.apns.held === 1, 'the request');
      open.pass(5000);
      const kinds = (await outcomes).map(({ kind }) => kind);
      expect(kinds).to.deep.equal(['unanswered', 'later']);
      expect(open.apns.wakes).to.have.length(2);
    });

    it('cuts off an answer without end', async () => {
      await using open = await openWarm();
      const body = 'x'.repeat(ANSWER_CHARACTERS_MAX + 1);
      open.apns.answerNext({ kind: 'half', status: 502, body });
      const later = { kind: 'later', scope: 'provider', reason: 'status 502' };
      expect(await open.wake(0)).to.deep.equal(later);
    });
  });

  describe('when a wake is aborted', () => {
    it('says unanswered of what is in flight, later of what waits, and cancels the stream', async () => {
      await using open = await openWarm({ limits: { inFlightMax: 1 } });
      const abort = new AbortController();
      open.apns.hang();
      const inFlight = open.provider.wake(wakeOf(0), abort.signal);
      await open.apns.until(() => open.apns.held === 1, 'the request');
      const waiting = open.provider.wake(wakeOf(1), abort.signal);
      const other = open.wake(2);
      abort.abort();
      expect(await inFlight).to.deep.equal({ kind: 'unanswered', reason: 'aborted' });
      const later = { kind: 'later', scope: 'device', reason: 'aborted' };
      expect(await waiting).to.deep.equal(later);
      expect(await open.provider.wake(wakeOf(3), abort.signal)).to.deep.equal(later);
      open.apns.release();
      expect(await other).to.deep.equal(WOKEN);
    });
  });

  describe('pings', () => {
    it('a connection that is silent with streams in flight', async () => {
      const limits = { requestTimeoutMs: 60_000, pingIntervalMs: 10_000 };
      await using open = await openWarm({ limits });
      open.apns.hang();
      const outcome = open.wake(0);
      await open.apns.until(() => open.apns.held === 1, 'the request');
      open.pass(10_000);
      await open.apns.until(() => open.apns.pings > 0, 'a ping');
      expect(open.apns.pings).to.equal(1);
      open.apns.release();
      expect(await outcome).to.deep.equal(WOKEN);
    });

    it('an idle connection rarely', async () => {
      await using open = await openWarm({ limits: { pingIntervalMs: 10_000 } });
      open.pass(IDLE_PING_INTERVAL_MS - 1);
      await open.wake(0);
      expect(open.apns.pings).to.equal(0);
      open.pass(IDLE_PING_INTERVAL_MS);
      await open.apns.until(() => open.apns.pings === 1, 'a ping');
    });

    it('in vain a connection that is dead, and opens another', async () => {
      let port = 0;
      await using relay = await openFreezableRelay(() => port);
      const limits = { requestTimeoutMs: 60_000, pingIntervalMs: 10_000 };
      const origin = `https://127.0.0.1:${relay.port}`;
      await using open = await openApns({ apps: [{ origin }], limits });
      port = open.apns.port;
      await open.wake(0);
      relay.freeze();
      const outcome = open.wake(1);
      // The request leaves in this turn.
      await Promise.resolve();
      open.pass(10_000);
      open.pass(PING_ANSWER_MS_MAX);
      expect(await outcome).to.deep.equal({ kind: 'unanswered', reason: 'no answer to a ping' });
      expect(await open.wake(2)).to.deep.equal(WOKEN);
      expect(open.apns.connections).to.equal(2);
    });
  });

  describe('when it is closed', () => {
    it('settles everything, and lets go of the connection and of the clock', async () => {
      await using open = await openWarm({ limits: { inFlightMax: 1 } });
      open.apns.hang();
      const outcomes = open.wakeMany(2);
      await open.apns.until(() => open.apns.held === 1, 'the request');
      await open.provider.close();
      const kinds = (await outcomes).map(({ kind }) => kind);
      expect(kinds).to.deep.equal(['unanswered', 'later']);
      expect(await open.wake(3)).to.include({ kind: 'later', scope: 'device' });
      expect(open.clock.repeatedCount).to.equal(0);
      await open.apns.until(() => open.apns.held === 0, 'the end of the connection');
    });

    it('does not wait for a peer that has said goodbye and stays', async () => {
      const { certificate: cert, key, ca } = await makeKickCertificates();
      const sockets: Duplex[] = [];
      const stubborn = createSecureServer({ cert, key });
      stubborn.on('connection', (socket: Duplex) => {
        // What the library would do at our end, it shall not do: nothing ends this socket.
        Object.assign(socket, { allowHalfOpen: true, end: () => socket });
        sockets.push(socket);
      });
      stubborn.on('session', (session) => session.goaway());
      stubborn.listen(0, '127.0.0.1');
      await once(stubborn, 'listening');
      const { port } = stubborn.address() as AddressInfo;
      await using open = await openApns({ ca, apps: [{ origin: `https://127.0.0.1:${port}` }] });
      const outcome = open.wake(0);
      await once(stubborn, 'session');
      const closed = open.provider.close();
      await within(closed, { wanted: 'the end of the provider', waitMsMax: 10_000 });
      expect((await outcome).kind).to.be.oneOf(['unanswered', 'later']);
      for (const socket of sockets) socket.destroy();
      stubborn.close();
    });
  });

  describe('when there is no connection', () => {
    it('says later, does not knock again for a second, and comes back', async () => {
      const [port = 0] = await findFreePorts(1);
      await using open = await openApns({ apps: [{ origin: `https://127.0.0.1:${port}` }] });
      const later = {
        kind: 'later',
        scope: 'provider',
        reason: 'the connection failed: ECONNREFUSED',
      };
      expect(await open.wakeMany(3)).to.deep.equal([later, later, later]);
      const apns = await startFakeApns({ ...(await fakeOptions(open.clock)), port });
      try {
        open.clock.moveMs(PAUSE_AFTER_FAILURE_MS - 1);
        expect(await open.wake(0)).to.deep.equal(later);
        expect(apns.connections).to.equal(0);
        open.clock.moveMs(1);
        expect(await open.wake(0)).to.deep.equal(WOKEN);
      } finally {
        await apns.close();
      }
    });

    it('gives up a connection that never opens', async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      try {
        await once(silent, 'listening');
        const { port } = silent.address() as AddressInfo;
        await using open = await openApns({ apps: [{ origin: `https://127.0.0.1:${port}` }] });
        const ended = new Promise((resolve) => {
          silent.once('connection', (socket) => socket.resume().once('close', resolve));
        });
        const connected = once(silent, 'connection');
        const outcome = open.wake(0);
        await connected;
        open.pass(9999);
        open.pass(1);
        expect(await outcome).to.deep.equal({
          kind: 'later',
          scope: 'provider',
          reason: 'no connection within 10000 ms',
        });
        await within(ended, { wanted: 'the end of the connection', waitMsMax: 10_000 });
      } finally {
        silent.close();
      }
    });

    it('says later of a certificate that nobody vouches for', async () => {
      const { ca } = await makeKickCertificates();
      await using open = await openApns({ ca });
      const outcome = await open.wake(0);
      expect(outcome).to.include({ kind: 'later', scope: 'provider' });
      expect(outcome)
        .to.have.property('reason')
        .that.matches(/^the connection failed: [A-Z_]+$/);
      expect(open.apns.requests).to.deep.equal([]);
    });
  });
});

/** An open connection with proven credentials, and nothing in flight. */
async function openWarm(options: Parameters<typeof openApns>[0] = {}): Promise<OpenApns> {
  const open = await openApns(options);
  expect(await open.wake(9999)).to.deep.equal(WOKEN);
  return open;
}

/** How often each device was woken, but for the one that warmed the connection. */
function timesWoken({ apns }: OpenApns): readonly number[] {
  const times = new Map<string, number>();
  for (const { deviceToken } of apns.wakes.slice(1)) {
    times.set(deviceToken, (times.get(deviceToken) ?? 0) + 1);
  }
  return Array.from(times.values());
}
