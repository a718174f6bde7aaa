import { expect } from 'chai';
import { RecentMap } from '../../../src/storage/memcached/recent.ts';

const ENTRIES_MAX = 10;

describe('RecentMap', () => {
  let map: RecentMap<number>;
  beforeEach(() => {
    map = new RecentMap(ENTRIES_MAX);
  });

  const fill = (first: number, count: number) => {
    for (let key = first; key < first + count; key += 1) map.set(String(key), key);
  };

  it('keeps the last half of its entries', () => {
    fill(0, 100);
    for (let key = 95; key < 100; key += 1) expect(map.get(String(key))).to.equal(key);
  });

  it('holds as many entries as it may and never one more', () => {
    for (let key = 0; key < 1000; key += 1) {
      map.set(String(key), key);
      map.get(String(key - 7));
      expect(map.size).to.be.at.most(ENTRIES_MAX);
    }
  });

  it('forgets what is not used', () => {
    fill(0, ENTRIES_MAX);
    fill(ENTRIES_MAX, ENTRIES_MAX);
    expect(map.get('0')).to.equal(undefined);
  });

  it('keeps what is used', () => {
    map.set('kept', 1);
    for (let key = 0; key < 100; key += 1) {
      map.set(String(key), key);
      expect(map.get('kept')).to.equal(1);
    }
  });

  it('takes a new value for a key it has', () => {
    map.set('key', 1);
    fill(0, ENTRIES_MAX / 2);
    map.set('key', 2);
    fill(100, 1);
    expect(map.get('key')).to.equal(2);
  });
});
