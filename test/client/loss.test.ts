import { expect } from 'chai';
import {
  afterLoss,
  GOING_AWAY_WAIT_MS_MIN,
  type Loss,
  lossInWords,
  TRY_LATER_WAIT_MS_MIN,
} from '../../src/client/loss.ts';

const RETRY = { kind: 'retry', atLeastMs: 0 };

describe('client/loss', () => {
  const closes = [
    { code: 1000, after: RETRY },
    { code: 1001, after: { kind: 'retry', atLeastMs: GOING_AWAY_WAIT_MS_MIN } },
    { code: 1003, after: RETRY },
    { code: 1006, after: RETRY },
    { code: 1008, after: RETRY },
    { code: 1009, after: RETRY },
    { code: 1013, after: { kind: 'retry', atLeastMs: TRY_LATER_WAIT_MS_MIN } },
    { code: 4000, after: { kind: 'stop', reason: 'replaced' } },
    { code: 4774, after: { kind: 'stop', reason: 'asleep' } },
    { code: 4999, after: RETRY },
  ];
  for (const { code, after } of closes) {
    it(`is followed by ${JSON.stringify(after)} for close code ${code}`, () => {
      expect(afterLoss({ kind: 'closed', code, reason: '' })).to.deep.equal(after);
    });
  }

  const losses: readonly { loss: Loss; atLeastMs: number; words: string }[] = [
    {
      loss: { kind: 'closed', code: 1001, reason: '' },
      atLeastMs: GOING_AWAY_WAIT_MS_MIN,
      words: 'the connection was closed with 1001',
    },
    {
      loss: { kind: 'closed', code: 1008, reason: 'too fast' },
      atLeastMs: 0,
      words: 'the connection was closed with 1008: too fast',
    },
    {
      loss: { kind: 'failed', reason: 'connect ECONNREFUSED' },
      atLeastMs: 0,
      words: 'the connection failed: connect ECONNREFUSED',
    },
    {
      loss: { kind: 'silent', waitedMs: 10_000 },
      atLeastMs: 0,
      words: 'nothing came from the server within 10 s',
    },
    {
      loss: { kind: 'malformed', reason: 'a frame was not JSON' },
      atLeastMs: 0,
      words: 'the server did not speak SimplePush: a frame was not JSON',
    },
    {
      loss: { kind: 'refused', status: 429, reason: '' },
      atLeastMs: TRY_LATER_WAIT_MS_MIN,
      words: 'the server answered hello with 429',
    },
    {
      loss: { kind: 'redirects', hopsMax: 3 },
      atLeastMs: 0,
      words: 'the server redirected more than 3 times',
    },
  ];
  for (const { loss, atLeastMs, words } of losses) {
    it(`says "${words}" and waits at least ${atLeastMs} ms`, () => {
      expect(lossInWords(loss)).to.equal(words);
      expect(afterLoss(loss)).to.deep.equal({ kind: 'retry', atLeastMs });
    });
  }
});
