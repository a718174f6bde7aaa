import { expect } from 'chai';
import { createTokenCache } from '../../src/endpoint/token-cache.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import type { TokenContent } from '../../src/protocol/token.ts';
import { newChannel, newDevice } from '../storage/store-fixtures.ts';

describe('createTokenCache', () => {
  const content: TokenContent = { deviceId: newDevice(), channelId: newChannel() };
  let metrics: Metrics;
  let opened: string[];

  beforeEach(() => {
    metrics = createMetrics();
    opened = [];
  });

  /** Tokens that begin with "bad" do not open. */
  const cacheOf = (entriesMax: number) => {
    const open = (token: string) => {
      opened.push(token);
      return token.startsWith('bad') ? undefined : content;
    };
    return createTokenCache({ open }, { entriesMax, metrics });
  };

  it('opens a token once', () => {
    const openToken = cacheOf(4);
    expect([openToken('a'), openToken('a'), openToken('a')]).to.deep.equal([
      content,
      content,
      content,
    ]);
    expect(opened).to.deep.equal(['a']);
    expect([metrics.tokenCacheMisses.count, metrics.tokenCacheHits.count]).to.deep.equal([1, 2]);
  });

  it('remembers none that does not open', () => {
    const openToken = cacheOf(4);
    expect([openToken('bad'), openToken('bad')]).to.deep.equal([undefined, undefined]);
    expect(opened).to.deep.equal(['bad', 'bad']);
  });

  it('remembers as many as it may', () => {
    for (const again of ['a', 'b', 'c', 'd']) {
      const openToken = cacheOf(4);
      opened = [];
      for (const token of ['a', 'b', 'c', 'd', again]) openToken(token);
      expect(opened).to.deep.equal(['a', 'b', 'c', 'd']);
    }
    expect(metrics.tokenCacheHits.count).to.equal(4);
  });

  it('keeps what is used, however many others come', () => {
    const openToken = cacheOf(4);
    for (const token of ['a', 'b', 'a', 'c', 'a', 'd', 'a', 'e', 'a']) openToken(token);
    expect(opened).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
  });

  it('forgets the oldest when there are more', () => {
    const openToken = cacheOf(4);
    for (const token of ['a', 'b', 'c', 'd', 'e', 'd', 'a']) openToken(token);
    expect(opened).to.deep.equal(['a', 'b', 'c', 'd', 'e', 'a']);
  });

  it('remembers nothing when it may not', () => {
    const openToken = cacheOf(0);
    openToken('a');
    openToken('a');
    expect(opened).to.deep.equal(['a', 'a']);
  });
});
