import { expect } from 'chai';
import type { EndpointCheck } from '../../src/mailwatch/notifier.ts';
import { type NamedSealingKey, openRegistration } from '../../src/mailwatch/registration.ts';
import type { RegisterRequest } from '../../src/mailwatch/rpc/methods.ts';
import { newSealingKey, seal } from '../../src/protocol/envelope.ts';

const ENDPOINT = 'https://push.example/update/ada';
const STATE_ENDPOINT = 'https://push.example/update/ada-state';
const SERVER = { host: 'mail.example', port: 993, security: 'tls' } as const;
const NOW_MS = 1_800_000_000_000;
const PASSWORD = { kind: 'password', username: 'ada', password: 'canary' } as const;

describe('a registration', () => {
  let older: NamedSealingKey;
  let newer: NamedSealingKey;

  before(async () => {
    older = { id: 'older', key: await newSealingKey() };
    newer = { id: 'newer', key: await newSealingKey() };
  });

  const request = async (
    changes: Partial<RegisterRequest> = {},
    sealedTo = newer,
  ): Promise<RegisterRequest> => ({
    ...{ endpoint: ENDPOINT, protocol: 'imap', server: SERVER, folders: [{ name: 'INBOX' }] },
    ...{ waitMs: 0, maxPollMs: 60_000, keyId: sealedTo.id },
    sealed: await seal(JSON.stringify(PASSWORD), sealedTo.key.publicKey, {
      ...{ endpoint: ENDPOINT, protocol: 'imap', ...SERVER },
    }),
    ...changes,
  });
  const opened = async (
    asked: RegisterRequest,
    checks: Readonly<Record<string, EndpointCheck>> = {},
  ) =>
    openRegistration(asked, {
      notifier: { check: async (endpoint) => checks[endpoint] ?? 'ours' },
      sealingKeys: [newer, older],
      sealedAgeMsMax: 60_000,
      clock: { nowMs: () => NOW_MS },
    });

  it('gives the credentials, also under an older key', async () => {
    for (const key of [newer, older]) {
      const asked = await request({ stateEndpoint: STATE_ENDPOINT }, key);
      expect(await opened(asked)).to.deep.equal({
        ...{ kind: 'opened', credentials: PASSWORD, sealedAtMs: undefined },
      });
    }
  });

  it('is refused when it was sealed long ago, or far in the future', async () => {
    const sealedAt = async (sealedAtMs: number) =>
      await opened(
        await request({
          sealed: await seal(JSON.stringify({ ...PASSWORD, sealedAtMs }), newer.key.publicKey, {
            ...{ endpoint: ENDPOINT, protocol: 'imap', ...SERVER },
          }),
        }),
      );
    for (const sealedAtMs of [NOW_MS - 60_000, NOW_MS, NOW_MS + 60_000]) {
      expect(await sealedAt(sealedAtMs)).to.deep.include({ kind: 'opened', sealedAtMs });
    }
    for (const sealedAtMs of [NOW_MS - 60_001, NOW_MS + 60_001]) {
      expect(await sealedAt(sealedAtMs)).to.deep.equal({
        kind: 'invalid',
        fields: [
          {
            field: 'sealed',
            expected:
              'credentials sealed within the last 60 s; here it is 2027-01-15T08:00:00.000Z',
          },
        ],
      });
    }
  });

  it('is put off while the push server does not answer', async () => {
    const asked = await request({ stateEndpoint: STATE_ENDPOINT });
    for (const endpoint of [ENDPOINT, STATE_ENDPOINT]) {
      expect(await opened(asked, { [endpoint]: 'unknown' })).to.deep.equal({ kind: 'unavailable' });
    }
  });

  it('is told every foreign endpoint, together with what else is wrong', async () => {
    const asked = await request({ stateEndpoint: STATE_ENDPOINT, keyId: 'lost' });
    const checks = { [ENDPOINT]: 'foreign', [STATE_ENDPOINT]: 'foreign' } as const;
    const answer = await opened(asked, checks);
    const fields = answer.kind === 'invalid' ? answer.fields : [];
    expect(fields.map(({ field }) => field)).to.deep.equal(['endpoint', 'stateEndpoint', 'keyId']);
  });

  for (const [title, changes] of [
    ['endpoint', { endpoint: `${ENDPOINT}x` }],
    ['host', { server: { ...SERVER, host: 'evil.example' } }],
    ['port', { server: { ...SERVER, port: 143 } }],
    ['security', { server: { ...SERVER, security: 'starttls' } }],
    ['protocol', { protocol: 'activesync' }],
  ] as const) {
    it(`does not open with another ${title} than the device has named`, async () => {
      const answer = await opened(await request(changes));
      expect(answer.kind === 'invalid' && answer.fields[0]?.field).to.equal('sealed');
    });
  }
});
