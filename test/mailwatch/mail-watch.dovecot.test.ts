import { join } from 'node:path';
import { expect } from 'chai';
import type { Mailbox, MailStatus } from '../../src/client/mail.ts';
import { createLog } from '../../src/log.ts';
import { DOVECOT_PASSWORD } from '../support/dovecot.ts';
import { type MailSetup, openMailSetup } from '../support/mail-setup.ts';
import { filesBelow, reachesState, until } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import {
  type Subscription,
  subscribeAndLeave,
  subscribe as subscribeTo,
} from '../support/subscription.ts';

/** One for each test and mailbox: no test sees another's mail. */
const USERS = ['ada-tls', 'ada-starttls', 'bob', 'eve', 'kim', 'lea', 'moe', 'sam'];
/** Far beyond every pace that the tests set. */
const WAIT_MS_MAX = 30_000;

describe('a mail watch with a real Dovecot', function () {
  this.timeout(120_000);

  const resources = new Resources();
  let setup: MailSetup;
  /** Everything that gate and backend have logged, at the finest level. */
  let logged = '';

  before(async () => {
    const destination = { write: (line: string) => (logged += line) };
    const log = createLog({ level: 'trace', format: 'json', isTerminal: false, destination });
    setup = resources.keep(await openMailSetup({ users: USERS, log }));
  });

  after(async () => {
    await resources.dispose();
  });

  const mailboxOf = (username: string, endpoint: string, more: Partial<Mailbox> = {}): Mailbox => ({
    endpoint,
    host: setup.dovecot.host,
    port: setup.dovecot.ports.imaps,
    credentials: { kind: 'password', username, password: DOVECOT_PASSWORD },
    ...more,
  });
  const register = async (mailbox: Mailbox): Promise<string> => {
    const registered = await setup.watch.register(mailbox);
    if (!registered.ok) throw new Error(JSON.stringify(registered.problem));
    return registered.value.token;
  };
  const subscribe = () =>
    subscribeTo({ connect: () => setup.server.connect({ waitMsMax: WAIT_MS_MAX }) });
  /** Waits until the watch is in this state; one that watches has by then remembered where the mailbox is. */
  const reaches = (token: string, kind: string): Promise<MailStatus> =>
    reachesState(setup.watch, token, kind);
  const version = async ({ device }: Subscription): Promise<number> => {
    const { updates } = await device.nextOf('notification');
    return updates?.[0]?.version ?? 0;
  };

  for (const [title, more] of [
    ['TLS', {}],
    ['STARTTLS', { security: 'starttls' }],
  ] as const) {
    it(`tells a device of a mail, over ${title}`, async () => {
      const subscription = await subscribe();
      const port = more.security ? setup.dovecot.ports.imap : setup.dovecot.ports.imaps;
      const user = more.security ? 'ada-starttls' : 'ada-tls';
      const token = await register(mailboxOf(user, subscription.endpoint, { ...more, port }));
      await reaches(token, 'watching');
      await setup.dovecot.deliver(user);
      const first = await version(subscription);
      await setup.dovecot.deliver(user);
      expect(await version(subscription)).to.be.above(first);
      await setup.watch.stop(token);
      subscription.device.terminate();
    });
  }

  it('tells of a mail that came before it was registered, if the device names its baseline', async () => {
    const subscription = await subscribe();
    const token = await register(mailboxOf('bob', subscription.endpoint));
    const { folders } = await reaches(token, 'watching');
    await setup.watch.stop(token);
    await setup.dovecot.deliver('bob');
    await register(mailboxOf('bob', subscription.endpoint, { folders: [...folders] }));
    expect(await version(subscription)).to.be.above(0);
    subscription.device.terminate();
  });

  it('B12: tells of a mail that came while the backend was away, and of none when none came', async () => {
    const subscription = await subscribe();
    const quiet = await subscribeAndLeave(setup.server);
    const token = await register(mailboxOf('eve', subscription.endpoint));
    const quietToken = await register(mailboxOf('kim', quiet.endpoint));
    await reaches(token, 'watching');
    await reaches(quietToken, 'watching');
    await setup.stopBackend();
    await setup.dovecot.deliver('eve');
    const away = await setup.watch.status(token);
    expect(!away.ok && away.problem).to.include({ kind: 'try-later', status: 503 });
    await setup.startBackend();
    expect(await version(subscription)).to.be.above(0);
    expect((await reaches(quietToken, 'watching')).lastVersion).to.equal(undefined);
    await setup.watch.stop(token);
    await setup.watch.stop(quietToken);
    subscription.device.terminate();
  });

  it('tells the state endpoint of a password that was changed, and is cured by registering', async () => {
    const news = await subscribe();
    const state = await subscribe();
    const mailbox = mailboxOf('lea', news.endpoint, { stateEndpoint: state.endpoint });
    await setup.dovecot.setUsers(USERS, 'another one');
    try {
      const token = await register(mailbox);
      await reaches(token, 'auth-failed');
      const first = await version(state);
      await setup.dovecot.setUsers(USERS);
      await reaches(await register(mailbox), 'watching');
      await setup.dovecot.deliver('lea');
      expect(await version(news)).to.be.at.least(first);
    } finally {
      await setup.dovecot.setUsers(USERS);
    }
    news.device.terminate();
    state.device.terminate();
  });

  it('ends and erases when the channel of the endpoint is gone', async () => {
    const subscription = await subscribe();
    const { device, channelID, endpoint } = subscription;
    const token = await register(mailboxOf('moe', endpoint));
    await reaches(token, 'watching');
    device.send({ messageType: 'unregister', channelID });
    await device.nextOf('unregister');
    await setup.dovecot.deliver('moe');
    await until('the end of the watch', async () => {
      const status = await setup.watch.status(token);
      return !status.ok && status.problem.kind === 'unknown';
    });
    device.terminate();
  });

  it('refuses an endpoint that the push server did not issue', async () => {
    const { endpoint } = await subscribeAndLeave(setup.server);
    for (const foreign of [`${endpoint}A`, 'https://elsewhere.example/update/abc']) {
      const refused = await setup.watch.register(mailboxOf('sam', foreign));
      expect(!refused.ok && refused.problem).to.deep.equal({
        kind: 'invalid',
        fields: [{ field: 'endpoint', expected: 'an endpoint of this server' }],
      });
    }
  });

  it('does not connect to this machine unless it may', async () => {
    const { endpoint } = await subscribeAndLeave(setup.server);
    for (const host of ['127.0.0.2', '169.254.169.254', '10.0.0.1']) {
      const token = await register(mailboxOf('sam', endpoint, { host }));
      await reaches(token, 'blocked-host');
      await setup.watch.stop(token);
    }
  });

  it('has left no mail seen, and no secret in a log or a file', async () => {
    for (const user of ['ada-tls', 'ada-starttls', 'bob', 'eve']) {
      const flags = await setup.dovecot.admin('fetch', '-u', user, 'flags', 'mailbox', 'INBOX');
      expect(flags).not.to.include('\\Seen');
    }
    expect(logged).to.include('mail.watches.started');
    const files = await filesBelow(join(setup.folder, 'mail-data'));
    expect(files.size).to.be.above(0);
    for (const [name, bytes] of [['the log', logged], ...files] as const) {
      for (const secret of [DOVECOT_PASSWORD, 'another one', '/update/', 'content-canary']) {
        expect(bytes.includes(secret), `${secret} in ${name}`).to.equal(false);
      }
    }
  });
});
