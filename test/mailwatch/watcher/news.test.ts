import { expect } from 'chai';
import { newsIn } from '../../../src/mailwatch/watcher/look.ts';
import { type Finding, findingOf, nextVersion } from '../../../src/mailwatch/watcher/news.ts';

const at = (uidValidity: number, uidNext: number) => ({ uidValidity, uidNext });

describe('what is news', () => {
  const table: readonly [
    string,
    ReturnType<typeof at> | undefined,
    ReturnType<typeof at>,
    Finding,
  ][] = [
    ['no baseline', undefined, at(7, 5), 'first'],
    ['no baseline, and no mail ever', undefined, at(7, 1), 'first'],
    ['nothing', at(7, 5), at(7, 5), 'nothing'],
    ['one mail', at(7, 5), at(7, 6), 'mail'],
    ['many mails', at(7, 5), at(7, 4_294_967_295), 'mail'],
    ['a mailbox from a backup', at(7, 5), at(7, 4), 'mail'],
    ['a new folder with mail, at the same number', at(7, 5), at(8, 5), 'renewed'],
    ['a new folder with mail, at a lower number', at(7, 5), at(8, 2), 'renewed'],
    ['a folder whose UIDVALIDITY went back', at(7, 5), at(6, 6), 'renewed'],
    ['a new folder that never had mail', at(7, 5), at(8, 1), 'first'],
    ['a folder that never had mail, still', at(7, 1), at(7, 1), 'nothing'],
  ];
  for (const [title, baseline, seen, finding] of table) {
    it(`finds ${finding} at ${title}`, () => {
      const folder = { name: 'INBOX', ...(baseline === undefined ? {} : { baseline }) };
      expect(findingOf(folder, seen)).to.equal(finding);
    });
  }

  const folder = (name: string, baseline?: ReturnType<typeof at>) =>
    baseline === undefined ? { name } : { name, baseline };
  const folders = [folder('INBOX', at(1, 5)), folder('Work'), folder('List', at(3, 1))];
  const seen = (...nexts: readonly number[]) =>
    nexts.map((uidNext, index) => folder('', at(index + 1, uidNext)));
  for (const { nexts, weightiest } of [
    { nexts: [5, 9, 1], weightiest: 'first' },
    { nexts: [6, 9, 1], weightiest: 'news' },
    { nexts: [5, 9, 2], weightiest: 'news' },
  ]) {
    it(`takes the weightiest of all folders: ${weightiest} of ${nexts}`, () => {
      expect(newsIn(folders, seen(...nexts))).to.equal(weightiest);
    });
  }

  it('counts versions up, and not below the time in seconds', () => {
    expect(nextVersion(undefined, 1_800_000_000_999)).to.equal(1_800_000_000);
    expect(nextVersion(5, 1_800_000_000_999)).to.equal(1_800_000_000);
    expect(nextVersion(1_800_000_000, 1_800_000_000_999)).to.equal(1_800_000_001);
    expect(nextVersion(1_900_000_000, 1_800_000_000_999)).to.equal(1_900_000_001);
  });
});
