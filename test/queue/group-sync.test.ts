import { expect } from 'chai';
import { GroupSync } from '../../src/queue/spool/group-sync.ts';
import { outcomeOf } from './kick-fixtures.ts';

describe('a group sync', () => {
  /** Syncs that the test ends. */
  const endings: { resolve(): void; reject(error: Error): void }[] = [];
  const newGroup = () => {
    endings.length = 0;
    return new GroupSync(
      () =>
        new Promise((resolve, reject) => {
          endings.push({ resolve, reject });
        }),
    );
  };

  it('is one for all who come while another is out, and begins after they came', async () => {
    const group = newGroup();
    const first = group.wait();
    let answered = 0;
    const others = Array.from({ length: 10 }, () =>
      group.wait().then(() => {
        answered += 1;
      }),
    );
    expect(endings).to.have.lengthOf(1);
    endings[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    expect([endings.length, answered]).to.deep.equal([2, 0]);
    endings[1]?.resolve();
    await Promise.all(others);
    expect(endings).to.have.lengthOf(2);
  });

  it('that fails has failed for its group alone', async () => {
    const group = newGroup();
    const first = outcomeOf(group.wait());
    const second = outcomeOf(group.wait());
    endings[0]?.reject(new Error('no'));
    expect(String(await first)).to.equal('Error: no');
    await new Promise(setImmediate);
    endings[1]?.resolve();
    expect(await second).to.equal(undefined);
  });
});
