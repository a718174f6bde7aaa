import { posix } from 'node:path';
import { expect } from 'chai';
import {
  anchorOf,
  filesBelow,
  isThere,
  type Page,
  readPage,
  readPages,
  readText,
} from './pages.ts';

const LINK = /\]\(([^)\s]+)\)/g;
/** Files of ours, as the pages about the code name them. */
const SOURCE_PATH = /`((?:[a-z0-9-]+\/)+[a-z0-9-]+\.(?:ts|mjs|md|toml|yml|service))`/g;
/** Named as places for what comes later. */
const LATER = ['queue/queue.ts'];

describe('the pages', () => {
  for (const page of readPages()) {
    it(`link from ${page.path} only to what is there`, () => {
      expect(brokenLinks(page)).to.deep.equal([]);
    });

    it(`name in ${page.path} only files that are there`, () => {
      const missing = [...page.prose.matchAll(SOURCE_PATH)]
        .map(([, path = '']) => path)
        .filter((path) => !LATER.includes(path))
        .filter((path) => !isThere(path) && !isThere(`src/${path}`));
      expect(missing).to.deep.equal([]);
    });
  }
});

describe('the programs in the pages', () => {
  const { exports } = JSON.parse(readText('package.json'));
  for (const { path, text } of readPages()) {
    it(`import in ${path} only what there is`, () => {
      const imported = [...text.matchAll(/\bfrom '\.\/build\/([^']+)\.js'/g)].map(
        ([, module = '']) => `${module}.ts`,
      );
      expect(imported.filter((module) => !isThere(module))).to.deep.equal([]);
      const named = [...text.matchAll(/[`']reveille(\/[a-z/-]+)[`']/g)].map(
        ([, name = '']) => `.${name}`,
      );
      expect(named.filter((name) => exports[name] === undefined)).to.deep.equal([]);
    });
  }
});

describe('the code', () => {
  it('refers only to sections that protocol.md has', () => {
    const { headings } = readPage('protocol.md');
    const missing = sources()
      .flatMap(({ path, text }) =>
        [...text.matchAll(/protocol\.md, ("[^"]+"(?: and "[^"]+")*)/g)].flatMap(([, names = '']) =>
          [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ path, name })),
        ),
      )
      .filter(({ name }) => !headings.includes(name));
    expect(missing).to.deep.equal([]);
  });

  it('refers only to pages that are there', () => {
    const missing = sources().flatMap(({ path, text }) =>
      [...text.matchAll(/docs\/ ?[a-z-]+(?:\/ ?[a-z-]+)*\.md/g)]
        .map(([page]) => page.replaceAll(' ', ''))
        .filter((page) => !isThere(page))
        .map((page) => `${path} -> ${page}`),
    );
    expect(missing).to.deep.equal([]);
  });
});

/** Source files, with comments that run over several lines brought onto one. */
function sources(): readonly { path: string; text: string }[] {
  return filesBelow('src').map((path) => ({
    path,
    text: readText(path).replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, ' '),
  }));
}

function brokenLinks(page: Page): readonly string[] {
  return [...page.prose.matchAll(LINK)]
    .map(([, target = '']) => target)
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? page.path : posix.join(posix.dirname(page.path), file);
      if (!isThere(path)) return true;
      if (anchor === undefined) return false;
      return !path.endsWith('.md') || !readPage(path).headings.map(anchorOf).includes(anchor);
    });
}
