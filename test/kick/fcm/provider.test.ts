import { setMaxListeners } from 'node:events';
import { expect } from 'chai';
import type { WakeOutcome } from '../../../src/kick/provider.ts';
import type { FcmErrorName } from '../../support/fake-fcm/errors.ts';
import { registrationToken } from '../../support/fake-fcm.ts';
import { findFreePorts } from '../../support/free-ports.ts';
import { makeKickCertificates } from '../../support/kick-certificates.ts';
import { accountOf, eventually, neverAborted, openFcm, REQUEST_TIMEOUT_MS } from './open-fcm.ts';
import { wakeOf } from './wakes.ts';

const WOKEN: WakeOutcome = { kind: 'woken' };
const TOKEN_LIFETIME_MS = 3_599_000;
const RENEW_AHEAD_MS = 300_000;
const LONG_BODY = { status: 503, body: 'x'.repeat(100_000) };

/** How each error ends, over the wire; answers.test.ts has the details. */
const KIND_OF: Readonly<Record<FcmErrorName, WakeOutcome['kind']>> = {
  UNREGISTERED: 'gone',
  INVALID_ARGUMENT: 'refused',
  SENDER_ID_MISMATCH: 'refused',
  THIRD_PARTY_AUTH_ERROR: 'refused',
  QUOTA_EXCEEDED: 'later',
  DEVICE_QUOTA_EXCEEDED: 'later',
  RATE_LIMIT_EXCEEDED: 'later',
  UNAVAILABLE: 'later',
  INTERNAL: 'later',
  // The second send is taken.
  UNAUTHENTICATED: 'woken',
  TOKEN_EXPIRED: 'woken',
  TOKEN_MISSING: 'woken',
  SERVICE_DISABLED: 'halted',
  PERMISSION_DENIED: 'halted',
  NOT_FOUND: 'halted',
  HTML_404: 'halted',
  HTML_408: 'later',
  HTML_502: 'later',
  HTML_504: 'unanswered',
};

function kindsOf(outcomes: readonly WakeOutcome[]): readonly string[] {
  return [...new Set(outcomes.map(({ kind }) => kind))];
}

describe('the FCM provider', () => {
  it('sends one wake that FCM takes', async () => {
    await using open = await openFcm({ deps: { sendsUpdate: true } });
    const wake = wakeOf('phone', { version: 42 });
    expect(await open.provider.wake(wake, neverAborted())).to.deep.equal(WOKEN);
    expect(open.fake.wakes).to.deep.equal([
      {
        token: registrationToken('phone'),
        data: { wake: '1', channelID: wake.channelId, version: '42' },
        priority: 'HIGH',
        ttlSecs: 60,
        collapseKey: 'reveille',
        isCheck: false,
        atMs: open.clock.nowMs(),
      },
    ]);
  });

  it('opens nothing before the first wake', async () => {
    await using open = await openFcm();
    expect(open.clock.repeatedCount).to.equal(0);
    expect(open.fake.connections).to.equal(0);
    await open.wake();
    expect(open.fake.connections).to.equal(2);
  });

  it('sends a burst of 2,000, each once, over one connection and with one access token', async () => {
    await using open = await openFcm();
    expect(kindsOf(await open.wakeMany(2000))).to.deep.equal(['woken']);
    expect(new Set(open.fake.wakes.map(({ token }) => token)).size).to.equal(2000);
    expect(open.fake.wakes).to.have.length(2000);
    expect(open.fake.connections).to.equal(2);
    expect(open.fake.tokenExchanges).to.equal(1);
  });

  for (const [name, kind] of Object.entries(KIND_OF) as [FcmErrorName, WakeOutcome['kind']][]) {
    it(`tells what ${name} comes to: ${kind}`, async () => {
      await using open = await openFcm();
      open.fake.answerNext({ kind: 'error', name });
      expect((await open.wake()).kind).to.equal(kind);
      expect(await open.wake()).to.deep.equal(WOKEN);
    });
  }

  it('passes on how long FCM asks it to wait', async () => {
    await using open = await openFcm();
    open.fake.answerNext({ kind: 'error', name: 'UNAVAILABLE', retryAfter: '17' });
    const outcome = await open.wake();
    expect(outcome).to.include({ kind: 'later', scope: 'provider', retryAfterMs: 17_000 });
  });

  it('reads of an endless answer only the beginning', async () => {
    await using open = await openFcm();
    open.fake.answerNext({ kind: 'raw', answer: LONG_BODY });
    expect((await open.wake()).kind).to.equal('later');
    expect(await open.wake()).to.deep.equal(WOKEN);
  });

  it('takes one wake more than it has places for later, and not the others', async () => {
    const limits = { inFlightMax: 2, waitingMax: 1, requestTimeoutMs: REQUEST_TIMEOUT_MS };
    await using open = await openFcm({ deps: { limits } });
    open.fake.hang();
    const inHand = open.wakeMany(3);
    expect(await open.wake('one-too-many')).to.deep.equal({
      kind: 'later',
      scope: 'provider',
      retryAfterMs: 1000,
      reason: 'too many wakes wait',
    });
    await eventually(() => open.fake.sends === 2);
    open.fake.resume();
    expect(kindsOf(await inHand)).to.deep.equal(['woken']);
  });

  it('writes neither access tokens nor registration tokens into log or outcome', async () => {
    await using open = await openFcm();
    const outcomes: WakeOutcome[] = [];
    for (const name of Object.keys(KIND_OF) as FcmErrorName[]) {
      open.fake.answerNext({ kind: 'error', name }, 2);
      outcomes.push(await open.wake());
      outcomes.push(await open.wake());
    }
    open.fake.revokeTokens();
    open.fake.answerNextExchange({ kind: 'error', name: 'UNAVAILABLE' });
    outcomes.push(await open.wake());
    const told = JSON.stringify(outcomes) + open.lines.join('\n');
    expect(open.lines.length).to.be.greaterThan(2);
    expect(told).not.to.contain('ya29').and.not.to.contain('APA91b').and.not.to.contain('PRIVATE');
  });
});

describe('the access tokens of the FCM provider', () => {
  it('are fetched once for 100 wakes at once', async () => {
    await using open = await openFcm();
    expect(kindsOf(await open.wakeMany(100))).to.deep.equal(['woken']);
    expect(open.fake.tokenExchanges).to.equal(1);
  });

  it('are renewed ahead of their end without delaying a wake', async () => {
    await using open = await openFcm();
    await open.wake();
    open.clock.moveMs(TOKEN_LIFETIME_MS - RENEW_AHEAD_MS);
    open.fake.answerNextExchange({ kind: 'hang' });
    expect(await open.wake()).to.deep.equal(WOKEN);
    await eventually(() => open.fake.tokenExchanges === 2);
    expect(await open.wake()).to.deep.equal(WOKEN);
    expect(open.fake.tokenExchanges).to.equal(2);
  });

  it('that cannot be renewed are used as long as they are good', async () => {
    await using open = await openFcm();
    await open.wake();
    open.clock.moveMs(TOKEN_LIFETIME_MS - RENEW_AHEAD_MS);
    open.fake.answerNextExchange({ kind: 'error', name: 'UNAVAILABLE', retryAfter: '3600' });
    expect(await open.wake()).to.deep.equal(WOKEN);
    await eventually(() => open.lines.some((line) => line.includes('kick.fcm.access.failed')));
    open.clock.moveMs(RENEW_AHEAD_MS - 20_000);
    expect(await open.wake()).to.deep.equal(WOKEN);
    expect(open.fake.tokenExchanges).to.equal(2);
    open.clock.moveMs(20_000);
    expect(await open.wake()).to.include({ kind: 'later', scope: 'provider' });
    expect(open.fake.wakes).to.have.length(3);
  });

  it('that have ended are not used, however long nobody was woken', async () => {
    await using open = await openFcm();
    await open.wake();
    open.clock.moveMs(10 * TOKEN_LIFETIME_MS);
    expect(await open.wake()).to.deep.equal(WOKEN);
    expect(open.fake.tokenExchanges).to.equal(2);
    expect(open.fake.sends).to.equal(2);
  });

  it('are replaced once for 100 wakes when FCM does not take one any more', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.revokeTokens();
    expect(kindsOf(await open.wakeMany(100))).to.deep.equal(['woken']);
    expect(open.fake.tokenExchanges).to.equal(2);
    expect(open.fake.wakes).to.have.length(101);
  });

  it('halt the provider when FCM takes no new one either, after one more try', async () => {
    await using open = await openFcm();
    open.fake.answerNext({ kind: 'error', name: 'UNAUTHENTICATED' }, 2);
    const outcome = await open.wake();
    expect(outcome).to.include({ kind: 'halted' });
    expect(outcome.kind === 'halted' && outcome.reason).to.contain('kick.fcm.service_account_path');
    expect(open.fake.sends).to.equal(2);
    expect(open.fake.tokenExchanges).to.equal(2);
  });

  it('halt the provider when the key of the account is not the right one', async () => {
    await using open = await openFcm();
    const serviceAccount = { ...accountOf(open.fake), clientEmail: 'nobody@example.com' };
    const { sendUrl, ca } = open.fake;
    await using other = await openFcm({ deps: { serviceAccount, sendUrl, ca } });
    const outcome = await other.wake();
    expect(outcome.kind === 'halted' && outcome.reason).to.match(
      /invalid_grant.*kick\.fcm\.service_account_path.*Firebase console/,
    );
    expect(open.fake.sends).to.equal(0);
  });

  for (const kind of ['hang', 'reset', 'drop'] as const) {
    it(`that do not come leave all wakes for later: ${kind}`, async () => {
      await using open = await openFcm();
      open.fake.answerNextExchange({ kind });
      const waking = open.wakeMany(3);
      await eventually(() => open.fake.tokenExchanges === 1);
      if (kind === 'hang') open.pass(REQUEST_TIMEOUT_MS);
      for (const outcome of await waking) {
        expect(outcome).to.include({ kind: 'later', scope: 'provider' });
      }
      expect(open.fake.sends).to.equal(0);
    });
  }
});

describe('the deadline of the FCM provider', () => {
  it('ends a wake that is not answered, as unanswered', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.hang();
    const waking = open.wake();
    await eventually(() => open.fake.sends === 2);
    open.pass(REQUEST_TIMEOUT_MS);
    expect((await waking).kind).to.equal('unanswered');
  });

  it('counts from the call, the wait for an access token included', async () => {
    await using open = await openFcm();
    open.fake.hang();
    const waking = open.wake();
    open.clock.moveMs(REQUEST_TIMEOUT_MS - 1000);
    await eventually(() => open.fake.sends === 1);
    open.pass(1000);
    expect((await waking).kind).to.equal('unanswered');
  });

  it('counts for the second send too', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.hang();
    const waking = open.wake();
    await eventually(() => open.fake.sends === 2);
    open.clock.moveMs(REQUEST_TIMEOUT_MS - 1000);
    open.fake.revokeTokens();
    open.fake.resume();
    open.fake.hang();
    await eventually(() => open.fake.sends === 3);
    open.pass(1000);
    expect((await waking).kind).to.equal('unanswered');
  });

  it('is not waited for when the caller gives up', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.hang();
    const controller = new AbortController();
    const waking = open.wake('phone', controller.signal);
    await eventually(() => open.fake.sends === 2);
    controller.abort();
    expect((await waking).kind).to.equal('unanswered');
    expect(await open.wake('phone', controller.signal)).to.include({ kind: 'later' });
  });

  it('is not waited for when the caller gives up before there is an access token', async () => {
    await using open = await openFcm();
    open.fake.answerNextExchange({ kind: 'hang' });
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const waking = open.wake('phone', controller.signal);
    await eventually(() => open.fake.tokenExchanges === 1);
    controller.abort();
    expect((await waking).kind).to.equal('later');
  });

  it('is not waited for when the provider is closed', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.hang();
    const waking = open.wakeMany(3);
    await eventually(() => open.fake.sends === 4);
    await open.provider.close();
    expect(kindsOf(await waking)).to.deep.equal(['unanswered']);
    expect((await open.wake()).kind).to.equal('later');
  });
});

describe('the connection of the FCM provider', () => {
  for (const kind of ['reset', 'drop'] as const) {
    it(`leaves open whether the device was woken when it breaks: ${kind}`, async () => {
      await using open = await openFcm();
      open.fake.answerNext({ kind, isTaken: true });
      expect((await open.wake()).kind).to.equal('unanswered');
      expect(await open.wake()).to.deep.equal(WOKEN);
      expect(open.fake.wakes).to.have.length(2);
    });
  }

  it('is replaced when FCM says goodbye', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.sayGoodbye();
    expect(kindsOf(await open.wakeMany(5))).to.deep.equal(['woken']);
    expect(open.fake.wakes).to.have.length(6);
    expect(open.fake.connections).to.equal(3);
  });

  it('keeps to the streams that FCM allows', async () => {
    let atOnce = 0;
    let atOnceMax = 0;
    await using open = await openFcm({
      fake: {
        streamsMax: 5,
        choose: () => {
          atOnceMax = Math.max(atOnceMax, ++atOnce);
          setImmediate(() => atOnce--);
          return undefined;
        },
      },
    });
    expect(kindsOf(await open.wakeMany(200))).to.deep.equal(['woken']);
    expect(atOnceMax).to.be.at.most(5);
  });

  it('that is refused leaves all wakes for later', async () => {
    const [port] = await findFreePorts(1);
    await using open = await openFcm({ deps: { sendUrl: `https://127.0.0.1:${port}` } });
    expect(await open.wake()).to.include({ kind: 'later', scope: 'provider' });
  });

  it('is not made to a server whose certificate is not trusted', async () => {
    const { ca } = await makeKickCertificates();
    await using open = await openFcm({ deps: { ca } });
    expect(await open.wake()).to.include({ kind: 'later', scope: 'provider' });
    expect(open.fake.tokenExchanges).to.equal(0);
  });
});

describe('the alarm of the FCM provider', () => {
  it('is raised once when tokens of another project come before any wake was taken', async () => {
    await using open = await openFcm();
    open.fake.answerNext({ kind: 'error', name: 'SENDER_ID_MISMATCH' }, 2);
    await open.wake();
    await open.wake();
    expect(open.alarms).to.deep.equal(['kick.fcm.doubtful']);
  });

  it('is not raised for a token of another project when the project is proven', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.answerNext({ kind: 'error', name: 'SENDER_ID_MISMATCH' });
    await open.wake();
    expect(open.alarms).to.deep.equal([]);
  });

  it('is raised once when the project lacks the key for a device of another kind', async () => {
    await using open = await openFcm();
    await open.wake();
    open.fake.answerNext({ kind: 'error', name: 'THIRD_PARTY_AUTH_ERROR' }, 2);
    await open.wake();
    await open.wake();
    expect(open.alarms).to.deep.equal(['kick.fcm.doubtful']);
  });
});

describe('the check of the FCM credentials', () => {
  it('finds nothing wrong with good ones, and wakes nobody', async () => {
    await using open = await openFcm();
    expect(await open.provider.checkCredentials()).to.deep.equal([]);
    expect(open.fake.sends).to.equal(1);
    expect(open.fake.wakes).to.deep.equal([]);
  });

  it('names the key of the config when the account may not send', async () => {
    await using open = await openFcm();
    const serviceAccount = { ...accountOf(open.fake), projectId: 'other' };
    await using other = await openFcm({
      deps: { serviceAccount, sendUrl: open.fake.sendUrl, ca: open.fake.ca },
    });
    const findings = await other.provider.checkCredentials();
    expect(findings).to.have.length(1);
    expect(findings[0]).to.match(/kick\.fcm\.service_account_path.*Firebase console/);
  });

  it('names the key of the config when the key was revoked', async () => {
    await using open = await openFcm();
    open.fake.answerNextExchange({
      kind: 'raw',
      answer: { status: 400, body: '{"error":"invalid_grant"}' },
    });
    const findings = await open.provider.checkCredentials();
    expect(findings[0]).to.match(/kick\.fcm\.service_account_path was revoked.*Firebase console/);
  });

  it('says so when it could not ask', async () => {
    await using open = await openFcm();
    open.fake.answerNext({ kind: 'error', name: 'HTML_502' });
    const findings = await open.provider.checkCredentials();
    expect(findings).to.deep.equal([
      'FCM could not be asked whether kick.fcm.service_account_path is right: 502.',
    ]);
  });
});
