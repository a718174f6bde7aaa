import { expect } from 'chai';
import type { ExchangeRequest } from '../../../src/mailwatch/account.ts';
import type { StoredAccount } from '../../../src/mailwatch/accounts/records.ts';
import { isTold, NOTHING_TOLD, toldFor } from '../../../src/mailwatch/activesync/told.ts';
import { openRegistration, secretOf } from '../../../src/mailwatch/registration.ts';
import type { RegisterRequest } from '../../../src/mailwatch/rpc/methods.ts';
import { newSealingKey, type SealingKey, seal } from '../../../src/protocol/envelope.ts';
import { protocolBindingOf } from '../../../src/protocol/exchange-binding.ts';
import { PASSWORD, PING, SYNC } from './exchanges.ts';

const ENDPOINT = 'https://push.example/update/ada';
const SERVER = { host: 'eas.example', port: 443, security: 'tls' } as const;
const FULL: ExchangeRequest = { ...PING, policyKey: '17', userAgent: 'Phone/1' };

describe('the registration of an ActiveSync account', () => {
  let key: SealingKey;

  before(async () => {
    key = await newSealingKey();
  });

  /** Sealed by the device for `sealedFor`, and arriving with `exchange`. */
  const requestOf = async (sealedFor: ExchangeRequest, exchange = sealedFor) => {
    const protocol = protocolBindingOf('activesync', sealedFor);
    const binding = { endpoint: ENDPOINT, protocol, ...SERVER };
    const request: RegisterRequest = {
      endpoint: ENDPOINT,
      protocol: 'activesync',
      server: SERVER,
      exchange,
      folders: [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 9 } }],
      waitMs: 0,
      maxPollMs: 60_000,
      keyId: 'key-1',
      sealed: await seal(JSON.stringify(PASSWORD), key.publicKey, binding),
    };
    return request;
  };
  const open = async (request: RegisterRequest) =>
    await openRegistration(request, {
      notifier: { check: async () => 'ours' },
      sealingKeys: [{ id: 'key-1', key }],
      sealedAgeMsMax: 60_000,
      clock: { nowMs: () => 0 },
    });

  it('keeps the question with the other secrets', async () => {
    const request = await requestOf(FULL);
    expect(await open(request)).to.deep.include({ kind: 'opened' });
    const before = { older: undefined, olderSecret: undefined };
    expect(secretOf(request, PASSWORD, before)).to.deep.include({
      endpoint: ENDPOINT,
      credentials: PASSWORD,
      exchange: FULL,
    });
  });

  const { userAgent: _, ...WITHOUT_AGENT } = FULL;
  const changes: readonly (readonly [string, ExchangeRequest])[] = [
    ['path', { ...FULL, path: `${FULL.path}&x=1` }],
    ['request data', { ...FULL, requestData: 'AAAA' }],
    ['reply without change', { ...FULL, noChangeReply: 'AAAA' }],
    ['command', { ...FULL, isSync: true, path: SYNC.path }],
    ['hold', { ...FULL, responseTimeoutMs: 60_000 }],
    ['version', { ...FULL, protocolVersion: '2.5' }],
    ['policy key', { ...FULL, policyKey: '18' }],
    ['user agent', WITHOUT_AGENT],
  ];
  for (const [title, exchange] of changes) {
    it(`stays closed when somebody on the way has changed the ${title}`, async () => {
      const opened = await open(await requestOf(FULL, exchange));
      if (opened.kind !== 'invalid') throw new Error(opened.kind);
      expect(opened.fields.map(({ field }) => field)).to.deep.equal(['sealed']);
    });
  }

  it('begins anew, whatever was told before', async () => {
    const request = await requestOf(PING);
    const account = { seenAtMs: 1_800_000_000_000 };
    const progress = { folders: toldFor(account), told: 'none' } as const;
    expect(isTold(account, progress)).to.equal(true);
    const olderSecret = secretOf(request, PASSWORD, { older: undefined, olderSecret: undefined });
    const { generation } = olderSecret;
    const older = { ...account, generation, progress } as StoredAccount;
    const { folders } = secretOf(request, PASSWORD, { older, olderSecret });
    expect(folders).to.deep.equal(NOTHING_TOLD);
  });
});
