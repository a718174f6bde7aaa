import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { reachesState, until } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import { environmentOf } from '../support/settings.ts';
import { type MailWorld, nextVersion, openMailWorld, runCommand } from './mail-world.ts';

describe('the operator of the mail watch, with real processes and a real Dovecot', function () {
  this.timeout(120_000);

  const resources = new Resources();
  let world: MailWorld;

  before(async () => {
    world = resources.keep(await openMailWorld({ users: ['ada', 'bob'] }));
  });
  after(async () => {
    await resources.dispose();
  });

  const watches = async (...args: readonly string[]) => {
    const env = environmentOf(world.settings);
    const end = await runCommand(['watches', ...args], { folder: world.folder, env });
    expect(end.stderr, args.join(' ')).to.equal('');
    return end.stdout;
  };
  const watched = async (user: string) => {
    const subscription = await world.subscribe();
    const token = await world.register(world.mailboxOf(user, subscription.endpoint));
    await reachesState(world.watch, token, 'watching');
    return { subscription, token };
  };

  it('pauses every watch, over a kill of the backend too, and loses no mail by it', async () => {
    const { subscription, token } = await watched('ada');
    expect(await watches('pause')).to.match(/^PAUSED/);
    await until('the end of the connection', async () =>
      (await watches('list')).includes('connections 0, waiting 1'),
    );
    await world.dovecot.deliver('ada');
    const pid = await world.server.mailPid('mailwatch');
    process.kill(pid, 'SIGKILL');
    await until('the next backend', async () => (await statusOf(token)) === 'starting');
    expect(await watches('list')).to.match(/^PAUSED.*\nstarting 1; connections 0, waiting 1\n/);
    expect(await watches('resume')).not.to.match(/PAUSED/);
    expect(await nextVersion(subscription)).to.be.greaterThan(0);
    await reachesState(world.watch, token, 'watching');
  });

  it('rotates the master keys while mailboxes are watched, and takes the old one out', async () => {
    const { subscription, token } = await watched('bob');
    const path = String(world.settings['mailwatch.master_key_path']);
    const old = await readFile(path, 'utf8');
    const fresh = `${randomBytes(32).toString('base64url')}\n`;
    await writeFile(path, fresh + old);
    expect(await watches('rotate')).to.match(/^[12] accounts were sealed anew/);
    await writeFile(path, fresh);
    process.kill(await world.server.mailPid('mailwatch'), 'SIGKILL');
    await world.dovecot.deliver('bob');
    expect(await nextVersion(subscription)).to.be.greaterThan(0);
    await reachesState(world.watch, token, 'watching');
  });

  const statusOf = async (token: string) => {
    const call = await world.watch.status(token);
    return call.ok ? call.value.state.kind : undefined;
  };
});
