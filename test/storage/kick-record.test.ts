import { expect } from 'chai';
import { connected, decodeKick, encodeKick } from '../../src/storage/kick-record.ts';
import type { KickRecord } from '../../src/storage/store.ts';

const TARGET = { type: 'fcm', token: 'a:token' } as const;
const RECORD: KickRecord = { target: TARGET, givenAtMs: 1, connectedAtMs: 2, wokenAtMs: 3 };

describe('a kick record', () => {
  it('is read as it was written', () => {
    expect(decodeKick(encodeKick(RECORD))).to.deep.equal(RECORD);
    const { wokenAtMs: _, ...unwoken } = RECORD;
    expect(decodeKick(encodeKick(unwoken))).to.deep.equal(unwoken);
    expect(encodeKick(undefined)).to.equal('');
  });

  it('takes a target alone for one that was given long ago', () => {
    expect(decodeKick(JSON.stringify(TARGET))).to.deep.equal({
      target: TARGET,
      givenAtMs: 0,
      connectedAtMs: 0,
    });
  });

  for (const json of [
    '',
    '{',
    '7',
    'null',
    '[]',
    '{}',
    '{"type":"pigeon"}',
    '{"target":{"type":"fcm","token":"x"}}',
    '{"target":{"type":"pigeon"},"givenAtMs":1,"connectedAtMs":1}',
    '{"target":{"type":"fcm","token":"x"},"givenAtMs":"1","connectedAtMs":1}',
  ]) {
    it(`is not ${json || 'nothing'}`, () => {
      expect(decodeKick(json)).to.equal(undefined);
    });
  }

  it('takes the last hello for the last, also when the clock was set back', () => {
    const { next } = connected(1)(RECORD);
    expect(next).to.deep.equal({ ...RECORD, connectedAtMs: 1 });
    expect(connected(2)(RECORD).next).to.equal(undefined);
  });
});
