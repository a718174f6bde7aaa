import { expect } from 'chai';
import { makeApnsKeyPair } from '../support/fake-apns/provider-tokens.ts';
import { makeServiceKeys, registrationToken } from '../support/fake-fcm.ts';
import { getJson } from '../support/get-json.ts';
import { putStatus } from '../support/put.ts';
import { fallAsleep, fetchPending } from './kick-sleepers.ts';
import { until } from './kick-until.ts';
import { openKickWorld } from './kick-world.ts';

const TEST_MS_MAX = 60_000;

describe('credentials that a provider refuses', function () {
  this.timeout(TEST_MS_MAX);

  it('are told at start, with the key of the config, in the log and by /health', async () => {
    const { privateKey } = await makeServiceKeys();
    const fcmPrivateKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { privateKeyPem: apnsPrivateKey } = makeApnsKeyPair();
    await using world = await openKickWorld({ wrong: { fcmPrivateKey, apnsPrivateKey } });
    const { server } = world;
    const keys = ['kick.fcm.service_account_path', 'kick.apns.apps.chat'];
    const health = () => getJson(`${server.urls.admin}health`);
    await until('/health to name both keys', async () => {
      const reasons = String((await health()).body['reasons']);
      return keys.every((key) => reasons.includes(key));
    });
    expect((await health()).status).to.equal(503);
    const errors = () =>
      server.printed.stderr.split('\n').filter((line) => line.includes('"level":"error"'));
    await until('the log to name both keys', () =>
      keys.every((key) => errors().some((line) => line.includes(key))),
    );
    // Nobody is woken, and nothing is lost.
    const sleeper = await fallAsleep(server, { type: 'fcm', token: registrationToken('phone') });
    expect(await putStatus(sleeper.endpoint, { version: 5 })).to.equal(202);
    expect(await fetchPending(server, sleeper)).to.equal(5);
    expect(world.fcm.wakes).to.deep.equal([]);
  });
});
