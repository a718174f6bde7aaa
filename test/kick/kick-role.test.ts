/** The kick role with its real parts: embedded store, spool, providers, and a push service of our own at the other end. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../src/clock.ts';
import { openKickRole } from '../../src/commands/kick-role.ts';
import { closeKickQueues, openKickQueues } from '../../src/commands/open-queues.ts';
import { openStore } from '../../src/commands/open-store.ts';
import { RefusedConfigError, type RunningRole } from '../../src/commands/role.ts';
import type { Config } from '../../src/config/config.ts';
import { quietLog } from '../../src/log.ts';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { deviceIdFromRandom, newChannelId } from '../../src/protocol/ids.ts';
import { configOf } from '../config/load.ts';
import { makeApnsKeyPair } from '../support/fake-apns/provider-tokens.ts';
import { startFakeApns } from '../support/fake-apns.ts';
import { makeServiceKeys, registrationToken, startFakeFcm } from '../support/fake-fcm.ts';
import { type KickCertificates, makeKickCertificates } from '../support/kick-certificates.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { version } from '../support/versions.ts';
import { within } from '../support/within.ts';

const WAIT_MS_MAX = 10_000;
const DEVICE = deviceIdFromRandom(new Uint8Array(16).fill(7));
const CHANNEL = newChannelId();
const VERSION = version(42);
const APP = {
  topic: 'com.example.chat',
  teamId: 'A1B2C3D4E5',
  keyId: 'F6G7H8I9J0',
} as const;

describe('the kick role', function () {
  this.timeout(3 * WAIT_MS_MAX);
  let certificates: KickCertificates;
  let serviceKeys: Awaited<ReturnType<typeof makeServiceKeys>>;
  let folder: TemporaryFolder;
  let role: RunningRole | undefined;

  before(async () => {
    [certificates, serviceKeys] = await Promise.all([makeKickCertificates(), makeServiceKeys()]);
  });
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    await writeFile(join(folder.path, 'ca.pem'), certificates.ca);
  });
  afterEach(async () => {
    await role?.stop();
    role = undefined;
    await folder[Symbol.asyncDispose]();
  });

  /** A config whose data lies in the folder. */
  const configWith = (kick: string) =>
    configOf(`
      storage.embedded.path = "${folder.path}/store"
      queue.spool.path = "${folder.path}/queue"
      ${kick}`);

  const open = async (config: Config): Promise<RunningRole> => {
    role = await openKickRole({ config, log: quietLog, clock: systemClock });
    return role;
  };

  const stopAndLookAtQueue = async (config: Config, running: RunningRole) => {
    expect(await running.stop()).to.equal(true);
    role = undefined;
    const queues = await openKickQueues(config, quietLog, systemClock);
    const depths = await Promise.all(Object.values(queues).map((queue) => queue.depth()));
    await closeKickQueues(queues);
    return depths.map(({ ready, leased, delayed, dead }) => ready + leased + delayed + dead);
  };

  const fcmSection = (sendUrl: string) => `
    [kick.fcm]
    service_account_path = "${folder.path}/account.json"
    send_url = "${sendUrl}"
    ca_path = "${folder.path}/ca.pem"
    sends_update = true`;

  it('wakes a device through FCM, once, for an update that was stored and enqueued', async () => {
    const fcm = await startFakeFcm({ certificates, keys: serviceKeys });
    try {
      await writeFile(join(folder.path, 'account.json'), fcm.serviceAccountJson);
      const config = configWith(fcmSection(fcm.sendUrl));
      const token = registrationToken('phone');
      await storeAndEnqueue(config, { type: 'fcm', token });
      const running = await open(config);
      await wokenBy(running, 'fcm');
      expect(await stopAndLookAtQueue(config, running)).to.deep.equal([0]);
      expect(fcm.wakes).to.have.lengthOf(1);
      expect(fcm.wakes[0]).to.deep.include({
        token,
        priority: 'HIGH',
        data: { wake: '1', channelID: CHANNEL, version: '42' },
      });
    } finally {
      await fcm.close();
    }
  });

  it('wakes a device through APNs, once, for an update that was stored and enqueued', async () => {
    const pair = makeApnsKeyPair();
    const key = { ...APP, publicKeyPem: pair.publicKeyPem, topics: [APP.topic] };
    const apns = await startFakeApns({ certificates, keys: [key] });
    try {
      await writeFile(join(folder.path, 'key.p8'), pair.privateKeyPem);
      const config = configWith(apnsSection(folder.path, apns.url));
      const token = 'ab'.repeat(32);
      await storeAndEnqueue(config, { type: 'apns', token });
      const running = await open(config);
      await wokenBy(running, 'apns');
      expect(await stopAndLookAtQueue(config, running)).to.deep.equal([0]);
      expect(apns.wakes).to.have.lengthOf(1);
      expect(apns.wakes[0]).to.deep.include({
        deviceToken: token,
        topic: APP.topic,
        pushType: 'background',
        priority: 5,
      });
    } finally {
      await apns.close();
    }
  });

  it('wakes a device through UDP, once, for an update that was stored and enqueued', async () => {
    const phone = createSocket('udp4');
    const datagrams: Buffer[] = [];
    phone.on('message', (datagram) => datagrams.push(datagram));
    phone.bind(0, '127.0.0.1');
    await once(phone, 'listening');
    try {
      const config = configWith('[kick.udp]\nnetworks = ["127.0.0.1/32"]');
      const { port } = phone.address() as AddressInfo;
      await storeAndEnqueue(config, { type: 'udp', ip: '127.0.0.1', port });
      const came = once(phone, 'message');
      const running = await open(config);
      await within(came, { wanted: 'a datagram', waitMsMax: WAIT_MS_MAX });
      await wokenBy(running, 'udp');
      expect(await stopAndLookAtQueue(config, running)).to.deep.equal([0]);
      expect(datagrams).to.have.lengthOf(1);
    } finally {
      phone.close();
    }
  });

  it('stays up with credentials that FCM refuses, and says which key of the config', async () => {
    const fcm = await startFakeFcm({ certificates, keys: serviceKeys });
    try {
      const account = JSON.parse(fcm.serviceAccountJson) as object;
      const { privateKey } = await makeServiceKeys();
      const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' });
      const stranger = JSON.stringify({ ...account, private_key });
      await writeFile(join(folder.path, 'account.json'), stranger);
      const config = configWith(fcmSection(fcm.sendUrl));
      await storeAndEnqueue(config, { type: 'fcm', token: registrationToken('phone') });
      const running = await open(config);
      await until(() => running.health().reasons.some((reason) => reason.includes('is halted')));
      expect(running.health().ready).to.equal(false);
      expect(running.health().reasons.join()).to.include('kick.fcm.service_account_path');
      expect(JSON.stringify(await running.metrics())).to.include('reveille_kick_halted');
      // What nobody tried is still there.
      expect(await stopAndLookAtQueue(config, running)).to.deep.equal([1]);
      expect(fcm.wakes).to.deep.equal([]);
    } finally {
      await fcm.close();
    }
  });

  it('tells of each provider in its status', async () => {
    const config = configWith('[kick.udp]\nnetworks = ["127.0.0.1/32"]');
    const running = await open(config);
    await until(() => running.health().ready);
    const { providers, store } = await running.status();
    expect(store).to.deep.equal({ driver: 'embedded', healthy: true });
    expect(providers).to.have.nested.property('udp.breaker.state', 'closed');
    expect(providers).to.have.nested.property('udp.inHand', 0);
    expect(providers).to.have.nested.property('udp.queue.driver', 'spool');
    expect(running.urls).to.deep.equal({});
  });

  const refused = [
    { title: 'without a provider', kick: () => '', key: 'kick' },
    {
      title: 'without the key of an app',
      kick: () => apnsSection(folder.path, 'https://127.0.0.1:1'),
      key: 'kick.apns.apps.chat.key_path',
    },
    {
      title: 'without the service account',
      kick: () => fcmSection('https://127.0.0.1:1'),
      key: 'kick.fcm.service_account_path',
    },
  ];
  for (const { title, kick, key } of refused) {
    it(`does not start ${title}, and names the key of the config`, async () => {
      const failure = await open(configWith(kick())).catch((error: unknown) => error);
      if (!(failure instanceof RefusedConfigError)) return expect.fail('it started');
      expect(failure.problems.map((problem) => problem.key)).to.deep.equal([key]);
    });
  }
});

function apnsSection(folder: string, host: string): string {
  return `
    [kick.apns]
    ca_path = "${folder}/ca.pem"
    [kick.apns.apps.chat]
    topic = "${APP.topic}"
    team_id = "${APP.teamId}"
    key_id = "${APP.keyId}"
    key_path = "${folder}/key.p8"
    host = "${host}"`;
}

/** What the push role does for a device that is not connected, in a process that has ended since. */
async function storeAndEnqueue(config: Config, target: KickTarget): Promise<void> {
  const store = await openStore(config, systemClock, quietLog);
  const queues = await openKickQueues(config, quietLog, systemClock);
  const nowMs = systemClock.nowMs();
  await store.registerChannel(DEVICE, { channelId: CHANNEL, written: CHANNEL });
  await store.writeTarget(DEVICE, target, nowMs - 1000);
  await store.putUpdate(DEVICE, CHANNEL, VERSION);
  const kick = { deviceId: DEVICE, channelId: CHANNEL, version: VERSION, storedAtMs: nowMs };
  await queues[target.type]?.enqueue(kick);
  await closeKickQueues(queues);
  await store.close();
}

/** Until the provider has taken a wake-up. */
async function wokenBy(running: RunningRole, name: KickTarget['type']): Promise<void> {
  await until(async () => {
    const { providers } = await running.status();
    const woken = (providers as Record<string, { woken: number } | undefined>)[name]?.woken;
    return woken === 1;
  });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAtMs = Date.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    if (Date.now() > endsAtMs) throw new Error(`waited ${WAIT_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
