import { expect } from 'chai';
import type { MailFailure, WatchState } from '../../../src/mailwatch/account.ts';
import {
  afterFailure,
  type FailureHistory,
  GIVE_UP_GRACE_MS,
  putRetryMs,
} from '../../../src/mailwatch/watcher/failure-policy.ts';
import { attentionOf, waitOf } from '../../../src/mailwatch/watcher/states.ts';

const NOW_MS = 1_800_000_000_000;
const RULES = {
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
  limitedMinMs: 10_000,
  authRetryMs: 3_600_000,
  authGiveUpMs: 86_400_000,
};
/** As near to one as chance comes. */
const MOST = 1 - Number.EPSILON;

function judge(
  failure: MailFailure,
  history: FailureHistory,
  chance: number,
  { nowMs = NOW_MS, monotonicMs = 7 } = {},
) {
  const clock = { nowMs: () => nowMs, monotonicMs: () => monotonicMs };
  return afterFailure(failure, history, { rules: RULES, clock, random: () => chance });
}

function waitMsOf(state: WatchState): number {
  return waitOf(state) - NOW_MS;
}

describe('what becomes of a watch after a failure', () => {
  const failures: readonly MailFailure[] = [
    { kind: 'tls', detail: 'expired' },
    { kind: 'folder', detail: 'NONEXISTENT' },
    { kind: 'network', detail: 'ECONNREFUSED' },
    { kind: 'protocol', detail: 'LineTooLarge' },
  ];
  const rows: readonly { failuresInRow: number; leastMs: number; mostMs: number }[] = [
    { failuresInRow: 0, leastMs: 0, mostMs: 999 },
    { failuresInRow: 1, leastMs: 0, mostMs: 1_999 },
    { failuresInRow: 5, leastMs: 0, mostMs: 31_999 },
    { failuresInRow: 6, leastMs: 0, mostMs: 59_999 },
    { failuresInRow: 7, leastMs: 0, mostMs: 59_999 },
    { failuresInRow: 1e9, leastMs: 0, mostMs: 59_999 },
  ];
  for (const failure of failures) {
    for (const { failuresInRow, leastMs, mostMs } of rows) {
      it(`backs off for ${leastMs} to ${mostMs} ms after ${failure.kind}, the ${failuresInRow + 1}th in a row`, () => {
        for (const [chance, waitMs] of [
          [0, leastMs],
          [MOST, mostMs],
        ] as const) {
          const { state, history } = judge(failure, { failuresInRow }, chance);
          expect(state).to.deep.equal({ kind: 'backoff', failure, nextTryMs: NOW_MS + waitMs });
          expect(history).to.deep.equal({ failuresInRow: failuresInRow + 1 });
        }
      });
    }
  }

  it('waits longer when there are too many of us, and never less than the first wait', () => {
    const failure: MailFailure = { kind: 'limited', detail: 'LIMIT' };
    for (const { failuresInRow, mostMs } of [
      { failuresInRow: 0, mostMs: 19_999 },
      { failuresInRow: 1, mostMs: 29_999 },
      { failuresInRow: 9, mostMs: 69_999 },
    ]) {
      const least = judge(failure, { failuresInRow }, 0).state;
      const most = judge(failure, { failuresInRow }, MOST).state;
      expect([least.kind, most.kind]).to.deep.equal(['limited', 'limited']);
      expect([waitMsOf(least), waitMsOf(most)]).to.deep.equal([10_000, mostMs]);
    }
  });

  it('waits long after a refused password, and remembers since when', () => {
    const failure: MailFailure = { kind: 'auth', detail: 'AUTHENTICATIONFAILED' };
    const first = judge(failure, { failuresInRow: 0 }, MOST);
    expect(first.history).to.deep.equal({ failuresInRow: 1, authFailingSinceMs: NOW_MS });
    expect(waitMsOf(first.state)).to.equal(RULES.authRetryMs);
    const sinceMs = NOW_MS - RULES.authGiveUpMs;
    const last = judge(failure, { failuresInRow: 9, authFailingSinceMs: sinceMs + 1 }, MOST);
    expect(last.state.kind).to.equal('auth-failed');
    expect(last.history).not.to.have.property('overdueSinceMs');
  });

  it('gives a refused password up when the machine’s clock has said so for an hour, and not when that was set forward', () => {
    const failure: MailFailure = { kind: 'auth', detail: 'AUTHENTICATIONFAILED' };
    const sinceMs = NOW_MS - RULES.authGiveUpMs;
    const first = judge(failure, { failuresInRow: 9, authFailingSinceMs: sinceMs }, MOST);
    expect(first.state.kind).to.equal('auth-failed');
    expect(first.history).to.include({ authFailingSinceMs: sinceMs, overdueSinceMs: 7 });
    const soon = { monotonicMs: 7 + GIVE_UP_GRACE_MS - 1 };
    expect(judge(failure, first.history, MOST, soon).state.kind).to.equal('auth-failed');
    const corrected = judge(failure, first.history, MOST, { ...soon, nowMs: NOW_MS - 1 });
    expect(corrected.history).not.to.have.property('overdueSinceMs');
    const over = judge(failure, first.history, MOST, { monotonicMs: 7 + GIVE_UP_GRACE_MS });
    expect(over.state).to.deep.equal({ kind: 'stopped', reason: 'auth-failed' });
  });

  for (const [failure, kind, attention] of [
    [{ kind: 'oauth', detail: 'invalid_grant' }, 'needs-oauth', 'needs-oauth'],
    [{ kind: 'blocked', detail: 'port 25 is not allowed' }, 'blocked-host', 'none'],
  ] as const) {
    it(`tries no more after ${failure.kind}`, () => {
      const { state } = judge(failure, { failuresInRow: 3 }, 0);
      expect(state).to.deep.equal({ kind, failure });
      expect(waitMsOf(state)).to.equal(Number.POSITIVE_INFINITY);
      expect(attentionOf(state)).to.equal(attention);
    });
  }

  it('keeps since when the password was refused through other failures', () => {
    const history = { failuresInRow: 1, authFailingSinceMs: 5 };
    for (const failure of failures) {
      expect(judge(failure, history, 0).history).to.deep.equal({ ...history, failuresInRow: 2 });
    }
  });

  it('tries a PUT again after half of the ceiling at least', () => {
    const wait = (failuresInRow: number, chance: number) =>
      putRetryMs(failuresInRow, { rules: RULES, random: () => chance });
    expect([wait(1, 0), wait(2, 0), wait(100, 0)]).to.deep.equal([500, 1_000, 30_000]);
    expect([wait(1, MOST), wait(100, MOST)].map(Math.round)).to.deep.equal([1_000, 60_000]);
  });
});
