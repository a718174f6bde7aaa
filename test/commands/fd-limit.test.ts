import { expect } from 'chai';
import { FD_RESERVE, fdLimit, shareDescriptors } from '../../src/commands/fd-limit.ts';

describe('shareDescriptors', () => {
  const wanted = { socketsMax: 5_000, connectionsMax: 1_000 };
  const enough = 6_000 + FD_RESERVE;
  const limits = [
    { limit: Number.POSITIVE_INFINITY, socketsMax: 5_000, connectionsMax: 1_000 },
    { limit: enough, socketsMax: 5_000, connectionsMax: 1_000 },
    { limit: enough - 1, socketsMax: 5_000, connectionsMax: 999 },
    { limit: 4_000, socketsMax: 3_344, connectionsMax: 400 },
    { limit: 1_024, socketsMax: 666, connectionsMax: 102 },
    { limit: FD_RESERVE, socketsMax: 1, connectionsMax: 1 },
  ];
  for (const { limit, ...shares } of limits) {
    it(`allows ${shares.socketsMax} sockets and ${shares.connectionsMax} connections of ${limit}`, () => {
      expect(shareDescriptors(wanted, limit)).to.include(shares);
    });
  }

  it('leaves the rest to sockets that linger', () => {
    expect(shareDescriptors(wanted, 10_000).socketDescriptorsMax).to.equal(9_000 - FD_RESERVE);
  });
});

describe('fdLimit', () => {
  it('knows the limit of this process', () => {
    expect(fdLimit()).to.be.above(FD_RESERVE);
  });
});
