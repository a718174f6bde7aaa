import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { fdLimit } from '../../src/commands/fd-limit.ts';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { putStatus } from '../support/put.ts';
import { openRawWebSocket } from '../support/raw-frames.ts';
import { putBytes } from '../support/raw-http.ts';
import { Resources } from '../support/resources.ts';
import type { Settings } from '../support/settings.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { openTcpClient, type TcpClient } from '../support/tcp-client.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { DRIPS, drip, type Endless, FLOODS, flood, HELLO } from './endless.ts';
import { GoodPair } from './good-pair.ts';
import { inTurns } from './in-turns.ts';
import { MALFORMED_FRAMES, MALFORMED_REQUESTS } from './malformed.ts';

/** On each listener. Both ends of a connection are descriptors of this machine, and no process may have too many. */
const HALF_OPEN_SOCKETS = Math.min(3_000, Math.floor(fdLimit() / 6));

/** Tight, so that each limit is met within the test; and above what those who behave take, of whom a crowded machine makes some wait. */
const SETTINGS: Settings = {
  // Leaves descriptors for as many connections of app servers, and more.
  'socket.sockets_max': 2 * HALF_OPEN_SOCKETS,
  'socket.hello_timeout_ms': 4_000,
  'socket.idle_timeout_secs': 8,
  'socket.ping_interval_min_ms': 20_000,
  'socket.message_bytes_max': 4_096,
  'socket.send_buffer_bytes_max': 65_536,
  'endpoint.headers_timeout_ms': 2_000,
  'endpoint.request_timeout_ms': 4_000,
  'endpoint.keep_alive_timeout_ms': 2_000,
};

/** From a PUT to its notification, for those who behave. Far above what it takes, for the machine may be crowded. */
const ROUND_MS_MAX = 2_000;
/** What all strangers together may cost at any moment: some 10 kB for each half-open socket, and buffers. */
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;
/** Beyond every timeout, also the 10 s of uWebSockets.js for a request, which nobody can change. */
const END_WAIT_MS_MAX = 20_000;

const DRIPS_OF_EACH_KIND = 50;
const DRIP_PAUSE_MS = 50;
const SLOW_READERS = 4;
/** With DATA in each, more than the buffers of kernel and server for one socket hold. */
const UPDATES_FOR_SLOW_READER = 1_500;
const UNREAD_ANSWERS = 20_000;
const HALF_A_REQUEST = 'PUT /update/';
const DATA = 'x'.repeat(4_096);

describe('a server that strangers abuse', function () {
  this.timeout(60_000);

  const resources = new Resources();
  const crowd: TcpClient[] = [];
  let server: ChildServer;
  let pair: GoodPair;
  let peakBytesBefore: number;

  before(async () => {
    const folder = resources.keep(await makeTemporaryFolder());
    server = resources.keep(await startChildServer(folder.path, SETTINGS));
    pair = await GoodPair.open(server);
    await pair.playDuring(async () => {});
    pair.leave();
    peakBytesBefore = await peakRssBytes(await server.pushPid());
  });

  beforeEach(async () => {
    pair = await GoodPair.open(server);
  });

  afterEach(() => {
    pair.leave();
    for (const stranger of crowd.splice(0)) stranger.destroy();
  });

  after(() => resources.dispose());

  /** `abuse` goes on while a device and its app server, who do nothing wrong, want to be served. */
  const itBears = (title: string, abuse: () => Promise<void>) => {
    it(`bears ${title}`, async () => {
      expect(await pair.playDuring(abuse)).to.be.below(ROUND_MS_MAX);
      const grownBytes = (await peakRssBytes(await server.pushPid())) - peakBytesBefore;
      expect(grownBytes).to.be.below(GROWTH_BYTES_MAX);
    });
  };
  const meet = async (url: string): Promise<TcpClient> => {
    const stranger = await openTcpClient(url);
    crowd.push(stranger);
    return stranger;
  };
  const meetDevice = async (): Promise<TcpClient> => {
    const { client } = await openRawWebSocket(server.urls.ws);
    crowd.push(client);
    return client;
  };
  const beginEndless = async ({ to, begin }: Endless): Promise<TcpClient> => {
    const url = to === 'endpoint' ? pair.endpoint : server.urls.ws;
    const stranger = to === 'webSocket' ? await meetDevice() : await meet(url);
    stranger.write(begin(url));
    return stranger;
  };

  itBears('malformed requests to both listeners', async () => {
    const urls = [pair.endpoint, server.urls.ws];
    const cases = MALFORMED_REQUESTS.flatMap((row) => urls.map((url) => ({ ...row, url })));
    await Promise.all(
      cases.map(async ({ title, bytes, url }) => {
        const stranger = await meet(url);
        stranger.write(bytes(url));
        await end(stranger, `${title} to ${url}`);
      }),
    );
  });

  itBears('malformed frames', async () => {
    await Promise.all(
      MALFORMED_FRAMES.map(async ({ title, bytes }) => {
        const stranger = await meetDevice();
        stranger.write(Buffer.concat([HELLO, bytes]));
        await end(stranger, title);
      }),
    );
  });

  for (const endless of FLOODS) {
    itBears(`${endless.title} without end to the ${endless.to}`, async () => {
      await flood(await beginEndless(endless), endless.more);
    });
  }

  itBears('half-open sockets, and requests that come byte by byte', async () => {
    const halfOpen = async (url: string) => {
      const strangers = await inTurns(HALF_OPEN_SOCKETS, () => meet(url));
      for (const [index, stranger] of strangers.entries()) {
        if (index % 2 === 0) stranger.write(HALF_A_REQUEST);
      }
      await Promise.all(strangers.map((stranger) => end(stranger, 'half-open')));
    };
    await Promise.all([
      halfOpen(pair.endpoint),
      halfOpen(server.urls.ws),
      ...DRIPS.flatMap((endless) =>
        Array.from({ length: DRIPS_OF_EACH_KIND }, async () => {
          const stranger = await beginEndless(endless);
          await drip(stranger, endless.more, DRIP_PAUSE_MS);
        }),
      ),
    ]);
  });

  itBears('devices that do not read, and keeps their updates', async () => {
    await Promise.all(
      Array.from({ length: SLOW_READERS }, async () => {
        const { device, uaid, channelID, endpoint } = await subscribe(server);
        device.socket.pause();
        for (let version = 1; version <= UPDATES_FOR_SLOW_READER; version++) {
          await putStatus(endpoint, { version, data: DATA });
        }
        // 202 and not 200: by now its connection has been ended.
        const version = UPDATES_FOR_SLOW_READER + 1;
        expect(await putStatus(endpoint, { version })).to.equal(202);
        const again = await server.connect();
        await again.hello({ uaid, channelIDs: [channelID] });
        expect(await again.next()).to.deep.equal(notificationOf(channelID, version));
        device.terminate();
        again.terminate();
      }),
    );
  });

  itBears('an app server that does not read', async () => {
    const { device, endpoint } = await subscribe(server);
    const stranger = await meet(endpoint);
    stranger.socket.pause();
    stranger.write(putBytes(endpoint).repeat(UNREAD_ANSWERS));
    device.terminate();
  });

  it('has printed nothing but log lines, and stops in order', async () => {
    expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
    const { stdout, stderr } = server.printed;
    expect(stdout).to.match(/^reveille ready .*\n$/);
    for (const line of stderr.trimEnd().split('\n')) {
      expect(JSON.parse(line), line).to.include.keys('level', 'time', 'event');
    }
  });
});

/** Resolves when the server has ended the connection; `title` says in the failure whose. */
async function end(stranger: TcpClient, title: string): Promise<void> {
  try {
    await stranger.ended(END_WAIT_MS_MAX);
  } catch (cause) {
    throw new Error(`the server goes on with ${title}`, { cause });
  }
}

/** The most memory that a process has had at any moment. */
async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
