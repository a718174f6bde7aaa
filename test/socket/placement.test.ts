import { expect } from 'chai';
import { createPlacement } from '../../src/socket/placement.ts';

describe('placement', () => {
  const places = [
    { connected: 1, devicesMax: 2, overflowUrls: ['ws://b.test/'], kind: 'here' },
    { connected: 2, devicesMax: 2, overflowUrls: ['ws://b.test/'], kind: 'elsewhere' },
    { connected: 2, devicesMax: 2, overflowUrls: [], kind: 'full' },
    { connected: 0, devicesMax: 0, overflowUrls: ['ws://b.test/'], kind: 'elsewhere' },
    { connected: 0, devicesMax: 0, overflowUrls: [], kind: 'full' },
  ];
  for (const { connected, devicesMax, overflowUrls, kind } of places) {
    it(`with ${connected} of ${devicesMax} devices and ${overflowUrls.length} other nodes is ${kind}`, () => {
      const place = createPlacement({
        connectedDevices: () => connected,
        devicesMax,
        overflowUrls,
      });
      expect(place().kind).to.equal(kind);
    });
  }

  it('sends to each of the other nodes in the long run', () => {
    const overflowUrls = ['ws://b.test/', 'ws://c.test/', 'ws://d.test/'];
    const place = createPlacement({ connectedDevices: () => 0, devicesMax: 0, overflowUrls });
    // The chance that one of three is missing after 200 is 1 in 10^35.
    const urls = Array.from({ length: 200 }, () => {
      const placed = place();
      return placed.kind === 'elsewhere' ? placed.url : undefined;
    });
    expect([...new Set(urls)]).to.have.members(overflowUrls);
  });
});
