import { expect } from 'chai';
import { requestIdOf } from '../../src/endpoint/request-id.ts';

const DASHED = '0f9c1ab2-5f0e-4b7d-8a44-3d1f6a0c9e21';
const PLAIN = DASHED.replaceAll('-', '');

describe('requestIdOf', () => {
  it("keeps the caller's id when it is a UUID", () => {
    const offered = '1ec9414c-232a-6b00-b3c8-9f6bdeced846';
    expect(requestIdOf(offered)).to.equal(offered);
  });

  for (const offered of ['', 'abc', PLAIN, `${DASHED}\r\nX-Evil: 1`]) {
    it(`makes a new one instead of ${JSON.stringify(offered)}`, () => {
      const made = requestIdOf(offered);
      expect(made).to.match(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(requestIdOf(offered)).to.not.equal(made);
    });
  }
});
