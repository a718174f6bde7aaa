import { expect } from 'chai';
import { quietLog } from '../../src/log.ts';
import {
  type Leadership,
  type LeadershipDeps,
  seekLeadership,
} from '../../src/mailwatch/leadership.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { until } from '../support/mail-until.ts';

const LEASE_MS = 9000;
/** Claims come this often. */
const CLAIM_MS = LEASE_MS / 3;

describe('the leadership of a mail watch', () => {
  let clock: HandClock;
  let steps: string[];
  /** What the next claims come to; the last one stays. */
  let claims: (boolean | Error)[];
  let onTaken: LeadershipDeps['onTaken'];
  let claimed: number;
  /** What the next claim waits for. */
  let hanging: Promise<boolean> | undefined;

  beforeEach(() => {
    clock = new HandClock();
    steps = [];
    claims = [true];
    claimed = 0;
    hanging = undefined;
    onTaken = async () => {
      steps.push('taken');
    };
  });

  const seek = (): Promise<Leadership> =>
    seekLeadership({
      accounts: {
        isHeld: true,
        claim: async ({ nowMs, untilMs }) => {
          expect(untilMs - nowMs).to.equal(LEASE_MS);
          const [claim = true] = claims.length > 1 ? claims.splice(0, 1) : claims;
          claimed++;
          if (hanging !== undefined) return hanging;
          if (claim instanceof Error) throw claim;
          return claim;
        },
        release: async () => {
          steps.push('released');
        },
      },
      leaseMs: LEASE_MS,
      onTaken: () => onTaken(),
      onLost: async () => {
        steps.push('lost');
      },
      clock,
      log: quietLog,
    });
  /** Lets the next claim come, and what follows of it. */
  const nextClaim = async () => {
    const before = claimed;
    clock.moveMs(CLAIM_MS);
    clock.tick();
    await until('a claim', () => claimed > before);
    await new Promise(setImmediate);
  };

  it('watches when the lease is free, and once while it is prolonged', async () => {
    const leadership = await seek();
    expect(leadership.isLeading).to.equal(true);
    await nextClaim();
    await nextClaim();
    expect(steps).to.deep.equal(['taken']);
    await leadership.stop();
    expect(steps).to.deep.equal(['taken', 'lost', 'released']);
  });

  it('stands by while another has the lease, and takes over', async () => {
    claims = [false, false, true];
    const leadership = await seek();
    expect(leadership).to.include({ isLeading: false, problem: undefined });
    await nextClaim();
    expect(steps).to.deep.equal([]);
    await nextClaim();
    expect(steps).to.deep.equal(['taken']);
    expect(leadership.isLeading).to.equal(true);
  });

  it('stops watching at once when another has taken over', async () => {
    claims = [true, false];
    const leadership = await seek();
    await nextClaim();
    expect(steps).to.deep.equal(['taken', 'lost']);
    expect(leadership.isLeading).to.equal(false);
  });

  it('goes on until the end of its lease while claims fail, and no longer', async () => {
    claims = [true, new Error('the disk is full')];
    const leadership = await seek();
    await nextClaim();
    await nextClaim();
    expect(steps).to.deep.equal(['taken']);
    expect(leadership.problem).to.equal('the disk is full');
    await nextClaim();
    expect(steps).to.deep.equal(['taken', 'lost']);
  });

  it('rejects when it cannot make anything of its first lease, and has given it back', async () => {
    onTaken = async () => {
      throw new Error('the socket is taken');
    };
    const failure = await seek().catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('message', 'the socket is taken');
    expect(steps).to.deep.equal(['lost', 'released']);
  });

  it('stands by and tries again when it cannot make anything of a later lease', async () => {
    claims = [false, true];
    onTaken = async () => {
      steps.push('tried');
      if (steps.length === 1) throw new Error('the socket is taken');
    };
    const leadership = await seek();
    await nextClaim();
    expect(steps).to.deep.equal(['tried', 'lost', 'released']);
    expect(leadership).to.include({ isLeading: false, problem: 'the socket is taken' });
    await nextClaim();
    expect(steps.at(-1)).to.equal('tried');
    expect(leadership).to.include({ isLeading: true, problem: undefined });
  });

  it('stops watching at the end of its lease though a claim hangs', async () => {
    const leadership = await seek();
    let answer = (_: boolean) => {};
    hanging = new Promise((resolve) => {
      answer = resolve;
    });
    clock.moveMs(CLAIM_MS);
    clock.tick();
    clock.moveMs(LEASE_MS);
    clock.tick();
    await until('the end', () => steps.includes('lost'));
    expect(leadership.isLeading).to.equal(false);
    hanging = undefined;
    answer(true);
    await until('watching again', () => steps.length === 3);
    expect(steps).to.deep.equal(['taken', 'lost', 'taken']);
  });

  it('prolongs its lease while watching takes long to begin', async () => {
    let begin = () => {};
    onTaken = () =>
      new Promise((resolve) => {
        begin = resolve;
      });
    const seeking = seek();
    await until('the first claim', () => claimed === 1);
    await new Promise(setImmediate);
    await nextClaim();
    expect(claimed).to.equal(2);
    begin();
    expect((await seeking).isLeading).to.equal(true);
  });
});
