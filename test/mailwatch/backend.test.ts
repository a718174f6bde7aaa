import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { quietLog } from '../../src/log.ts';
import type {
  Account,
  AccountId,
  Credentials,
  WatchReport,
  WatchState,
} from '../../src/mailwatch/account.ts';
import {
  type AccountChange,
  type Accounts,
  AccountsUnavailableError,
  openAccounts,
} from '../../src/mailwatch/accounts.ts';
import { type BackendDeps, createBackend } from '../../src/mailwatch/backend.ts';
import { type CredentialsPlace, KeptAccounts } from '../../src/mailwatch/kept-accounts.ts';
import type { EndpointCheck } from '../../src/mailwatch/notifier.ts';
import { ORDER_SLACK_MS } from '../../src/mailwatch/registration.ts';
import type { MailService, RegisterRequest } from '../../src/mailwatch/rpc/methods.ts';
import { accountIdOf } from '../../src/mailwatch/tokens.ts';
import { toMasterKeys } from '../../src/mailwatch/vault/master-keys.ts';
import { openVault, type Vault, VaultUnavailableError } from '../../src/mailwatch/vault.ts';
import { Watches, type WatchesDeps, type WatchHooks } from '../../src/mailwatch/watches.ts';
import { newSealingKey, type SealingKey, seal } from '../../src/protocol/envelope.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ENDPOINT = 'https://push.example/update/ada';
const PASSWORD: Credentials = { kind: 'password', username: 'ada', password: 'canary-password' };
const SERVER = { host: 'mail.example', port: 993, security: 'tls' } as const;

/** Records what the backend does with it, and does nothing itself. */
class FakeWatch {
  readonly account: Account;
  readonly hooks: WatchHooks;
  readonly calls: string[] = [];
  state: WatchState = { kind: 'watching' };

  constructor(account: Account, hooks: WatchHooks) {
    this.account = account;
    this.hooks = hooks;
  }

  report(): WatchReport {
    return { state: this.state, sinceMs: 1, folders: this.account.progress.folders };
  }
  start(): void {
    this.calls.push('start');
  }
  defer(untilMs: number, seenAtMs: number): void {
    this.calls.push(`defer ${untilMs - seenAtMs}`);
  }
  letGo(): void {
    this.calls.push('letGo');
  }
  rearm(): void {
    this.calls.push('rearm');
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
  }
}

/** What fails in a test. */
interface Faults {
  readonly put?: Vault['put'];
  readonly erase?: Vault['erase'];
  readonly isRefused?: () => boolean;
}

describe('the backend of the mail watch', () => {
  let folder: TemporaryFolder;
  let sealing: SealingKey;
  let clock: HandClock;
  let accounts: Accounts;
  let vault: Vault;
  let watches: FakeWatch[];
  let running: Watches;
  let backend: { readonly service: MailService };
  let checks: Record<string, EndpointCheck>;
  const keys = toMasterKeys([Buffer.alloc(32, 1)]);

  before(async () => {
    sealing = await newSealingKey();
  });

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    clock = new HandClock();
    watches = [];
    checks = {};
    await openAgain();
  });
  afterEach(async () => {
    await accounts.close();
    await folder[Symbol.asyncDispose]();
  });

  /** As after a start of the process; what was open is left as a kill leaves it. */
  const openAgain = async (
    changes: Partial<BackendDeps & WatchesDeps> = {},
    kept: Faults = {},
    place: CredentialsPlace = 'vault',
  ) => {
    accounts = await openAccounts(join(folder.path, 'accounts'), 16 * 1024 * 1024);
    clock.moveMs(10_000);
    await accounts.claim({ nowMs: clock.nowMs(), untilMs: clock.nowMs() + 5000 });
    vault = await openVault(join(folder.path, 'vault'), keys);
    const keptAccounts = new KeptAccounts(accountsBut(kept), vaultBut(kept), place);
    await begin({ kept: keptAccounts, ...changes });
  };
  const begin = async (
    changes: Partial<BackendDeps & WatchesDeps> & Pick<BackendDeps, 'kept'>,
  ): Promise<void> => {
    running = new Watches({
      freshOauth: async (_, credentials) => ({ ok: true, value: credentials }),
      createWatch: (account, hooks) => {
        const watch = new FakeWatch(account, hooks);
        watches.push(watch);
        return watch;
      },
      ramp: { rampMs: 0, wait: async () => {} },
      log: quietLog,
      ...changes,
    });
    const service = createBackend({
      watches: running,
      notifier: { check: async (endpoint) => checks[endpoint] ?? 'ours' },
      sealingKeys: [{ id: 'key-1', key: sealing }],
      onRegistered: () => {},
      onStopped: () => {},
      limits: { accountsMax: 3, sealedAgeMsMax: 3_600_000, retryAfterMs: 5000 },
      clock,
      log: quietLog,
      ...changes,
    });
    backend = { service };
    await running.startAll();
  };

  /** The vault, with some of its methods otherwise. */
  const vaultBut = ({ put, erase }: Faults): Vault => {
    const methods = {
      put: put ?? ((id: AccountId, text: string) => vault.put(id, text)),
      erase: erase ?? ((id: AccountId) => vault.erase(id)),
      get: (id: AccountId) => vault.get(id),
      list: () => vault.list(),
      sweep: () => vault.sweep(),
    };
    return methods as unknown as Vault;
  };
  /** The accounts, whose changes a test may refuse. */
  const accountsBut = ({ isRefused }: Faults): Accounts => {
    const real = accounts;
    const methods = {
      get isHeld() {
        return real.isHeld;
      },
      list: () => real.list(),
      get: (id: AccountId) => real.get(id),
      update: (id: AccountId, change: AccountChange) => {
        // What changes nothing only asks for the lease.
        const current = real.get(id);
        return isRefused?.() && change(current) !== current
          ? Promise.reject(new AccountsUnavailableError('the disk is full'))
          : real.update(id, change);
      },
    };
    return methods as unknown as Accounts;
  };
  /** What a watch would log in with, and where. */
  const logIn = async (watch: FakeWatch | undefined) => {
    const credentials = await watch?.hooks.credentialsOf(watch.account);
    return {
      host: watch?.account.server.host,
      username: credentials?.ok ? credentials.value.username : undefined,
    };
  };

  const request = async (
    changes: Partial<RegisterRequest> = {},
    credentials: object = PASSWORD,
  ): Promise<RegisterRequest> => {
    const { endpoint = ENDPOINT, protocol = 'imap', server = SERVER } = changes;
    const binding = { endpoint, protocol, ...server };
    return {
      endpoint,
      protocol,
      server,
      folders: [{ name: 'INBOX' }],
      waitMs: 0,
      maxPollMs: 60_000,
      keyId: 'key-1',
      sealed: await seal(JSON.stringify(credentials), sealing.publicKey, binding),
      ...changes,
    };
  };
  const register = async (...args: Parameters<typeof request>): Promise<string> => {
    const answer = await backend.service.register(await request(...args));
    if (!answer.ok) throw new Error(JSON.stringify(answer.refusal));
    return answer.reply.token;
  };

  it('begins a watch with what was registered', async () => {
    await register({
      waitMs: 500,
      folders: [{ name: 'Work', baseline: { uidValidity: 1, uidNext: 9 } }],
    });
    const [watch] = watches;
    expect(watch?.calls).to.deep.equal(['start']);
    expect(watch?.account).to.deep.include({
      id: accountIdOf(ENDPOINT),
      endpoint: ENDPOINT,
      server: SERVER,
      maxPollMs: 60_000,
      seenAtMs: clock.nowMs(),
      notBeforeMs: clock.nowMs() + 500,
      progress: {
        folders: [{ name: 'Work', baseline: { uidValidity: 1, uidNext: 9 } }],
        told: 'none',
      },
    });
    expect(await watch?.hooks.credentialsOf(watch.account)).to.deep.equal({
      ok: true,
      value: PASSWORD,
    });
  });

  it('asks for another token than the one that was refused', async () => {
    const asked: unknown[] = [];
    await openAgain({
      freshOauth: async (_, credentials, refused) => {
        asked.push(refused);
        return { ok: true, value: credentials };
      },
    });
    const tokenEndpoint = 'https://login.example/token';
    const oauth = { kind: 'oauth', username: 'ada', refreshToken: 'r', tokenEndpoint } as const;
    const credentials: Credentials = { ...oauth, clientId: 'c' };
    await register({}, credentials);
    const [watch] = watches;
    await watch?.hooks.credentialsOf(watch.account);
    await watch?.hooks.credentialsOf(watch.account, credentials);
    expect(asked).to.deep.equal([undefined, credentials]);
  });

  it('goes on with every account after a kill, without a word from a device', async () => {
    const token = await register();
    await watches[0]?.hooks.save({
      folders: [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 5 } }],
      lastVersion: 77,
      told: 'none',
    });
    await openAgain();
    expect(watches).to.have.length(2);
    expect(watches[1]?.calls).to.deep.equal(['start']);
    expect(watches[1]?.account.progress).to.deep.include({ lastVersion: 77 });
    expect(await watches[1]?.hooks.credentialsOf(watches[1].account)).to.deep.include({
      value: PASSWORD,
    });
    expect((await backend.service.status({ token })).ok).to.equal(true);
  });

  it('B13, B14: has one watch and one record after a hundred registrations at once', async () => {
    const requests = await Promise.all(Array.from({ length: 100 }, () => request()));
    const answers = await Promise.all(requests.map((one) => backend.service.register(one)));
    const tokens = answers.flatMap((answer) => (answer.ok ? [answer.reply.token] : []));
    expect(new Set(tokens).size).to.equal(100);
    expect([...accounts.list()]).to.have.length(1);
    const running = watches.filter(({ calls }) => !calls.includes('stop'));
    expect(running).to.have.length(1);
    // The last token is the one that counts; every older one has ended.
    const statuses = await Promise.all(tokens.map((token) => backend.service.status({ token })));
    expect(statuses.filter(({ ok }) => ok)).to.have.length(1);
    const refusals = statuses.flatMap((answer) => (answer.ok ? [] : [answer.refusal.kind]));
    expect(new Set(refusals)).to.deep.equal(new Set(['unauthorized']));
  });

  it('goes on with versions and baselines when the same mailbox is registered again', async () => {
    await register();
    const folders = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 5 } }];
    await watches[0]?.hooks.save({ folders, lastVersion: 77, told: 'auth-failed' });
    await register();
    expect(watches[1]?.account.progress).to.deep.equal({ folders, lastVersion: 77, told: 'none' });
  });

  it('takes the device’s own baseline, and none of another user’s', async () => {
    await register();
    const folders = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 5 } }];
    await watches[0]?.hooks.save({ folders, lastVersion: 77, told: 'none' });
    await register({}, { ...PASSWORD, username: 'bob' });
    expect(watches[1]?.account.progress.folders).to.deep.equal([{ name: 'INBOX' }]);
    expect(watches[1]?.account.progress.lastVersion).to.equal(77);
    const own = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 3 } }];
    await register({ folders: own }, { ...PASSWORD, username: 'bob' });
    expect(watches[2]?.account.progress.folders).to.deep.equal(own);
  });

  it('takes nothing that was sealed before what is registered, and the same again', async () => {
    const at = (sealedAtMs: number) => ({ ...PASSWORD, sealedAtMs });
    const nowMs = clock.nowMs();
    const refusalOf = async (credentials: object) => {
      const answer = await backend.service.register(await request({}, credentials));
      return answer.ok ? undefined : answer.refusal;
    };
    expect(await refusalOf(PASSWORD)).to.equal(undefined);
    expect(await refusalOf(at(nowMs - 1000))).to.equal(undefined);
    expect(await refusalOf(at(nowMs - 1000))).to.equal(undefined);
    expect(await refusalOf(at(nowMs - 1000 - ORDER_SLACK_MS))).to.equal(undefined);
    expect(await refusalOf(at(nowMs - 1001 - ORDER_SLACK_MS))).not.to.equal(undefined);
    expect(await refusalOf(at(nowMs - 1000))).to.equal(undefined);
    for (const outdated of [at(nowMs - 1001 - ORDER_SLACK_MS), PASSWORD]) {
      expect(await refusalOf(outdated)).to.deep.equal({
        kind: 'invalid',
        fields: [
          { field: 'sealed', expected: 'credentials sealed after those that are registered' },
        ],
      });
    }
    // A clock that was ahead and is right again locks nobody out.
    expect(await refusalOf(at(nowMs + 600_000))).to.equal(undefined);
    expect(await refusalOf(at(nowMs))).to.equal(undefined);
  });

  it('listens to no watch that was replaced', async () => {
    await register();
    await register();
    const [older, newer] = watches;
    await older?.hooks.save({ folders: [{ name: 'INBOX' }], lastVersion: 99, told: 'none' });
    expect(accounts.get(accountIdOf(ENDPOINT))?.progress.lastVersion).to.equal(undefined);
    older?.hooks.onEnded('expired');
    await backend.service.key({});
    expect(newer?.calls).to.deep.equal(['start']);
    expect(accounts.get(accountIdOf(ENDPOINT))).not.to.equal(undefined);
  });

  it('stops, and nothing of the account is left', async () => {
    const token = await register();
    expect(await backend.service.stop({ token })).to.deep.equal({ ok: true, reply: {} });
    expect(watches[0]?.calls).to.deep.equal(['start', 'stop']);
    expect(await vault.list()).to.deep.equal([]);
    expect([...accounts.list()]).to.deep.equal([]);
    expect(await backend.service.status({ token })).to.deep.equal({
      ok: false,
      refusal: { kind: 'unknown' },
    });
    const fresh = await register();
    expect((await backend.service.status({ token: fresh })).ok).to.equal(true);
  });

  it('erases the credentials of a watch that has ended by itself', async () => {
    await register();
    watches[0]?.hooks.onEnded('endpoint-gone');
    while ([...accounts.list()].length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await vault.list()).to.deep.equal([]);
  });

  it('defers durably, and loses nothing that the watch saves meanwhile', async () => {
    const token = await register();
    const [watch] = watches;
    const deferred = backend.service.defer({ token, waitMs: 30_000 });
    await watch?.hooks.save({ folders: [{ name: 'INBOX' }], lastVersion: 5, told: 'none' });
    expect(await deferred).to.deep.equal({
      ok: true,
      reply: { untilMs: clock.nowMs() + 30_000 },
    });
    expect(watch?.calls).to.deep.equal(['start', 'defer 30000']);
    expect(accounts.get(accountIdOf(ENDPOINT))).to.deep.include({
      notBeforeMs: clock.nowMs() + 30_000,
    });
    expect(accounts.get(accountIdOf(ENDPOINT))?.progress.lastVersion).to.equal(5);
  });

  it('answers no more accounts than it may have with 429', async () => {
    for (const name of ['a', 'b', 'c']) {
      await register({ endpoint: `https://push.example/update/${name}` });
    }
    const fourth = await request({ endpoint: 'https://push.example/update/d' });
    expect(await backend.service.register(fourth)).to.deep.equal({
      ok: false,
      refusal: { kind: 'throttled', retryAfterMs: 5000 },
    });
    await register({ endpoint: 'https://push.example/update/a' });
  });

  const invalid: readonly {
    readonly title: string;
    readonly make: () => Promise<RegisterRequest>;
    readonly fields: readonly string[];
  }[] = [
    {
      title: 'a foreign endpoint',
      make: () => {
        checks[ENDPOINT] = 'foreign';
        return request();
      },
      fields: ['endpoint'],
    },
    {
      title: 'a foreign state endpoint',
      make: () => {
        checks['https://push.example/update/state'] = 'foreign';
        return request({ stateEndpoint: 'https://push.example/update/state' });
      },
      fields: ['stateEndpoint'],
    },
    { title: 'an unknown key', make: () => request({ keyId: 'key-2' }), fields: ['keyId'] },
    {
      title: 'an envelope for another mail server',
      make: async () => ({ ...(await request()), server: { ...SERVER, host: 'evil.example' } }),
      fields: ['sealed'],
    },
    {
      title: 'credentials with a line end',
      make: () => request({}, { ...PASSWORD, password: 'a\r\nDELETE INBOX' }),
      fields: ['sealed.password'],
    },
    {
      title: 'credentials of no known kind',
      make: () => request({}, { kind: 'blob', text: 'LOGIN a b' }),
      fields: ['sealed.kind'],
    },
    {
      title: 'several faults at once',
      make: () => {
        checks[ENDPOINT] = 'foreign';
        return request({}, { kind: 'password', username: '', password: '' });
      },
      fields: ['endpoint', 'sealed.username', 'sealed.password'],
    },
  ];
  for (const { title, make, fields } of invalid) {
    it(`refuses ${title}, and keeps nothing`, async () => {
      const answer = await backend.service.register(await make());
      if (answer.ok || answer.refusal.kind !== 'invalid') throw new Error(JSON.stringify(answer));
      expect(answer.refusal.fields.map(({ field }) => field)).to.deep.equal(fields);
      expect(JSON.stringify(answer)).not.to.include('canary');
      expect(await vault.list()).to.deep.equal([]);
      expect(watches).to.deep.equal([]);
    });
  }

  for (const token of ['', 'nonsense', `${accountIdOf(ENDPOINT)}.${'A'.repeat(43)}`]) {
    it(`refuses the token ${JSON.stringify(token.slice(0, 12))}`, async () => {
      await register();
      for (const answer of [
        await backend.service.status({ token }),
        await backend.service.stop({ token }),
        await backend.service.defer({ token, waitMs: 1 }),
      ]) {
        expect(answer).to.deep.equal({ ok: false, refusal: { kind: 'unauthorized' } });
      }
    });
  }

  it('promises nothing while the push server does not answer', async () => {
    checks[ENDPOINT] = 'unknown';
    expect(await backend.service.register(await request())).to.deep.equal({
      ok: false,
      refusal: { kind: 'unavailable', retryAfterMs: 5000 },
    });
  });

  it('promises nothing once another backend has taken over', async () => {
    const token = await register();
    const other = await openAccounts(join(folder.path, 'accounts'), 16 * 1024 * 1024);
    clock.moveMs(60_000);
    await other.claim({ nowMs: clock.nowMs(), untilMs: clock.nowMs() + 5000 });
    const unavailable = { ok: false, refusal: { kind: 'unavailable', retryAfterMs: 5000 } };
    expect(await backend.service.defer({ token, waitMs: 1 })).to.deep.equal(unavailable);
    expect(await backend.service.register(await request())).to.deep.equal(unavailable);
    await other.close();
  });

  it('goes on with the older watch when a registration cannot be kept', async () => {
    const token = await register();
    const put = () => Promise.reject(new VaultUnavailableError('the disk is full'));
    await openAgain({}, { put });
    const answer = await backend.service.register(await request());
    expect(!answer.ok && answer.refusal.kind).to.equal('unavailable');
    expect((await backend.service.status({ token })).ok).to.equal(true);
    expect(watches.at(-1)?.calls).to.deep.equal(['start']);
  });

  const elsewhere = { server: { ...SERVER, host: 'new.example' } };
  const bob: Credentials = { kind: 'password', username: 'bob', password: 'of bob' };

  it('sends no credentials to another server than they came with, when the record cannot be kept', async () => {
    await register();
    let isBroken = false;
    await openAgain({}, { isRefused: () => isBroken });
    isBroken = true;
    const answer = await backend.service.register(await request(elsewhere, bob));
    expect(!answer.ok && answer.refusal.kind).to.equal('unavailable');
    expect(await logIn(watches.at(-1))).to.deep.equal({ host: SERVER.host, username: 'ada' });
    isBroken = false;
    await openAgain();
    expect(await logIn(watches.at(-1))).to.deep.equal({ host: SERVER.host, username: 'ada' });
  });

  it('sends no credentials to another server than they came with, after a kill between the two writes', async () => {
    const token = await register();
    const folders = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 5 } }];
    await watches[0]?.hooks.save({ folders, lastVersion: 77, told: 'none' });
    const never = new Promise<never>(() => {});
    let isKilled = false;
    const killed = accountsBut({});
    const update = killed.update.bind(killed);
    Object.assign(killed, {
      update: (id: AccountId, change: AccountChange) => {
        const current = killed.get(id);
        if (change(current) !== current) isKilled = true;
        return isKilled ? never : update(id, change);
      },
    });
    await begin({ kept: new KeptAccounts(killed, vault, 'vault') });
    void backend.service.register(await request(elsewhere, bob));
    while (!isKilled) await new Promise((resolve) => setImmediate(resolve));
    await openAgain();
    const resumed = watches.at(-1);
    expect(await logIn(resumed)).to.deep.equal({ host: 'new.example', username: 'bob' });
    expect(resumed?.account.progress.folders).to.deep.equal([{ name: 'INBOX' }]);
    expect((await backend.service.status({ token })).ok).to.equal(true);
  });

  it('begins no watch and writes no secret after the lease was lost under a registration', async () => {
    await register();
    let answer = (_: EndpointCheck) => {};
    const check = () =>
      new Promise<EndpointCheck>((resolve) => {
        answer = resolve;
      });
    await openAgain({ notifier: { check } });
    const registering = backend.service.register(await request(elsewhere, bob));
    await new Promise((resolve) => setImmediate(resolve));
    const other = await openAccounts(join(folder.path, 'accounts'), 16 * 1024 * 1024);
    clock.moveMs(60_000);
    await other.claim({ nowMs: clock.nowMs(), untilMs: clock.nowMs() + 5000 });
    const count = watches.length;
    const stopped = running.stopAll();
    answer('ours');
    await stopped;
    const answered = await registering;
    expect(!answered.ok && answered.refusal.kind).to.equal('unavailable');
    expect(watches).to.have.length(count);
    await other.close();
    await openAgain();
    expect(await logIn(watches.at(-1))).to.deep.equal({ host: SERVER.host, username: 'ada' });
  });

  it('erases nothing of an account that another backend watches by now', async () => {
    await register();
    const other = await openAccounts(join(folder.path, 'accounts'), 16 * 1024 * 1024);
    clock.moveMs(60_000);
    await other.claim({ nowMs: clock.nowMs(), untilMs: clock.nowMs() + 5000 });
    watches[0]?.hooks.onEnded('expired');
    await running.stopAll();
    expect(await vault.list()).to.deep.equal([accountIdOf(ENDPOINT)]);
    await other.close();
  });

  it('goes on without an account whose secret is broken, until its device registers again', async () => {
    await register({ endpoint: 'https://push.example/update/b' });
    await register();
    await writeFile(join(folder.path, 'vault', `${accountIdOf(ENDPOINT)}.sealed`), 'zeros');
    await openAgain();
    expect(watches).to.have.length(3);
    await register();
    expect(await logIn(watches.at(-1))).to.deep.equal({ host: SERVER.host, username: 'ada' });
  });

  it('erases at last what could not be erased when the device first asked', async () => {
    const token = await register();
    let isBroken = true;
    const erase = (id: AccountId) =>
      isBroken ? Promise.reject(new VaultUnavailableError('the disk')) : vault.erase(id);
    await openAgain({}, { erase });
    const first = await backend.service.stop({ token });
    expect(!first.ok && first.refusal.kind).to.equal('unavailable');
    isBroken = false;
    expect(await backend.service.stop({ token })).to.deep.equal({ ok: true, reply: {} });
    expect(await vault.list()).to.deep.equal([]);
  });

  it('erases a secret whose registration died half way, and an account whose stop did', async () => {
    await register();
    await vault.put(accountIdOf('https://push.example/update/half'), '{}');
    await vault.erase(accountIdOf(ENDPOINT));
    await openAgain();
    expect(await vault.list()).to.deep.equal([]);
    expect([...accounts.list()]).to.deep.equal([]);
    expect(watches).to.have.length(1);
  });

  it('leaves no secret in clear in any file', async () => {
    const token = await register();
    await backend.service.defer({ token, waitMs: 1 });
    for (const part of ['accounts', 'vault']) {
      for (const name of await readdir(join(folder.path, part))) {
        const bytes = await readFile(join(folder.path, part, name), 'latin1');
        for (const secret of ['canary', ENDPOINT, token.split('.')[1] ?? '']) {
          expect(bytes.includes(secret), `${secret.slice(0, 6)} in ${name}`).to.equal(false);
        }
      }
    }
  });

  describe('that keeps credentials in memory alone', () => {
    const openInMemory = () => openAgain({}, {}, 'memory');
    const onDisk = async () => {
      const names = await readdir(join(folder.path, 'vault'));
      const texts = await Promise.all(
        names.map(async (name) => {
          const found = await vault.get(name.slice(0, 32) as AccountId);
          return found.kind === 'opened' ? found.text : '';
        }),
      );
      return texts.join();
    };

    it('logs in with them, and writes none to a file, sealed or not', async () => {
      await openInMemory();
      await register();
      expect(await watches[0]?.hooks.credentialsOf(watches[0].account)).to.deep.include({
        value: PASSWORD,
      });
      expect(await onDisk())
        .to.include(ENDPOINT)
        .and.not.include('canary-password');
    });

    it('has the device told to register again after a kill, and goes on where it was then', async () => {
      await openInMemory();
      await register();
      const folders = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 5 } }];
      await watches[0]?.hooks.save({ folders, lastVersion: 77, told: 'none' });
      await openInMemory();
      const resumed = watches.at(-1);
      const credentials = await resumed?.hooks.credentialsOf(resumed.account);
      expect(credentials?.ok === false && credentials.failure.kind).to.equal('auth');
      // The watch tells it there, since the device has named no other endpoint.
      expect(resumed?.account.stateEndpoint).to.equal(ENDPOINT);
      await register();
      expect(watches.at(-1)?.account.progress).to.deep.include({ folders, lastVersion: 77 });
      expect(watches.at(-1)?.account.stateEndpoint).to.equal(undefined);
      expect((await logIn(watches.at(-1))).username).to.equal('ada');
    });

    it('has it told at the endpoint for states where there is one', async () => {
      await openInMemory();
      await register({ stateEndpoint: 'https://push.example/update/state' });
      await openInMemory();
      expect(watches.at(-1)?.account.stateEndpoint).to.equal('https://push.example/update/state');
    });

    it('takes those that lay in the vault off the disk', async () => {
      await register();
      expect(await onDisk()).to.include('canary-password');
      await openInMemory();
      expect((await logIn(watches.at(-1))).username).to.equal('ada');
      expect(await onDisk()).not.to.include('canary-password');
    });

    it('keeps those that a provider has renewed, and forgets those of a device that has stopped', async () => {
      await openInMemory();
      const token = await register();
      const id = accountIdOf(ENDPOINT);
      const kept = new KeptAccounts(accounts, vault, 'memory');
      await kept.keepSecret(id, {
        ...{ generation: 'g', endpoint: ENDPOINT, protocol: 'imap', server: SERVER, folders: [] },
        credentials: PASSWORD,
      });
      await kept.keepCredentials(id, { ...PASSWORD, password: 'canary-renewed' });
      const found = await kept.secretOf(id);
      expect(found.kind === 'opened' && found.secret.credentials).to.deep.equal({
        ...PASSWORD,
        password: 'canary-renewed',
      });
      expect(await onDisk()).not.to.include('canary');
      await kept.forget(id);
      expect((await kept.secretOf(id)).kind).to.equal('absent');
      expect((await backend.service.stop({ token })).ok).to.equal(false);
    });
  });
});
