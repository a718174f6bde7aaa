import { expect } from 'chai';
import { filesBelow, readPages, readText } from './pages.ts';

/** Where somebody's machine keeps something: no reader has it there. */
const OF_ONE_MACHINE = /(?<![\w.])\/(?:work|tmp|root|home|Users)\/|\bfile:\/\//;
const UNFINISHED = /\b(?:TODO|FIXME|TBD|XXX)\b/;

describe('the pages', () => {
  const texts = [
    ...readPages(),
    ...filesBelow('deploy').map((path) => ({ path, text: readText(path) })),
  ];
  for (const { path, text } of texts) {
    it(`name in ${path} no folder of one machine`, () => {
      expect(OF_ONE_MACHINE.exec(text)?.[0]).to.equal(undefined);
    });

    it(`leave nothing in ${path} unfinished`, () => {
      expect(UNFINISHED.exec(text)?.[0]).to.equal(undefined);
    });
  }
});
