import { join } from 'node:path';
import { expect } from 'chai';
import { filesBelow, reachesState, until } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import type { Subscription } from '../support/subscription.ts';
import {
  type MailWorld,
  nextVersion,
  openMailWorld,
  runCommand,
  startCommand,
} from './mail-world.ts';

/** One for each test and mailbox: no test sees another's mail. */
const USERS = ['typed', 'killed', 'quiet', 'restarted', 'frozen', 'changed', 'recreated', 'gone'];
const PASSWORD = 'canary-password-8b1c';
const WRONG_PASSWORD = 'canary-wrong-77d2';

describe('the mail watch as processes, with a real Dovecot', function () {
  this.timeout(120_000);

  const resources = new Resources();
  /** What must be nowhere in clear: endpoints and tokens of every test. */
  const secrets: string[] = [PASSWORD, WRONG_PASSWORD, 'content-canary'];
  /** What rested of credentials that had to be erased since: sealed, and yet to be in no file any more. */
  const erased: string[] = [];
  let world: MailWorld;

  before(async () => {
    const settings = {
      'log.level': 'trace',
      'mailwatch.auth_retry_ms': 1000,
    } as const;
    world = resources.keep(await openMailWorld({ users: USERS, password: PASSWORD, settings }));
  });
  after(async () => {
    await resources.dispose();
  });

  const subscribe = async (): Promise<Subscription> => {
    const subscription = await world.subscribe();
    secrets.push(new URL(subscription.endpoint).pathname);
    return subscription;
  };
  const watched = async (user: string) => {
    const subscription = await subscribe();
    const token = await world.register(world.mailboxOf(user, subscription.endpoint));
    secrets.push(token);
    await reachesState(world.watch, token, 'watching');
    return { subscription, token };
  };
  /** The sealed credentials of the watch, as they lie on the disk. */
  const sealedOf = async (token: string): Promise<readonly string[]> => {
    const [account = ''] = token.split('.');
    const files = await filesBelow(join(world.folder, 'mail-data'));
    return [...files].filter(([path]) => path.includes(account)).map(([, bytes]) => bytes);
  };
  const expectErased = async () => {
    for (const [path, bytes] of await filesBelow(world.folder)) {
      for (const sealed of erased) expect(bytes.includes(cipherIn(sealed)), path).to.equal(false);
    }
  };
  const killMailwatch = async () =>
    process.kill(await world.server.mailPid('mailwatch'), 'SIGKILL');

  it('takes a person at a terminal from "mail register" to the version of a mail, and to its end', async () => {
    const { folder, server, dovecot } = world;
    const { ws, mail } = server.urls;
    expect(server.printed.stdout).to.include(` mail=${mail}`);
    await using device = startCommand(['device', '--server', ws], { folder });
    await until('the endpoint', () => device.printed.stdout.includes('/update/'));
    const endpoint = /'(\S+)'/.exec(device.printed.stdout)?.[1] ?? '';
    secrets.push(new URL(endpoint).pathname);
    const speak = async (...args: readonly string[]) => {
      const env = { REVEILLE_MAIL_PASSWORD: PASSWORD };
      const end = await runCommand(['mail', '--gate', mail, ...args], { folder, env });
      expect(end, args[0]).to.include({ code: 0, stderr: '' });
      return end.stdout;
    };
    const registered = await speak(
      'register',
      ...['--endpoint', endpoint, '--host', dovecot.host, '--user', 'typed'],
      ...['--port', String(dovecot.ports.imaps)],
    );
    const token = registered.trim().split('\n').at(-1) ?? '';
    secrets.push(token);
    await reachesState(world.watch, token, 'watching');
    expect(await speak('status', token)).to.match(/^watching since .*\nfolders: INBOX\nno news/);
    const versions = () => device.printed.stdout.match(/^\S+Z \S+ [0-9]+$/gm) ?? [];
    await dovecot.deliver('typed');
    await until('the version of the delivered mail', () => versions().length === 1);
    await dovecot.append('typed', PASSWORD);
    await until('the version of the appended mail', () => versions().length === 2);
    expect(await speak('status', token)).to.include('last version: ');
    expect(await speak('defer', token, '60')).to.match(/^deferred until /);
    await until('the state deferred', async () =>
      (await speak('status', token)).startsWith('deferred since'),
    );
    const sealed = await sealedOf(token);
    expect(sealed).to.have.lengthOf(1);
    expect(await speak('stop', token)).to.equal('stopped, and the credentials are erased\n');
    erased.push(...sealed);
    await expectErased();
    const after = await runCommand(['mail', '--gate', mail, 'status', token], { folder });
    expect(after).to.include({ code: 1, stderr: 'there is no such watch here\n' });
    device.signal('SIGTERM');
    expect(await device.exit).to.equal(0);
  });

  it('reports mail of the time between the death of the backend and its next start, and no mail where none came', async () => {
    const { subscription, token } = await watched('killed');
    const quiet = await watched('quiet');
    const pid = await world.server.mailPid('mailwatch');
    await killMailwatch();
    await world.dovecot.deliver('killed');
    expect(await nextVersion(subscription)).to.be.above(0);
    expect(await world.server.mailPid('mailwatch')).not.to.equal(pid);
    await reachesState(world.watch, token, 'watching');
    const status = await reachesState(world.watch, quiet.token, 'watching');
    expect(status.lastVersion).to.equal(undefined);
    await world.dovecot.deliver('killed');
    expect(await nextVersion(subscription)).to.be.above(0);
    expect(quiet.subscription.device.takeUnread()).to.deep.equal([]);
  });

  it('comes back after a restart of Dovecot, and reports the mail of the meantime', async () => {
    const { subscription, token } = await watched('restarted');
    await world.dovecot.stop();
    await reachesState(world.watch, token, 'backoff');
    await world.dovecot.start();
    await reachesState(world.watch, token, 'watching');
    await world.dovecot.deliver('restarted');
    expect(await nextVersion(subscription)).to.be.above(0);
  });

  it('goes on after Dovecot was frozen', async () => {
    const { subscription, token } = await watched('frozen');
    await world.dovecot.freeze();
    expect((await world.watch.status(token)).ok).to.equal(true);
    await world.dovecot.thaw();
    await world.dovecot.deliver('frozen');
    expect(await nextVersion(subscription)).to.be.above(0);
    await reachesState(world.watch, token, 'watching');
  });

  it('tells the device that its password is refused, and again that it is not', async () => {
    const { dovecot } = world;
    const news = await subscribe();
    const state = await subscribe();
    const token = await world.register({
      ...world.mailboxOf('changed', news.endpoint, WRONG_PASSWORD),
      stateEndpoint: state.endpoint,
    });
    secrets.push(token);
    await reachesState(world.watch, token, 'auth-failed');
    const refusedAt = await nextVersion(state);
    try {
      await dovecot.setUsers(USERS, WRONG_PASSWORD);
      await reachesState(world.watch, token, 'watching');
      expect(await nextVersion(state)).to.be.above(refusedAt);
      await dovecot.deliver('changed');
      expect(await nextVersion(news)).to.be.above(0);
    } finally {
      await dovecot.setUsers(USERS, PASSWORD);
    }
  });

  it('reports a mailbox that was made anew', async () => {
    const { subscription, token } = await watched('recreated');
    await world.dovecot.deliver('recreated');
    const before = await nextVersion(subscription);
    await reachesState(world.watch, token, 'watching');
    await world.dovecot.stop();
    await world.dovecot.recreate('recreated');
    await world.dovecot.start();
    await world.dovecot.deliver('recreated');
    expect(await nextVersion(subscription)).to.be.above(before);
  });

  it('erases the credentials when the channel is gone', async () => {
    const { subscription, token } = await watched('gone');
    const { device, channelID } = subscription;
    erased.push(...(await sealedOf(token)));
    device.send({ messageType: 'unregister', channelID });
    await device.nextOf('unregister');
    await world.dovecot.deliver('gone');
    await until('the end of the watch', async () => {
      const status = await world.watch.status(token);
      return !status.ok && status.problem.kind === 'unknown';
    });
    await expectErased();
    // A start finds nothing to bring back.
    const pid = await world.server.mailPid('mailwatch');
    await killMailwatch();
    await until('another process', async () => {
      const now = await world.server.mailPid('mailwatch').catch(() => pid);
      const status = await world.watch.status(token);
      return now !== pid && !status.ok && status.problem.kind === 'unknown';
    });
    await expectErased();
  });

  it('has no secret in a log, a metric, or a file in clear, and reads no mail', async () => {
    const { server, dovecot, folder } = world;
    for (const user of USERS.filter((name) => name !== 'gone' && name !== 'quiet')) {
      const flags = await dovecot.admin('fetch', '-u', user, 'flags', 'mailbox', 'INBOX');
      expect(flags, user).not.to.include('\\Seen');
    }
    const fetched = await Promise.all(
      ['metrics', 'status', 'health'].map(
        async (page) =>
          [page, await (await fetch(new URL(`/${page}`, server.urls.admin))).text()] as const,
      ),
    );
    expect(fetched[0]?.[1]).to.include('reveille_mail_watches');
    const { stdout, stderr } = server.printed;
    const logged = stderr + stdout;
    expect(logged).to.include('mail.watches.started');
    const files = await filesBelow(folder);
    expect([...files.keys()].some((path) => path.includes('mail-data'))).to.equal(true);
    for (const [name, text] of [['the output', logged], ...fetched, ...files] as const) {
      for (const secret of secrets) {
        expect(text.includes(secret), `${secret} in ${name}`).to.equal(false);
      }
    }
    expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
  });
});

/** From the middle, where nothing is the same for all. */
function cipherIn(sealed: string): string {
  const middle = Math.floor(sealed.length / 2);
  const cipher = sealed.slice(middle, middle + CIPHER_BYTES);
  expect(cipher).to.have.lengthOf(CIPHER_BYTES);
  return cipher;
}

const CIPHER_BYTES = 24;
