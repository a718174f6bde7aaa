import { expect } from 'chai';
import { filesBelow, readPages, readText } from './pages.ts';

/** Commands of ours, by name, and the options that each takes. */
const COMMANDS = new Map(
  filesBelow('src/commands').flatMap((path) => {
    const text = readText(path);
    const names = [...text.matchAll(/createCommand\('([a-z-]+)'/g)];
    const options = [...text.matchAll(/\.(?:requiredOption|option)\(\s*'(--[a-z-]+)/g)];
    return names.map(([, name = '']) => [name, options.map(([, option = '']) => option)] as const);
  }),
);
/** Understood by npm itself. */
const OF_NPM = ['ci', 'install', 'prune'];

describe('the pages', () => {
  const scripts = Object.keys(JSON.parse(readText('package.json')).scripts);

  it('have commands to look for', () => {
    expect([...COMMANDS.keys()]).to.include.members([
      'start',
      'push',
      'kick',
      'check-config',
      'keys',
      'device',
      'put',
    ]);
  });

  for (const { path, text } of readPages()) {
    it(`name in ${path} only scripts that package.json has`, () => {
      const named = [
        ...[...text.matchAll(/\bnpm run ([a-z:-]+)/g)].map(([, script = '']) => script),
        ...[...text.matchAll(/\bnpm (?!run )([a-z]+)/g)]
          .map(([, script = '']) => script)
          .filter((script) => script === 'start' || script === 'test'),
      ];
      expect(named.filter((script) => !scripts.includes(script))).to.deep.equal([]);
    });

    it(`use in ${path} only commands and options that there are`, () => {
      const wrong = [...text.matchAll(/node build\/src\/main\.js (.*)/g)]
        .map(
          ([, line = '']) =>
            line
              .split(/[`#>|]/, 1)[0]
              ?.trim()
              .split(/\s+/) ?? [],
        )
        .filter(([command = '', ...rest]) => {
          const options = COMMANDS.get(command);
          const used = rest.filter((word) => word.startsWith('--'));
          return options === undefined || used.some((option) => !options.includes(option));
        });
      expect(wrong).to.deep.equal([]);
    });
  }

  it('call npm only for what it can do', () => {
    const known = [...OF_NPM, 'run', 'start', 'test'];
    const unknown = readPages()
      .flatMap(({ fences }) => fences.filter(({ language }) => language === 'sh'))
      .flatMap(({ text }) => [...text.matchAll(/\bnpm ([a-z]+)/g)].map(([, word = '']) => word))
      .filter((word) => !known.includes(word));
    expect(unknown).to.deep.equal([]);
  });
});
