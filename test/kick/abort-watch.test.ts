import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { AbortWatch } from '../../src/kick/abort-watch.ts';

describe('AbortWatch', () => {
  it('tells of every item of the aborted signal, with one listener', () => {
    const { aborted, watch } = openWatch();
    const one = new AbortController();
    const other = new AbortController();
    for (let item = 0; item < 100; item++) watch.add(one.signal, item);
    watch.add(other.signal, 100);
    expect(getEventListeners(one.signal, 'abort')).to.have.length(1);
    one.abort();
    expect(aborted).to.deep.equal(Array.from({ length: 100 }, (_, item) => item));
  });

  it('tells of no item that was removed, and leaves no listener behind', () => {
    const { aborted, watch } = openWatch();
    const { signal } = new AbortController();
    watch.add(signal, 1);
    watch.add(signal, 2);
    watch.remove(signal, 1);
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    watch.remove(signal, 2);
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
    expect(aborted).to.deep.equal([]);
  });

  it('lets an item be removed while it is told of it', () => {
    const controller = new AbortController();
    const aborted: number[] = [];
    const watch = new AbortWatch<number>((item) => {
      watch.remove(controller.signal, item);
      aborted.push(item);
    });
    watch.add(controller.signal, 1);
    watch.add(controller.signal, 2);
    controller.abort();
    expect(aborted).to.deep.equal([1, 2]);
  });
});

function openWatch() {
  const aborted: number[] = [];
  const watch = new AbortWatch<number>((item) => aborted.push(item));
  return { aborted, watch };
}
