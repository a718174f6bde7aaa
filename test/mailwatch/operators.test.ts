import { expect } from 'chai';
import { AccountsUnavailableError } from '../../src/mailwatch/accounts.ts';
import { OperatorsRig } from './operators-rig.ts';

describe('operators of the mail watch', () => {
  let rig: OperatorsRig;
  beforeEach(() => {
    rig = new OperatorsRig();
  });

  const callsOf = () => rig.watches.map(({ calls }) => calls.join());

  it('see every account, page by page, and neither whose it is nor what is in it', () => {
    rig.bob.state = {
      kind: 'backoff',
      failure: { kind: 'network', detail: 'refused' },
      nextTryMs: 9,
    };
    const first = rig.operators.accounts({ limit: 2 });
    expect(first.accounts).to.have.length(2);
    const { next: after = '' } = first;
    const second = rig.operators.accounts({ limit: 2, after });
    expect(second.accounts).to.have.length(1);
    expect(second.next).to.equal(undefined);
    const all = [...first.accounts, ...second.accounts];
    const ids = all.map(({ account }) => account);
    expect(ids).to.deep.equal(rig.watches.map(({ account }) => account.id).sort());
    expect(all.find(({ account }) => account === rig.bob.account.id)).to.deep.equal({
      ...{ account: rig.bob.account.id, protocol: 'imap', host: 'imap.two', port: 993 },
      ...{ state: rig.bob.state, sinceMs: 7, seenAtMs: 5 },
    });
    expect(JSON.stringify(all)).not.to.match(/canary|update/);
  });

  it('find accounts by state, mail server and id', () => {
    rig.bob.state = { kind: 'starting' };
    const found = (query: object) =>
      rig.operators.accounts({ limit: 9, ...query }).accounts.map(({ account }) => account);
    expect(found({ state: 'starting' })).to.deep.equal([rig.bob.account.id]);
    expect(found({ host: 'imap.one' })).to.deep.equal([rig.ada.account.id]);
    expect(found({ account: rig.eve.account.id })).to.deep.equal([rig.eve.account.id]);
    expect(found({ host: 'imap.one', state: 'starting' })).to.deep.equal([]);
  });

  it('pause on disk first, then the pool, then every watch; and resume the other way', async () => {
    await rig.operators.pause();
    expect(rig.done).to.deep.equal(['kept true', 'pool paused']);
    expect(callsOf()).to.deep.equal(['letGo', 'letGo', 'letGo']);
    expect(rig.operators.report()).to.deep.equal({
      ...{ paused: true, watches: { watching: 3 }, connections: { open: 3, waiting: 0 } },
    });
    await rig.operators.resume();
    expect(rig.done.slice(2)).to.deep.equal(['kept false', 'pool resumed']);
    expect(rig.operators.isPaused).to.equal(false);
  });

  it('pause nothing when it cannot be kept', async () => {
    rig.failure = new AccountsUnavailableError('the disk is full');
    const refusal = await rig.operators.pause().catch((error: Error) => error.message);
    expect(refusal).to.equal('the disk is full');
    expect([rig.operators.isPaused, rig.done, callsOf().join('')]).to.deep.equal([false, [], '']);
  });

  it('find a pause again after a restart', async () => {
    rig.isPausedOnDisk = true;
    await rig.operators.takeUp();
    expect(rig.done).to.deep.equal(['pool paused', 'reseal']);
    expect(rig.operators.isPaused).to.equal(true);
  });

  it('re-arm some or all, spread over the ramp', async () => {
    const waits: number[] = [];
    rig.wait = async (waitMs) => void waits.push(waitMs);
    expect(rig.operators.rearm({ host: 'imap.two' })).to.equal(2);
    await rig.settled();
    expect(callsOf()).to.deep.equal(['', 'rearm', 'rearm']);
    expect(waits).to.deep.equal([15, 15]);
    expect(rig.operators.rearm({})).to.equal(3);
    await rig.settled();
    expect(callsOf()).to.deep.equal(['rearm', 'rearm,rearm', 'rearm,rearm']);
  });

  it('re-arm no further once the lease is lost, or when they ask anew', async () => {
    const held: (() => void)[] = [];
    rig.wait = () => new Promise((resolve) => held.push(resolve));
    rig.operators.rearm({});
    await rig.settled();
    rig.operators.rearm({ host: 'imap.one' });
    for (const go of held.splice(0)) go();
    await rig.settled();
    expect(callsOf()).to.deep.equal(['rearm,rearm', '', '']);
    rig.operators.rearm({});
    rig.lead.abort();
    for (const go of held.splice(0)) go();
    await rig.settled();
    expect(callsOf()).to.deep.equal(['rearm,rearm,rearm', '', '']);
    rig.operators.rearm({});
    await rig.settled();
    expect(callsOf()[0]).to.equal('rearm,rearm,rearm');
  });

  it('alert each device at its endpoint for states, or else with a version that is no news’', async () => {
    rig.clock.moveMs(50_000);
    const nowSecs = Math.floor(rig.clock.nowMs() / 1000);
    rig.bob.lastVersion = nowSecs - 1;
    expect(rig.operators.alert({})).to.equal(3);
    await rig.settled();
    expect(rig.puts).to.deep.equal([
      { endpoint: rig.ada.account.endpoint, version: nowSecs - 1 },
      // Bob's device was woken by news just now: a version that counts would take that of the next news.
      { endpoint: 'http://push.test/update/eve-state', version: nowSecs },
    ]);
    expect(callsOf()).to.deep.equal(['', '', '']);
  });

  it('are told what became of an alert', async () => {
    rig.outcome = { kind: 'later' };
    expect(await rig.operators.alertOne(rig.ada)).to.equal('later');
    rig.outcome = { kind: 'gone' };
    expect(await rig.operators.alertOne(rig.eve)).to.equal('gone');
  });
});
