import { expect } from 'chai';
import { until } from '../support/mail-until.ts';
import { loginsIn, openMailCrowd, watchesIn } from './mail-crowd.ts';
import { openMailWorld } from './mail-world.ts';

const IS_LONG = process.env['REVEILLE_TEST_LONG'] === '1';
const MAILBOXES = IS_LONG ? 1000 : 100;
const RAMP_MS = IS_LONG ? 30_000 : 5000;
const WAIT_MS_MAX = IS_LONG ? 300_000 : 60_000;
/** Of the ramp, what must lie between the first and the last login: the log has whole seconds, and a busy machine is late. */
const SPREAD_PART = 0.5;
/** Of the logins, how many may be in one second. */
const CROWDED_PART = 0.6;

describe('many mail watches, with a real Dovecot', function () {
  this.timeout(4 * WAIT_MS_MAX);

  it(`arms ${MAILBOXES} watches again after kill -9, evenly, and loses no mail and makes up none`, async () => {
    const users = Array.from({ length: MAILBOXES }, (_, number) => `user-${number}`);
    await using world = await openMailWorld({
      users,
      settings: {
        'mailwatch.ramp_ms': RAMP_MS,
        'mailwatch.logins_per_second_max': 1000,
        'mailwatch.logins_per_host_per_second_max': 1000,
      },
    });
    const crowd = await openMailCrowd(world, users);
    const all = async () => (await watchesIn(world, 'watching')) === MAILBOXES;
    await until('all watches', all, WAIT_MS_MAX);
    const pid = await world.server.mailPid('mailwatch');
    const withMail = crowd.mailboxes.filter((_, index) => index % 2 === 0);
    const killAt = Math.floor(withMail.length / 2);
    let loggedBefore = 0;
    for (const [index, { user }] of withMail.entries()) {
      if (index === killAt) {
        loggedBefore = (await world.dovecot.log()).length;
        process.kill(pid, 'SIGKILL');
      }
      await world.dovecot.deliver(user);
    }
    // Only by the new process: the answers of the old one are gone with it.
    await until('another process', async () => (await newPid()) !== pid, WAIT_MS_MAX);
    await until('all watches again', all, WAIT_MS_MAX);
    await until(
      'a version for each mail',
      () => withMail.every(({ versions }) => versions > 0),
      WAIT_MS_MAX,
    );
    expect(crowd.mailboxes.filter((_, index) => index % 2 === 1 && _.versions > 0)).to.deep.equal(
      [],
    );
    const logins = loginsIn(await world.dovecot.log(), loggedBefore);
    expect(new Set(logins.map(({ user }) => user)).size).to.equal(MAILBOXES);
    const times = logins.map(({ atMs }) => atMs);
    expect(Math.max(...times) - Math.min(...times)).to.be.at.least(RAMP_MS * SPREAD_PART);
    const counts = new Map<number, number>();
    for (const atMs of times) counts.set(atMs, (counts.get(atMs) ?? 0) + 1);
    expect(Math.max(...counts.values())).to.be.at.most(MAILBOXES * CROWDED_PART);
    crowd.leave();

    async function newPid(): Promise<number> {
      // Between two processes there is none.
      return await world.server.mailPid('mailwatch').catch(() => pid);
    }
  });
});
