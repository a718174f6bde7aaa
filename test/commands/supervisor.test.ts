import { expect } from 'chai';
import type { RoleName } from '../../src/commands/role.ts';
import { createSupervisor, type Supervisor } from '../../src/commands/supervisor.ts';
import type { RoleProcess, RoleProcessEvents } from '../../src/commands/supervisor-process.ts';
import type { LifeBounds } from '../../src/lifecycle.ts';
import { quietLog } from '../../src/log.ts';
import { HandClock } from '../storage/hand-clock.ts';

const BOUNDS: LifeBounds = {
  readyDeadlineMs: 5000,
  backoffMinMs: 1000,
  backoffMaxMs: 8000,
  stableMs: 60_000,
  stopDeadlineMs: 3000,
};

/** A process that does what the test says, and notes what it is told. */
class FakeProcess implements RoleProcess {
  readonly pid = 4711;
  readonly told: string[] = [];
  /** Whether it ends when it is told to stop. */
  obeys = true;
  readonly role: RoleName;
  readonly ports: Readonly<Record<string, number>>;
  readonly #events: RoleProcessEvents;

  constructor(role: RoleName, ports: Readonly<Record<string, number>>, events: RoleProcessEvents) {
    this.role = role;
    this.ports = ports;
    this.#events = events;
  }

  ready(ports: Readonly<Record<string, number>> = {}): void {
    this.#events.onReady({ type: 'ready', urls: { [this.role]: `${this.role}://here/` }, ports });
  }

  exit(code: number | null, how = `exit code ${code}`): void {
    this.#events.onExit({ code, how });
  }

  async ask(): Promise<undefined> {
    return undefined;
  }

  tellToStop(): void {
    this.told.push('stop');
    if (this.obeys) this.exit(0);
  }

  kill(): void {
    this.told.push('kill');
    this.exit(null, 'SIGKILL');
  }
}

describe('the supervisor', () => {
  let clock: HandClock;
  let spawned: FakeProcess[];
  let supervisor: Supervisor;

  beforeEach(() => {
    clock = new HandClock();
    spawned = [];
    supervisor = createSupervisor({
      roles: ['push', 'kick'],
      startsAfter: {},
      spawn(role, ports, events) {
        const started = new FakeProcess(role, ports, events);
        spawned.push(started);
        return started;
      },
      bounds: BOUNDS,
      clock,
      random: () => 0,
      log: quietLog,
    });
  });

  const newest = (role: RoleName): FakeProcess => {
    const found = spawned.findLast((one) => one.role === role);
    return found ?? expect.fail(`${role} was not started`);
  };
  const passMs = (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
  };
  const startAll = async () => {
    const outcome = supervisor.start();
    for (const one of [...spawned]) one.ready({ [`${one.role}.port`]: 1 });
    return outcome;
  };
  const reasonsOf = async (role: RoleName) => {
    const voice = supervisor.voices.find(({ name }) => name === role);
    return (await voice?.health())?.reasons;
  };

  it('is up when all roles are, and has the URLs of all', async () => {
    const outcome = supervisor.start();
    newest('kick').ready();
    expect(await reasonsOf('push')).to.deep.equal(['is starting']);
    newest('push').ready();
    const urls = { push: 'push://here/', kick: 'kick://here/' };
    expect(await outcome).to.deep.equal({ kind: 'up', urls });
  });

  it('stops the others when a role ends before it was ready, and says how that ended', async () => {
    const outcome = supervisor.start();
    newest('push').ready();
    newest('kick').exit(2);
    const exit = { code: 2, how: 'exit code 2' };
    expect(await outcome).to.deep.equal({ kind: 'failed', role: 'kick', exit });
    expect(newest('push').told).to.deep.equal(['stop']);
    expect(spawned).to.have.length(2);
  });

  it('gives a role up that is not ready in time for the first time', async () => {
    const outcome = supervisor.start();
    newest('push').ready();
    passMs(BOUNDS.readyDeadlineMs);
    expect(await outcome).to.deep.include({ kind: 'failed', role: 'kick' });
    expect(newest('kick').told).to.deep.equal(['kill']);
  });

  it('starts a role again that died, after the wait, with the ports it had', async () => {
    await startAll();
    newest('push').exit(null, 'SIGKILL');
    expect(await reasonsOf('push')).to.deep.equal([
      'has ended (SIGKILL) and is started again in 0.5 s',
    ]);
    passMs(499);
    expect(spawned).to.have.length(2);
    passMs(1);
    expect(spawned).to.have.length(3);
    expect(newest('push').ports).to.deep.equal({ 'push.port': 1 });
    expect(supervisor.restarts).to.deep.equal({ push: { count: 1 }, kick: { count: 0 } });
    newest('push').ready();
    expect(await reasonsOf('push')).to.deep.equal(['does not answer']);
  });

  it('waits longer for a role that dies again and again, and the other goes on', async () => {
    await startAll();
    for (const waitMs of [500, 1000, 2000, 4000, 4000]) {
      newest('kick').exit(1);
      passMs(waitMs - 1);
      const before = spawned.length;
      passMs(1);
      expect(spawned).to.have.length(before + 1);
      newest('kick').ready();
    }
    expect(newest('push').told).to.deep.equal([]);
  });

  it('kills a role that takes too long to come back, and tries again', async () => {
    await startAll();
    newest('push').exit(1);
    passMs(500);
    const late = newest('push');
    passMs(BOUNDS.readyDeadlineMs);
    expect(late.told).to.deep.equal(['kill']);
    passMs(1000);
    expect(newest('push')).not.to.equal(late);
  });

  it('watches the time only while something is due', async () => {
    await startAll();
    expect(clock.repeatedCount).to.equal(0);
    newest('push').exit(1);
    expect(clock.repeatedCount).to.equal(1);
    passMs(500);
    newest('push').ready();
    expect(clock.repeatedCount).to.equal(0);
  });

  it('stops push first, and kick when push has ended', async () => {
    await startAll();
    newest('push').obeys = false;
    const stopped = supervisor.stop();
    await new Promise(setImmediate);
    expect(newest('push').told).to.deep.equal(['stop']);
    expect(newest('kick').told).to.deep.equal([]);
    expect(await reasonsOf('push')).to.deep.equal(['the server is shutting down']);
    newest('push').exit(0);
    expect(await stopped).to.equal(true);
    expect(newest('kick').told).to.deep.equal(['stop']);
    expect(clock.repeatedCount).to.equal(0);
  });

  it('kills a role that does not stop in time, and says that the end was not in order', async () => {
    await startAll();
    newest('push').obeys = false;
    const stopped = supervisor.stop();
    passMs(BOUNDS.stopDeadlineMs - 1);
    expect(newest('push').told).to.deep.equal(['stop']);
    passMs(1);
    expect(newest('push').told).to.deep.equal(['stop', 'kill']);
    expect(await stopped).to.equal(false);
    expect(newest('kick').told).to.deep.equal(['stop']);
  });

  it('says that the end was not in order when a role fails at it', async () => {
    await startAll();
    newest('kick').obeys = false;
    const stopped = supervisor.stop();
    await new Promise(setImmediate);
    newest('kick').exit(1);
    expect(await stopped).to.equal(false);
  });

  it('stops roles that are still starting', async () => {
    void supervisor.start();
    newest('kick').ready();
    expect(await supervisor.stop()).to.equal(true);
    expect(spawned.map(({ told }) => told)).to.deep.equal([['stop'], ['stop']]);
  });

  it('starts nothing again once it stops', async () => {
    await startAll();
    newest('kick').exit(1);
    expect(await supervisor.stop()).to.equal(true);
    passMs(BOUNDS.backoffMaxMs);
    expect(spawned).to.have.length(2);
  });

  it('ends all processes at once when it is told to', async () => {
    await startAll();
    supervisor.kill();
    expect(spawned.map(({ told }) => told)).to.deep.equal([['kill'], ['kill']]);
  });
});
