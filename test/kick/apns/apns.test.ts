import { expect } from 'chai';
import { TOKEN_REUSE_MS } from '../../../src/kick/apns/provider-token.ts';
import type { WakeOutcome } from '../../../src/kick/provider.ts';
import { makeApnsKeyPair } from '../../support/fake-apns/provider-tokens.ts';
import {
  KEY_ID,
  KEYS,
  NEVER,
  type OpenApns,
  openApns,
  TEAM_ID,
  TOPIC,
  wakeOf,
} from './open-apns.ts';

const WOKEN: WakeOutcome = { kind: 'woken' };

describe('the APNs provider', () => {
  it('sends a wake-up that Apple takes', async () => {
    await using open = await openApns({ apps: [{ carriesUpdate: true }] });
    const wake = wakeOf(7);
    expect(await open.provider.wake(wake, NEVER)).to.deep.equal(WOKEN);
    expect(open.apns.wakes).to.have.length(1);
    expect(open.apns.wakes[0]).to.include({
      deviceToken: wake.target.token,
      topic: TOPIC,
      pushType: 'background',
      priority: 5,
      expirationS: Math.floor(open.clock.nowMs() / 1000) + 3600,
    });
    expect(open.apns.wakes[0]?.payload).to.deep.include({
      channelID: wake.channelId,
      version: wake.version,
    });
  });

  it('sends an alert that Apple takes', async () => {
    const alert = { kind: 'texts', title: 'Mail', body: 'New' } as const;
    await using open = await openApns({ apps: [{ push: { kind: 'alert', alert } }] });
    expect(await open.wake(1)).to.deep.equal(WOKEN);
    expect(open.apns.wakes[0]).to.include({ pushType: 'alert', priority: 10 });
  });

  it('opens nothing before the first wake', async () => {
    await using open = await openApns();
    expect(open.clock.repeatedCount).to.equal(0);
    await open.wake(1);
    expect(open.apns.connections).to.equal(1);
  });

  it('sends a burst of 2,000 over one connection, each once', async () => {
    await using open = await openApns();
    const outcomes = await open.wakeMany(2000);
    expect(outcomes.filter(({ kind }) => kind !== 'woken')).to.deep.equal([]);
    expect(new Set(open.apns.wakes.map(({ deviceToken }) => deviceToken)).size).to.equal(2000);
    expect(open.apns.wakes).to.have.length(2000);
    expect(open.apns.connections).to.equal(1);
  }).timeout(30_000);
});

describe('the provider tokens of APNs', () => {
  it('are reused for 50 minutes, and then replaced in a way that Apple takes', async () => {
    await using open = await openApns();
    await open.wakeMany(20);
    open.clock.moveMs(TOKEN_REUSE_MS - 1);
    await open.wake(20);
    expect(tokensSeen(open)).to.have.length(1);
    open.clock.moveMs(1);
    expect(await open.wakeMany(20)).to.deep.equal(Array(20).fill(WOKEN));
    expect(tokensSeen(open)).to.have.length(2);
  });

  it('are replaced once when Apple calls one expired, and the wake goes again', async () => {
    await using open = await openApns();
    await open.wake(0);
    open.apns.answerNext(expired(), expired(), expired());
    expect(await open.wakeMany(10)).to.deep.equal(Array(10).fill(WOKEN));
    expect(tokensSeen(open)).to.have.length(2);
  });

  it('halt the provider when a new one is called expired too, and name the clock', async () => {
    const skewMs = 3_700_000;
    const clock = { nowMs: () => 0 };
    await using open = await openApns({ fake: { nowMs: () => clock.nowMs() + skewMs } });
    clock.nowMs = () => open.clock.nowMs();
    const outcome = await open.wake(0);
    expect(outcome.kind).to.equal('halted');
    expect(reasonOf(outcome)).to.include('clock').and.to.include('ExpiredProviderToken');
    expect(open.apns.requests).to.have.length(2);
    // Not one new token for each wake: Apple would take that for an attack.
    await open.wakeMany(5);
    expect(tokensSeen(open)).to.have.length(2);
  });

  it('wait when Apple has seen too many', async () => {
    await using open = await openApns();
    open.apns.answerNext({ kind: 'error', reason: 'TooManyProviderTokenUpdates' });
    expect(await open.wake(0)).to.deep.equal({
      kind: 'later',
      scope: 'provider',
      retryAfterMs: 600_000,
      reason: 'TooManyProviderTokenUpdates',
    });
  });
});

describe('several apps of APNs', () => {
  const other = makeApnsKeyPair();
  const keys = [
    {
      teamId: TEAM_ID,
      keyId: KEY_ID,
      publicKeyPem: KEYS.publicKeyPem,
      topics: [TOPIC, 'org.example.second'],
    },
    {
      teamId: 'OTHERTEAM1',
      keyId: 'OTHERKEY01',
      publicKeyPem: other.publicKeyPem,
      topics: ['com.example.other'],
    },
  ];
  const apps = [
    {},
    { name: 'second', topic: 'org.example.second' },
    {
      name: 'other',
      topic: 'com.example.other',
      teamId: 'OTHERTEAM1',
      keyId: 'OTHERKEY01',
      privateKeyPem: other.privateKeyPem,
    },
  ];

  it('share a connection within one team and key, and no further', async () => {
    await using open = await openApns({ fake: { keys }, apps });
    for (const topic of [TOPIC, 'org.example.second', 'com.example.other', TOPIC]) {
      expect(await open.provider.wake(wakeOf(1, topic), NEVER)).to.deep.equal(WOKEN);
    }
    const told = open.apns.wakes.map(({ topic, connection }) => ({ topic, connection }));
    expect(told).to.deep.equal([
      { topic: TOPIC, connection: 1 },
      { topic: 'org.example.second', connection: 1 },
      { topic: 'com.example.other', connection: 2 },
      { topic: TOPIC, connection: 1 },
    ]);
  });

  const strangers = [
    ['a topic that is not configured', 'org.example.unknown'],
    ['no topic, when no app is named default', undefined],
  ] as const;
  for (const [name, topic] of strangers) {
    it(`refuse a device with ${name}`, async () => {
      await using open = await openApns({ fake: { keys }, apps });
      const outcome = await open.provider.wake(wakeOf(1, topic), NEVER);
      expect(outcome).to.deep.equal({ kind: 'refused', reason: 'TopicNotConfigured' });
    });
  }

  it('serve a device without topic by the app named default', async () => {
    const named = apps.map((app, at) => (at === 1 ? { ...app, name: 'default' } : app));
    await using open = await openApns({ fake: { keys }, apps: named });
    expect(await open.wake(1)).to.deep.equal(WOKEN);
    expect(open.apns.wakes[0]?.topic).to.equal('org.example.second');
  });
});

describe('a device token that does not fit its app', () => {
  const bad = { kind: 'error', reason: 'BadDeviceToken' } as const;

  it('is refused and alarms once, until the app has woken somebody', async () => {
    await using open = await openApns();
    open.apns.answerNext(bad, bad);
    expect(await open.wake(1)).to.deep.equal({ kind: 'refused', reason: 'BadDeviceToken' });
    expect(await open.wake(2)).to.deep.equal({ kind: 'refused', reason: 'BadDeviceToken' });
    expect(open.alarms).to.deep.equal(['kick.apns.tokens_do_not_fit']);
  });

  it('is gone afterwards', async () => {
    await using open = await openApns();
    await open.wake(1);
    open.apns.answerNext(bad);
    expect(await open.wake(2)).to.deep.equal({ kind: 'gone', reason: 'BadDeviceToken' });
    expect(open.alarms).to.deep.equal([]);
  });

  it('is gone since the moment that Apple names', async () => {
    await using open = await openApns();
    const timestampMs = open.clock.nowMs() - 5000;
    open.apns.answerNext({ kind: 'error', reason: 'Unregistered', timestampMs });
    const gone = { kind: 'gone', sinceMs: timestampMs, reason: 'Unregistered' };
    expect(await open.wake(2)).to.deep.equal(gone);
  });
});

describe('checkCredentials of APNs', () => {
  it('finds nothing wrong with good ones, and wakes nobody', async () => {
    await using open = await openApns();
    expect(await open.provider.checkCredentials()).to.deep.equal([]);
    expect(open.apns.wakes).to.deep.equal([]);
    expect(open.apns.requests).to.have.length(1);
  });

  const mistakes = [
    ['a key that is not Apple’s', { privateKeyPem: makeApnsKeyPair().privateKeyPem }, 'key_path'],
    ['another key id', { keyId: 'WRONGKEY01' }, 'key_id'],
    ['another team', { teamId: 'WRONGTEAM1' }, 'team_id'],
    ['another topic', { topic: 'org.example.unknown' }, 'topic'],
    ['a file that is no key', { privateKeyPem: 'hello' }, 'key_path'],
    ['a closed port', { origin: 'https://127.0.0.1:1' }, 'host'],
  ] as const;
  for (const [name, app, key] of mistakes) {
    it(`names the key of the config for ${name}`, async () => {
      await using open = await openApns({ apps: [app] });
      const findings = await open.provider.checkCredentials();
      expect(findings).to.have.length(1);
      expect(findings[0]).to.match(new RegExp(`^kick\\.apns\\.apps\\.main\\b.*\\b${key}\\b`));
    });
  }

  it('tells the environments apart, and says where to get a key', async () => {
    const key = { teamId: TEAM_ID, keyId: KEY_ID, publicKeyPem: KEYS.publicKeyPem };
    const keys = [{ ...key, topics: [TOPIC], environment: 'sandbox' } as const];
    await using open = await openApns({ fake: { keys } });
    const [finding = ''] = await open.provider.checkCredentials();
    expect(finding).to.include('kick.apns.apps.main.key_id').and.to.include('host');
    expect(finding).to.include('Certificates, Identifiers & Profiles → Keys');
    expect(reasonOf(await open.wake(1))).to.equal(finding);
  });

  it('finds two apps of one topic', async () => {
    await using open = await openApns({ apps: [{}, { name: 'twin' }] });
    const findings = await open.provider.checkCredentials();
    expect(findings).to.deep.equal([
      'kick.apns.apps.twin.topic: is also that of kick.apns.apps.main, which alone is used',
    ]);
  });
});

function expired() {
  return { kind: 'error', reason: 'ExpiredProviderToken' } as const;
}

function tokensSeen({ apns }: OpenApns): readonly (string | undefined)[] {
  return Array.from(new Set(apns.requests.map(({ request }) => request.headers['authorization'])));
}

function reasonOf(outcome: WakeOutcome): string {
  return 'reason' in outcome ? outcome.reason : '';
}
