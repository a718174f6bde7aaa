import { expect } from 'chai';
import { CLOSE_CODES, type CloseCause } from '../../src/protocol/close-codes.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import type { RawDevice } from '../support/raw-device.ts';
import { upgradeBytes } from '../support/raw-frames.ts';
import { nextAnswer } from '../support/raw-http.ts';
import type { TestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { subscribe } from '../support/subscription.ts';
import { openTcpClient } from '../support/tcp-client.ts';
import { describeRule } from './rule.ts';

interface Ending {
  readonly settings?: Settings;
  /** Makes the server close `device`, which has said hello. */
  provoke(device: RawDevice, context: { server: TestServer; store: StoppableStore }): unknown;
}

/** One way to each code; `sleep` has a page of its own, device-13-sleep.test.ts. */
const ENDINGS: Readonly<Record<Exclude<CloseCause, 'sleep'>, Ending>> = {
  normal: {
    settings: { 'socket.devices_max': 0, 'socket.overflow_urls': ['ws://other.example/'] },
    provoke: () => undefined,
  },
  goingAway: { provoke: (_device, { server }) => server.stop() },
  notAnObject: { provoke: (device) => device.send('[]') },
  policy: { provoke: (device) => device.send({ messageType: 'unknown' }) },
  tooLarge: {
    settings: { 'socket.message_bytes_max': 1024 },
    provoke: (device) => device.send('x'.repeat(1025)),
  },
  tryAgainLater: {
    provoke: (device, { store }) => {
      store.fail();
      return device.hello();
    },
  },
  replaced: {
    provoke: async (device, { server }) => {
      const { uaid } = await device.hello();
      const newer = await server.connect();
      await newer.hello({ uaid });
    },
  },
};

describeRule('Device side 13: close codes', (open) => {
  for (const [cause, { settings = {}, provoke }] of Object.entries(ENDINGS)) {
    const code = CLOSE_CODES[cause as keyof typeof ENDINGS];
    it(`sends ${code} for ${cause}`, async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ settings, store });
      const device = await server.connect();
      await device.hello();
      await provoke(device, { server, store });
      expect((await device.nextClose()).code).to.equal(code);
    });
  }

  it('lets in nobody any more once it has begun to send 1001', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const inHand = putStatus(endpoint, { version: 1 });
    await putting.reached;
    const stopped = server.stop();
    expect((await device.nextClose()).code).to.equal(1001);
    const client = await openTcpClient(server.urls.ws);
    client.write(upgradeBytes(server.urls.ws));
    const { status, headers } = await nextAnswer(client);
    expect({ status, retryAfter: headers.get('retry-after') }).to.deep.equal({
      status: 503,
      retryAfter: '5',
    });
    putting.release();
    await inHand;
    await stopped;
  });

  it('sends 1001 to a socket that has not said hello', async () => {
    await using server = await open();
    const device = await server.connect();
    await server.stop();
    expect(await device.nextClose()).to.deep.equal({
      code: 1001,
      reason: 'the server is going away',
    });
  });
});
