import { expect } from 'chai';
import { CLOSE_CODES } from '../../src/protocol/close-codes.ts';

describe('close codes', () => {
  it('are those of the protocol', () => {
    expect(CLOSE_CODES).to.deep.equal({
      normal: 1000,
      goingAway: 1001,
      notAnObject: 1003,
      policy: 1008,
      tooLarge: 1009,
      tryAgainLater: 1013,
      replaced: 4000,
      sleep: 4774,
    });
  });

  for (const [cause, code] of Object.entries(CLOSE_CODES)) {
    it(`may stand in a close frame: ${cause}`, () => {
      // RFC 6455, section 7.4: 1004 is reserved, 1005, 1006 and 1015 are never sent, 1016-2999 belong to later RFCs.
      const registered = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
      const ofApplication = code >= 4000 && code <= 4999;
      expect(registered || ofApplication).to.equal(true);
    });
  }

  it('are told apart by their cause', () => {
    const codes = Object.values(CLOSE_CODES);
    expect(new Set(codes).size).to.equal(codes.length);
  });
});
