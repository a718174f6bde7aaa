/** A device that sleeps is woken: every process real, the providers' servers our own. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { parseExposition } from '../admin/exposition.ts';
import { Arrivals } from '../support/arrivals.ts';
import { registrationToken } from '../support/fake-fcm.ts';
import { putStatus } from '../support/put.ts';
import { apnsToken, arrive, fallAsleep, fetchPending } from './kick-sleepers.ts';
import { until } from './kick-until.ts';
import { APNS_APP, type KickWorld, openKickWorld } from './kick-world.ts';

const WAIT_MS_MAX = 10_000;
/** More than passes between two calls of a test, less than a reader of its output minds. */
const WAKE_INTERVAL_MS = 2000;
/** Of each provider, while one of them hangs. */
const CROWD = 20;

describe('a device that sleeps', function () {
  this.timeout(3 * WAIT_MS_MAX);

  let world: KickWorld;
  let udp: Socket;
  const datagrams = new Arrivals<string>(WAIT_MS_MAX);
  const tokens: string[] = [];

  before(async () => {
    world = await openKickWorld({
      settings: { 'log.level': 'trace', 'kick.wake_interval_ms': WAKE_INTERVAL_MS },
    });
    udp = createSocket('udp4');
    udp.on('message', (datagram) => datagrams.push(datagram.toString()));
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
  });
  after(async () => {
    udp.close();
    await world[Symbol.asyncDispose]();
  });

  let count = 0;
  /** Of a phone that no other test has. */
  const fcmTarget = (): KickTarget & { readonly type: 'fcm' } => {
    count++;
    const token = registrationToken(`phone-${count}-${'secret'.repeat(4)}`);
    tokens.push(token);
    return { type: 'fcm', token };
  };
  const apnsTarget = (): KickTarget & { readonly type: 'apns' } => {
    count++;
    const token = apnsToken(0xfedc_ba98 + count);
    tokens.push(token);
    return { type: 'apns', token };
  };
  const fcmWakes = (token: string) => world.fcm.wakes.filter((wake) => wake.token === token);
  const apnsWakes = (token: string) =>
    world.apns.wakes.filter((wake) => wake.deviceToken === token);
  const metric = async (sample: string) => {
    const page = await (await fetch(`${world.server.urls.admin}metrics`)).text();
    return parseExposition(page).samples.get(sample) ?? 0;
  };
  const kickEnds = () => until('the end of the kick', async () => (await world.kicksLeft()) === 0);

  it('is woken through FCM by exactly one well-formed message, connects, and has the version', async () => {
    const { token, ...target } = fcmTarget();
    const sleeper = await fallAsleep(world.server, { ...target, token });
    expect(await putStatus(sleeper.endpoint, { version: 17 })).to.equal(202);
    await until('the wake-up', () => fcmWakes(token).length > 0);
    expect(await fetchPending(world.server, sleeper)).to.equal(17);
    await kickEnds();
    const [wake, ...more] = fcmWakes(token);
    expect(wake).to.deep.include({
      token,
      data: { wake: '1', channelID: sleeper.channelID, version: '17' },
      priority: 'HIGH',
      ttlSecs: 2_419_200,
      collapseKey: 'reveille',
      isCheck: false,
    });
    expect(more).to.deep.equal([]);
  });

  it('is woken through APNs by exactly one well-formed push, connects, and has the version', async () => {
    const { token, ...target } = apnsTarget();
    const sleeper = await fallAsleep(world.server, { ...target, token });
    expect(await putStatus(sleeper.endpoint, { version: 18 })).to.equal(202);
    await until('the wake-up', () => apnsWakes(token).length > 0);
    expect(await fetchPending(world.server, sleeper)).to.equal(18);
    await kickEnds();
    const [wake, ...more] = apnsWakes(token);
    expect(wake).to.deep.include({
      deviceToken: token,
      topic: APNS_APP.topic,
      pushType: 'background',
      priority: 5,
      payload: {
        aps: { 'content-available': 1 },
        channelID: sleeper.channelID,
        version: 18,
      },
    });
    expect(more).to.deep.equal([]);
  });

  it('is woken through UDP by exactly one datagram, connects, and has the version', async () => {
    const { port } = udp.address() as AddressInfo;
    const sleeper = await fallAsleep(world.server, { type: 'udp', ip: '127.0.0.1', port });
    expect(await putStatus(sleeper.endpoint, { version: 19 })).to.equal(202);
    await datagrams.next('the datagram');
    expect(await fetchPending(world.server, sleeper)).to.equal(19);
    await kickEnds();
    expect(datagrams.takeUnread()).to.deep.equal([]);
  });

  it('is not woken while it is connected', async () => {
    const [awake, asleep] = [fcmTarget(), fcmTarget()];
    const { device, sleeper } = await arrive(world.server, awake);
    const other = await fallAsleep(world.server, asleep);
    expect(await putStatus(sleeper.endpoint, { version: 1 })).to.equal(200);
    const { updates } = await device.nextOf('notification');
    device.send({ messageType: 'ack', updates });
    await device.ping();
    // What follows in the queue comes out after what was before.
    expect(await putStatus(other.endpoint, { version: 1 })).to.equal(202);
    await until('the wake-up of the other', () => fcmWakes(asleep.token).length > 0);
    await device.close();
    expect(fcmWakes(awake.token)).to.deep.equal([]);
  });

  it('is not woken again within the interval, nor after it when it has fetched all', async () => {
    const target = fcmTarget();
    const sleeper = await fallAsleep(world.server, target);
    const held = 'reveille_kick_retries_total{provider="fcm",cause="interval",role="kick"}';
    const heldBefore = await metric(held);
    expect(await putStatus(sleeper.endpoint, { version: 1 })).to.equal(202);
    await until('the wake-up', () => fcmWakes(target.token).length > 0);
    expect(await putStatus(sleeper.endpoint, { version: 2 })).to.equal(202);
    await until('the second kick to be held', async () => (await metric(held)) > heldBefore);
    expect(await fetchPending(world.server, sleeper)).to.equal(2);
    await kickEnds();
    expect(fcmWakes(target.token)).to.have.lengthOf(1);
  });

  it('is woken through APNs while FCM hangs, and PUTs are answered', async () => {
    const pairs = await Promise.all(
      Array.from({ length: CROWD }, async () => {
        const [fcm, apns] = [fcmTarget(), apnsTarget()];
        const sleepers = [
          await fallAsleep(world.server, fcm),
          await fallAsleep(world.server, apns),
        ];
        return { fcm, apns, sleepers };
      }),
    );
    world.fcm.hang();
    const sendsBefore = world.fcm.sends;
    const endpoints = pairs.flatMap(({ sleepers }) => sleepers.map(({ endpoint }) => endpoint));
    const statuses = await Promise.all(
      endpoints.map((endpoint) => putStatus(endpoint, { version: 1 })),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([202]));
    await until('FCM to hang', () => world.fcm.sends > sendsBefore);
    await until('all wake-ups through APNs', () =>
      pairs.every(({ apns }) => apnsWakes(apns.token).length === 1),
    );
    expect(pairs.flatMap(({ fcm }) => fcmWakes(fcm.token))).to.deep.equal([]);
    world.fcm.resume();
    await until('all wake-ups through FCM', () =>
      pairs.every(({ fcm }) => fcmWakes(fcm.token).length > 0),
    );
  });

  it('whose kick was given up is a dead letter, to be listed, retried and purged beside the server', async () => {
    const target = fcmTarget();
    const sleeper = await fallAsleep(world.server, target);
    const refuseOne = async (version: number) => {
      world.fcm.answerNext({ kind: 'error', name: 'INVALID_ARGUMENT' });
      expect(await putStatus(sleeper.endpoint, { version })).to.equal(202);
      await until('the dead letter', async () => (await world.deadReasons()).length > 0);
    };
    await refuseOne(1);
    const { stdout: shown } = await world.queue('list');
    expect(shown).to.match(/^fcm \(spool\) .* dead 1\n.*tried once: 400 INVALID_ARGUMENT$/m);
    expect(await world.queue('retry', '--provider', 'fcm')).to.deep.include({
      code: 0,
      stdout: 'fcm  retried 1\n',
    });
    await until('the wake-up', () => fcmWakes(target.token).length > 0);
    expect(await world.deadReasons()).to.deep.equal([]);
    expect(await fetchPending(world.server, sleeper)).to.equal(1);
    await refuseOne(2);
    expect(await world.queue('purge', '--provider', 'fcm', '--yes')).to.deep.include({
      code: 0,
      stdout: 'fcm  purged 1\n',
    });
    expect(await world.deadReasons()).to.deep.equal([]);
    // Given up is the wake-up, not the update.
    expect(await fetchPending(world.server, sleeper)).to.equal(2);
  });

  it('is told of in the metrics, by provider, as the work of the role kick', async () => {
    const page = await (await fetch(`${world.server.urls.admin}metrics`)).text();
    const { samples, families } = parseExposition(page);
    for (const provider of ['fcm', 'apns', 'udp']) {
      const woken = `reveille_kick_wakes_total{provider="${provider}",outcome="woken",role="kick"}`;
      expect(samples.get(woken), woken).to.be.greaterThan(0);
      const queued = `reveille_kicks_queued_total{provider="${provider}",role="push"}`;
      expect(samples.get(queued), queued).to.be.greaterThan(0);
    }
    const ofKick = [...families.keys()].filter((name) => name.startsWith('reveille_kick_'));
    expect(ofKick).to.include.members([
      'reveille_kick_queue_entries',
      'reveille_kick_queue_oldest_seconds',
      'reveille_kick_dead_letters_total',
      'reveille_kick_breaker',
    ]);
  });

  it('has its push token in no line that the server prints, at the level trace', () => {
    const { stdout, stderr } = world.server.printed;
    expect(stderr).to.include('"event":"kick.wake.answered"');
    expect(tokens.length).to.be.greaterThan(CROWD);
    for (const token of tokens) {
      expect(stdout + stderr).not.to.include(token);
      // What makes it this phone's, in whichever form.
      expect(stdout + stderr).not.to.include(token.slice(0, -4));
    }
  });
});
