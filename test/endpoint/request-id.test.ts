import { expect } from 'chai';
import { createRequestIds } from '../../src/endpoint/request-id.ts';

const DASHED = '0f9c1ab2-5f0e-4b7d-8a44-3d1f6a0c9e21';
const PLAIN = DASHED.replaceAll('-', '');
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Ids that have their random digits in common. */
const NUMBERED = 0x1_0000;

describe('createRequestIds', () => {
  it("keeps the caller's id when it is a UUID", () => {
    const offered = '1ec9414c-232a-6b00-b3c8-9f6bdeced846';
    expect(createRequestIds()(offered)).to.equal(offered);
  });

  for (const offered of ['', 'abc', PLAIN, `${DASHED}\r\nX-Evil: 1`]) {
    it(`makes a new one instead of ${JSON.stringify(offered)}`, () => {
      const requestIdOf = createRequestIds();
      const made = requestIdOf(offered);
      expect(made).to.match(UUID_V4);
      expect(requestIdOf(offered)).to.not.equal(made);
    });
  }

  it('makes each id once, also beyond those that have their random digits in common', () => {
    const requestIdOf = createRequestIds();
    const made = new Set(Array.from({ length: 2 * NUMBERED + 1 }, () => requestIdOf('')));
    expect(made.size).to.equal(2 * NUMBERED + 1);
    expect([...made].filter((id) => !UUID_V4.test(id))).to.deep.equal([]);
    expect(new Set([...made].map((id) => id.slice(0, -4))).size).to.equal(3);
  });

  it('makes others for each listener', () => {
    expect(createRequestIds()('').slice(0, -4)).to.not.equal(createRequestIds()('').slice(0, -4));
  });
});
