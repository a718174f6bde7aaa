import { expect } from 'chai';
import { watchCredentials } from '../../src/kick/credentials-watch.ts';
import { type Log, quietLog } from '../../src/log.ts';
import { HandTime, quiet } from './worker/hand-time.ts';

const FINDING = 'kick.fcm.service_account_path: the key was revoked';

describe('the watch over credentials', () => {
  let time: HandTime;
  let events: string[];
  let answer: () => Promise<readonly string[]>;

  beforeEach(() => {
    time = new HandTime();
    events = [];
    answer = async () => [];
  });

  const watch = () => {
    const log: Log = {
      ...quietLog,
      error: (_, event) => events.push(event),
      info: (_, event) => events.push(event),
    };
    const provider = { name: 'fcm', checkCredentials: () => answer() } as const;
    return watchCredentials({ provider, clock: time, log });
  };

  it('asks once when they are good, and says nothing', async () => {
    const { findings } = watch();
    expect(time.repeatedCount).to.equal(1);
    await quiet();
    expect(findings()).to.deep.equal([]);
    expect(events).to.deep.equal([]);
    expect(time.repeatedCount).to.equal(0);
  });

  it('says once what is wrong, asks again, and says when it is mended', async () => {
    answer = async () => [FINDING];
    const { findings } = watch();
    await quiet();
    time.tick();
    await quiet();
    expect(findings()).to.deep.equal([FINDING]);
    expect(events).to.deep.equal(['kick.credentials.bad']);
    answer = async () => [];
    time.tick();
    await quiet();
    expect(findings()).to.deep.equal([]);
    expect(events).to.deep.equal(['kick.credentials.bad', 'kick.credentials.good']);
    expect(time.repeatedCount).to.equal(0);
  });

  it('says it again when something else is wrong', async () => {
    answer = async () => [FINDING];
    const { stop } = watch();
    await quiet();
    answer = async () => [`${FINDING}, too`];
    time.tick();
    await quiet();
    expect(events).to.deep.equal(['kick.credentials.bad', 'kick.credentials.bad']);
    stop();
    expect(time.repeatedCount).to.equal(0);
  });

  it('takes a check that fails for a finding', async () => {
    answer = async () => {
      throw new Error('a bug');
    };
    const { findings, stop } = watch();
    await quiet();
    expect(findings()).to.deep.equal(['kick.fcm: the check of the credentials failed: a bug']);
    stop();
  });
});
