/** One mail, from the server's sign to the device's frame or its wake-up, through the lines that three processes log. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { parseExposition } from '../admin/exposition.ts';
import { Arrivals } from '../support/arrivals.ts';
import { reachesState, UNTIL_MS_MAX, until } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import { fallAsleep } from './kick-sleepers.ts';
import { type MailWorld, openMailWorld } from './mail-world.ts';

const USERS = ['canary-awake', 'canary-asleep'] as const;
const PASSWORD = 'canary-password-51fe';

type Line = Readonly<Record<string, unknown>>;

describe('one mail in the log of all processes', function () {
  this.timeout(120_000);

  const resources = new Resources();
  const datagrams = new Arrivals<string>(UNTIL_MS_MAX);
  /** Endpoints, tokens and names, which no line may have. */
  const secrets: string[] = [PASSWORD, ...USERS, 'content-canary', 'INBOX'];
  let world: MailWorld;
  let udp: Socket;

  before(async () => {
    world = resources.keep(
      await openMailWorld({
        users: USERS,
        password: PASSWORD,
        settings: { 'log.level': 'debug', 'kick.udp.networks': ['127.0.0.1/32'] },
      }),
    );
    udp = createSocket('udp4').on('message', () => datagrams.push('woken'));
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
  });
  after(async () => {
    udp.close();
    await resources.dispose();
  });

  const lines = (): readonly Line[] =>
    world.server.printed.stderr
      .split('\n')
      .slice(0, -1)
      .map((text): Line => JSON.parse(text));
  /** The one line of the event that has these fields, once it is there. */
  const lineWith = async (event: string, fields: Line): Promise<Line> => {
    const wanted = { ...fields, event };
    const found = () =>
      lines().filter((line) => Object.entries(wanted).every(([name, is]) => line[name] === is));
    await until(`a line ${JSON.stringify(wanted)}`, () => found().length > 0);
    const [line = {}, ...more] = found();
    expect(more).to.deep.equal([]);
    return line;
  };
  const watch = async (user: string, endpoint: string): Promise<string> => {
    const token = await world.register(world.mailboxOf(user, endpoint));
    secrets.push(token, new URL(endpoint).pathname);
    await reachesState(world.watch, token, 'watching');
    return token.split('.')[0] ?? '';
  };

  it('has one id from EXISTS to the frame of a device that is connected', async () => {
    const { device, uaid, channelID, endpoint } = await world.subscribe();
    const account = await watch('canary-awake', endpoint);
    await world.dovecot.deliver('canary-awake');
    const { updates } = await device.nextOf('notification');
    const version = updates?.[0]?.version;
    const told = await lineWith('mail.news.told', { account });
    expect(told).to.include({ role: 'mailwatch', level: 'debug', sign: 'exists', version });
    expect(told).to.include({ outcome: 'accepted', tries: 1 });
    expect(told['foundMs']).to.be.a('number').and.at.least(0);
    expect(told['toldMs']).to.be.a('number').and.at.least(0);
    const { requestId } = told;
    const answered = await lineWith('put.answered', { requestId: requestId as string });
    expect(answered).to.include({ role: 'push', level: 'debug', outcome: 'delivered', version });
    expect(answered).to.include({ deviceId: uaid, channelId: channelID });
  });

  it('has one id from EXISTS to the kick of a device that sleeps, and its channel and version to the wake-up', async () => {
    const { port } = udp.address() as AddressInfo;
    const sleeper = await fallAsleep(world.server, { type: 'udp', ip: '127.0.0.1', port });
    const account = await watch('canary-asleep', sleeper.endpoint);
    await world.dovecot.deliver('canary-asleep');
    await datagrams.next('the wake-up');
    const { requestId, version } = await lineWith('mail.news.told', { account });
    const answered = await lineWith('put.answered', { requestId: requestId as string });
    const update = { deviceId: sleeper.uaid, channelId: sleeper.channelID, version };
    expect(answered).to.include({ ...update, outcome: 'kicked' });
    const woken = await lineWith('kick.wake.answered', update);
    expect(woken).to.include({ role: 'kick', provider: 'udp', outcome: 'woken' });
  });

  it('has both stages of every news in the metrics', async () => {
    const page = await (await fetch(new URL('/metrics', world.server.urls.admin))).text();
    const { samples } = parseExposition(page);
    for (const stage of ['found', 'told']) {
      const count = samples.get(`reveille_mail_${stage}_seconds_count{role="mailwatch"}`);
      expect(count, stage).to.equal(USERS.length);
    }
  });

  it('has no endpoint, token, user, password or folder in any line', () => {
    const { stdout, stderr } = world.server.printed;
    for (const event of ['mail.news.told', 'put.answered', 'kick.wake.answered']) {
      expect(stderr).to.include(`"event":"${event}"`);
    }
    for (const secret of secrets) expect(stdout + stderr).not.to.include(secret);
  });
});
