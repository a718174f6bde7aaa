import { expect } from 'chai';
import { reachesState } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import { type MailWorld, nextVersion, openMailWorld } from './mail-world.ts';

describe('the mail watch that keeps credentials on no disk, as processes', function () {
  this.timeout(120_000);

  const resources = new Resources();
  let world: MailWorld;

  before(async () => {
    const settings = { 'mailwatch.credentials': 'memory' } as const;
    world = resources.keep(await openMailWorld({ users: ['ada', 'bob'], settings }));
  });
  after(async () => {
    await resources.dispose();
  });

  it('has each device told once after a kill, and tells of the mail of the meantime once it has registered again', async () => {
    const news = await world.subscribe();
    const state = await world.subscribe();
    const bob = await world.subscribe();
    const ada = {
      ...world.mailboxOf('ada', news.endpoint),
      stateEndpoint: state.endpoint,
    };
    const token = await world.register(ada);
    const bobs = await world.register(world.mailboxOf('bob', bob.endpoint));
    for (const one of [token, bobs]) await reachesState(world.watch, one, 'watching');
    process.kill(await world.server.mailPid('mailwatch'), 'SIGKILL');
    await world.dovecot.deliver('ada');
    expect(await nextVersion(state)).to.be.greaterThan(0);
    // With nothing but an endpoint for news, that one is what wakes the device.
    expect(await nextVersion(bob)).to.be.greaterThan(0);
    const status = await reachesState(world.watch, token, 'auth-failed');
    expect(status.state).to.deep.include({
      failure: { kind: 'auth', detail: 'the credentials are gone: register again' },
    });
    expect(news.device.takeUnread()).to.deep.equal([]);
    const again = await world.register(ada);
    expect(await nextVersion(news)).to.be.greaterThan(0);
    await reachesState(world.watch, again, 'watching');
  });
});
