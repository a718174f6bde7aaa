import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { AccountId } from '../../src/mailwatch/account.ts';
import type { EgressAnswer } from '../../src/mailwatch/egress.ts';
import {
  ANSWER_BYTES_MAX,
  createOauth,
  type FreshCredentials,
  type OauthCredentials,
} from '../../src/mailwatch/oauth.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { FakeImap } from '../support/fake-imap.ts';
import { type KickCertificates, makeKickCertificates } from '../support/kick-certificates.ts';
import { LiveWatch, until } from './live-watch.ts';

const ID = '0123456789abcdef0123456789abcdef' as AccountId;
const REFRESH_AHEAD_MS = 300_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A token endpoint that is strict (RFC 6749, section 6), and turns the refresh token over with each answer. */
class TokenEndpoint {
  readonly server: Server;
  readonly requests: URLSearchParams[] = [];
  readonly problems: string[] = [];
  refreshToken = 'refresh-0';
  given = 0;
  /** Says this in the place of what it should. */
  override: Answer | undefined;
  lifetimeSecs = 3600;
  onGiven: (accessToken: string) => void = () => {};

  constructor({ certificate, key }: KickCertificates) {
    this.server = createServer({ cert: certificate, key }, (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => {
        const type = request.headers['content-type'];
        if (request.method !== 'POST') this.problems.push(`method ${request.method}`);
        if (request.url !== '/token?tenant=1') this.problems.push(`path ${request.url}`);
        if (type !== 'application/x-www-form-urlencoded') this.problems.push(`type ${type}`);
        const { status, body } = this.#answer(new URLSearchParams(text));
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
      });
    });
  }

  get url(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}/token?tenant=1`;
  }

  #answer(form: URLSearchParams): Answer {
    this.requests.push(form);
    if (this.override !== undefined) return this.override;
    const refuse = (error: string) => ({ status: 400, body: JSON.stringify({ error }) });
    if (form.get('grant_type') !== 'refresh_token') return refuse('unsupported_grant_type');
    if (form.get('client_id') !== 'client' || form.get('client_secret') !== 'secret') {
      return refuse('invalid_client');
    }
    if (form.get('refresh_token') !== this.refreshToken) return refuse('invalid_grant');
    this.given++;
    this.refreshToken = `refresh-${this.given}`;
    const accessToken = `access-${this.given}`;
    this.onGiven(accessToken);
    const body = {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: this.lifetimeSecs,
      refresh_token: this.refreshToken,
    };
    return { status: 200, body: JSON.stringify(body) };
  }
}

describe('access tokens', function () {
  this.timeout(30_000);

  let certificates: KickCertificates;
  let endpoint: TokenEndpoint;
  let clock: HandClock;
  let kept: OauthCredentials[];
  let isVaultAway: boolean;
  let way: EgressAnswer;
  let dialled: string[];
  let fresh: FreshCredentials;
  let credentials: OauthCredentials;

  before(async () => {
    certificates = await makeKickCertificates();
  });

  beforeEach(async () => {
    endpoint = new TokenEndpoint(certificates);
    await once(endpoint.server.listen(0, '127.0.0.1'), 'listening');
    clock = new HandClock();
    kept = [];
    isVaultAway = false;
    way = { ok: true, address: '127.0.0.1' };
    dialled = [];
    fresh = create(certificates.ca);
    credentials = {
      kind: 'oauth',
      username: 'ada',
      refreshToken: 'refresh-0',
      tokenEndpoint: endpoint.url,
      clientId: 'client',
      clientSecret: 'secret',
      scope: 'mail',
    };
  });

  afterEach(async () => {
    endpoint.server.closeAllConnections();
    await once(endpoint.server.close(), 'close');
    expect(endpoint.problems).to.deep.equal([]);
  });

  const create = (ca: string | undefined, requestMsMax = 10_000) =>
    createOauth({
      options: { requestMsMax, refreshAheadMs: REFRESH_AHEAD_MS, ca },
      egress: async (host, port) => {
        dialled.push(`${host}:${port}`);
        return way;
      },
      clock,
      keep: async (_, newest) => {
        if (isVaultAway) throw new Error('the vault is away');
        kept.push(newest);
      },
    });
  const asked = async () => {
    const answer = await fresh(ID, credentials);
    if (!answer.ok) throw new Error(JSON.stringify(answer.failure));
    credentials = answer.value;
    return answer.value;
  };

  it('are asked for by refresh token, and kept with the new one before they are used', async () => {
    const newest = await asked();
    expect(newest.accessToken).to.equal('access-1');
    expect(newest.refreshToken).to.equal('refresh-1');
    expect(newest.accessTokenExpiresAtMs).to.equal(clock.nowMs() + 3_600_000);
    expect(kept).to.deep.equal([newest]);
    expect(Object.fromEntries(endpoint.requests[0] ?? [])).to.deep.equal({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-0',
      client_id: 'client',
      client_secret: 'secret',
      scope: 'mail',
    });
    expect(dialled).to.deep.equal([new URL(endpoint.url).host]);
  });

  it('are asked for again ahead of their end, and not before', async () => {
    await asked();
    clock.moveMs(3_600_000 - REFRESH_AHEAD_MS - 1);
    expect((await asked()).accessToken).to.equal('access-1');
    clock.moveMs(1);
    expect((await asked()).accessToken).to.equal('access-2');
    expect(endpoint.requests).to.have.length(2);
  });

  it('are asked for once by any number of callers at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => fresh(ID, credentials)));
    expect(new Set(answers.map((answer) => answer.ok && answer.value.accessToken)).size).to.equal(
      1,
    );
    expect(endpoint.requests).to.have.length(1);
  });

  it('that a server refused are not given again', async () => {
    const refused = await asked();
    const again = await fresh(ID, refused, refused);
    expect(again.ok && again.value.accessToken).to.equal('access-2');
  });

  it('are not lost when they cannot be kept', async () => {
    isVaultAway = true;
    const failure = await fresh(ID, credentials).catch((error: Error) => error.message);
    expect(failure).to.equal('the vault is away');
    isVaultAway = false;
    expect((await asked()).accessToken).to.equal('access-2');
    expect(kept.at(-1)?.refreshToken).to.equal('refresh-2');
  });

  it('live an hour when nobody says how long, and keep the refresh token where there is no new one', async () => {
    endpoint.override = { status: 200, body: '{"access_token":"a"}' };
    const newest = await asked();
    expect(newest.refreshToken).to.equal('refresh-0');
    expect(newest.accessTokenExpiresAtMs).to.equal(clock.nowMs() + 3_600_000);
  });

  const refusals: readonly [string, Answer, object][] = [
    ...(['invalid_grant', 'invalid_client', 'consent_required'] as const).map(
      (error): [string, Answer, object] => [
        error,
        { status: 400, body: JSON.stringify({ error }) },
        { kind: 'oauth', detail: error },
      ],
    ),
    [
      'trouble',
      { status: 400, body: '{"error":"temporarily_unavailable"}' },
      { kind: 'network', detail: 'temporarily_unavailable' },
    ],
    ['503', { status: 503, body: '<html>' }, { kind: 'network', detail: 'HTTP 503' }],
    ['429', { status: 429, body: '' }, { kind: 'limited', detail: 'HTTP 429' }],
    ['no token', { status: 200, body: '{}' }, { kind: 'network', detail: 'HTTP 200' }],
    [
      'a secret in place of an error',
      { status: 400, body: '{"error":"refresh-0 is bad"}' },
      { kind: 'network', detail: 'HTTP 400' },
    ],
    [
      'an answer without end',
      { status: 200, body: 'x'.repeat(100 * ANSWER_BYTES_MAX) },
      { kind: 'network', detail: 'the token endpoint does not answer' },
    ],
    ['a redirect', { status: 307, body: '' }, { kind: 'network', detail: 'HTTP 307' }],
  ];
  for (const [what, answer, failure] of refusals) {
    it(`are not had for ${what}`, async () => {
      endpoint.override = answer;
      expect(await fresh(ID, credentials)).to.deep.equal({ ok: false, failure });
      expect(kept).to.deep.equal([]);
    });
  }

  it('are not asked for where the guard forbids it', async () => {
    way = { ok: false, failure: { kind: 'blocked', detail: 'address (loopback) is not allowed' } };
    expect(await fresh(ID, credentials)).to.deep.equal(way);
    expect(endpoint.requests).to.deep.equal([]);
  });

  it('are not asked for from whom we do not believe', async () => {
    const answer = await create(undefined)(ID, credentials);
    expect(!answer.ok && answer.failure.kind).to.equal('network');
    expect(endpoint.requests).to.deep.equal([]);
  });

  describe('of a watch', () => {
    it('are renewed ahead of their end with a new connection, and no mail is lost', async () => {
      const fake = await FakeImap.open(certificates);
      fake.capabilities.add('AUTH=XOAUTH2');
      endpoint.onGiven = (token) => fake.tokens.add(token);
      const live = new LiveWatch({
        server: { host: 'localhost', port: fake.port, security: 'tls' },
        address: fake.host,
        ca: certificates.ca,
        rules: { stableMs: 0 },
      });
      const ofWatch = createOauth({
        options: { requestMsMax: 10_000, refreshAheadMs: REFRESH_AHEAD_MS, ca: certificates.ca },
        egress: async () => way,
        clock: live.clock,
        keep: async (_, newest) => {
          credentials = newest;
        },
      });
      live.credentials = (refused) => ofWatch(ID, credentials, refused);
      live.start();
      for (let count = 1; count <= 3; count++) {
        await until('IDLE', () => fake.idling === 1 && fake.accepted === count);
        live.clock.leap(3_600_000 - REFRESH_AHEAD_MS);
        await until('the new connection', () => fake.accepted === count + 1);
        fake.arrive();
        await live.versionCount(count);
      }
      expect(fake.verbs).to.include('LOGOUT');
      expect(live.stateVersions).to.deep.equal([]);
      await live.dispose();
      await fake[Symbol.asyncDispose]();
    });

    for (const mechanism of ['XOAUTH2', 'OAUTHBEARER']) {
      it(`that are revoked are renewed at once, and then need the user, by ${mechanism}`, async () => {
        const fake = await FakeImap.open(certificates);
        fake.capabilities.add(`AUTH=${mechanism}`);
        const live = new LiveWatch({
          server: { host: 'localhost', port: fake.port, security: 'tls' },
          address: fake.host,
          ca: certificates.ca,
        });
        let isTaken = true;
        endpoint.onGiven = (token) => isTaken && fake.tokens.add(token);
        const keep = async (_: AccountId, newest: OauthCredentials) => {
          credentials = newest;
        };
        const options = { requestMsMax: 10_000, refreshAheadMs: 1, ca: certificates.ca };
        const ofWatch = createOauth({ options, egress: async () => way, clock: live.clock, keep });
        live.credentials = (refused) => ofWatch(ID, credentials, refused);
        live.start();
        await live.watching();
        fake.tokens.clear();
        fake.drop('* BYE session expired');
        await until('the new connection', () => live.kind === 'watching' && endpoint.given === 2);
        isTaken = false;
        fake.tokens.clear();
        fake.drop();
        await until('the refusal', () => live.kind === 'needs-oauth');
        await until('the word to the device', () => live.stateVersions.length === 1);
        await live.dispose();
        await fake[Symbol.asyncDispose]();
      });
    }
  });
});
