import { expect } from 'chai';
import type { Page } from 'puppeteer-core';
import { quietLog } from '../../src/log.ts';
import { listenForRegistrations } from '../../src/mailwatch/gate/gate-listener.ts';
import { createRoutes } from '../../src/mailwatch/gate/routes.ts';
import type { MailBackend, RegisterRequest } from '../../src/mailwatch/rpc/methods.ts';
import { newSealingKey, open, type SealingKey, sealingKeyId } from '../../src/protocol/envelope.ts';
import { openFirefox } from '../support/firefox.ts';
import { Resources } from '../support/resources.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { openAppSite } from './app-site.ts';

const TOKEN = 'the.token';
const REPORT = { state: { kind: 'watching' }, sinceMs: 5, folders: [{ name: 'INBOX' }] };
const MAILBOX = {
  endpoint: 'https://push.example/update/ada',
  host: 'imap.example',
  port: 993,
  credentials: { kind: 'password', username: 'ada', password: 'canary' },
};
/** Nobody: the browser is no device here. */
const NO_PUSH_URL = 'ws://127.0.0.1:9/';

describe('the mail gate in a real browser', function () {
  this.timeout(60_000);

  const resources = new Resources();
  let key: SealingKey;
  let registered: RegisterRequest | undefined;
  let gate: string;
  let listed: Page;
  let unlisted: Page;

  before(async () => {
    key = await newSealingKey();
    const site = resources.keep(await openAppSite());
    const [listedOrigin, unlistedOrigin] = site.origins;
    gate = await openGate([listedOrigin]);
    const folder = resources.keep(await makeTemporaryFolder());
    const firefox = resources.keep(
      await openFirefox({ profileFolder: folder.path, pushUrl: NO_PUSH_URL }),
    );
    listed = await firefox.openPage(listedOrigin);
    unlisted = await firefox.openPage(unlistedOrigin);
  });
  after(() => resources.dispose());
  beforeEach(() => {
    registered = undefined;
  });

  const openGate = async (allowedOrigins: readonly string[]): Promise<string> => {
    const { publicKey } = key;
    const keyId = await sealingKeyId(publicKey);
    const backend = {
      alive: async () => ({ ok: true, reply: { watches: 0 } }),
      key: async () => ({ ok: true, reply: { keyId, publicKey } }),
      async register(request: RegisterRequest) {
        registered = request;
        return { ok: true, reply: { token: TOKEN } };
      },
      status: async ({ token }: { readonly token: string }) =>
        token === TOKEN
          ? { ok: true, reply: REPORT }
          : { ok: false, refusal: { kind: 'throttled', retryAfterMs: 9000 } },
    };
    const listener = await listenForRegistrations(
      {
        ...{ host: '127.0.0.1', port: 0, bodyBytesMax: 32_768, tls: undefined },
        ...{ requestTimeoutMs: 10_000, connectionsMax: 100, allowedOrigins },
      },
      {
        findRoute: createRoutes({ backend: backend as unknown as MailBackend, retryAfterMs: 4000 }),
        throttle: () => 0,
        isTrustedProxy: () => false,
        onAnswer: () => undefined,
        log: quietLog,
      },
    );
    resources.keep({ [Symbol.asyncDispose]: () => listener.close() });
    return `http://127.0.0.1:${listener.port}/`;
  };

  /** What a call of the library comes to in the page. */
  const callIn = async (page: Page, call: string): Promise<unknown> => {
    const watch = `createMailWatch(${JSON.stringify(gate)})`;
    const result = await page.evaluate(`${watch}.${call}.then((result) => JSON.stringify(result))`);
    return JSON.parse(String(result));
  };
  const REGISTER = `register(${JSON.stringify(MAILBOX)})`;

  it('takes a mailbox that a page of a listed origin has sealed', async () => {
    expect(await callIn(listed, REGISTER)).to.deep.equal({ ok: true, value: { token: TOKEN } });
    const { endpoint, protocol = '', server, sealed = '' } = registered ?? {};
    const binding = {
      ...{ endpoint: endpoint ?? '', protocol },
      ...(server ?? { host: '', port: 0, security: '' }),
    };
    const text = await open(sealed, key.privateKey, binding);
    expect(JSON.parse(text ?? '')).to.deep.include(MAILBOX.credentials);
  });

  it('tells such a page the status, and when to come again', async () => {
    expect(await callIn(listed, `status('${TOKEN}')`)).to.deep.equal({ ok: true, value: REPORT });
    expect(await callIn(listed, `status('other')`)).to.deep.equal({
      ok: false,
      problem: { kind: 'try-later', status: 429, retryAfterMs: 9000 },
    });
  });

  it('tells a page of another origin nothing', async () => {
    for (const call of [REGISTER, `status('${TOKEN}')`]) {
      expect(await callIn(unlisted, call))
        .to.have.property('problem')
        .that.has.property('kind', 'unreachable');
    }
    expect(registered).to.equal(undefined);
    const alive = `fetch('${gate}mail/v1/alive')`;
    expect(await unlisted.evaluate(`${alive}.then(() => 'read', () => 'refused')`)).to.equal(
      'refused',
    );
    expect(await listed.evaluate(`${alive}.then((answer) => answer.status)`)).to.equal(200);
  });
});
