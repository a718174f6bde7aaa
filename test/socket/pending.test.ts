import { expect } from 'chai';
import { heldChannels, pendingOf } from '../../src/socket/pending.ts';
import { newChannel, plain, version } from '../storage/store-fixtures.ts';

describe('pendingOf', () => {
  it('lists what is pending, oldest first, and no other channel', () => {
    const [older, newer, quiet] = [newChannel(), newChannel(), newChannel()];
    const channels = [
      { ...plain(newer), pending: { version: version(1), storedAtMs: 20 } },
      plain(quiet),
      { ...plain(older), pending: { version: version(2), storedAtMs: 10 } },
    ];
    expect(pendingOf(channels)).to.deep.equal([
      { channelId: older, version: 2 },
      { channelId: newer, version: 1 },
    ]);
  });
});

describe('heldChannels', () => {
  it('are those of a known device; of others nothing is known', () => {
    const channels = [plain(newChannel())];
    expect(heldChannels({ kind: 'known', channels })).to.equal(channels);
    expect(heldChannels({ kind: 'unknown' })).to.deep.equal([]);
    expect(heldChannels({ kind: 'untracked' })).to.deep.equal([]);
  });
});
