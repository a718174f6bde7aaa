import { expect } from 'chai';
import { filesBelow, readPages, readText } from './pages.ts';

/** Commands and subcommands of ours, by name, and the options of the file that each is in. */
const COMMANDS = new Map(
  filesBelow('src/commands').flatMap((path) => {
    const text = readText(path);
    const names = [...text.matchAll(/createCommand\('([a-z-]+)'/g)];
    const options = [...text.matchAll(/\.(?:requiredOption|option)\(\s*'(--[a-z-]+)/g)];
    return names.map(([, name = '']) => [name, options.map(([, option = '']) => option)] as const);
  }),
);
/** Options without which a command refuses, by the names of commands and their subcommands. */
const REQUIRED = new Map(
  filesBelow('src/commands').flatMap((path) =>
    readText(path)
      .split(/(?=createCommand\(')/)
      .map((text) => {
        const [, name = ''] = /^createCommand\('([a-z-]+)'/.exec(text) ?? [];
        const options = [...text.matchAll(/\.requiredOption\(\s*'(--[a-z-]+)/g)];
        return [name, options.map(([, option = '']) => option)] as const;
      }),
  ),
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
      'mail',
      'mail-gate',
      'mailwatch',
      'queue',
    ]);
    expect(REQUIRED.get('device')).to.deep.equal(['--server']);
    expect(REQUIRED.get('register')).to.include.members(['--endpoint', '--host', '--user']);
  });

  for (const { path, text, fences } of readPages()) {
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
      const wrong = callsIn(text).filter(([command = '', ...rest]) => {
        const options = [command, ...rest].flatMap((word) => COMMANDS.get(word) ?? []);
        const used = rest.filter((word) => word.startsWith('--'));
        return !COMMANDS.has(command) || used.some((option) => !options.includes(option));
      });
      expect(wrong).to.deep.equal([]);
    });

    it(`give in ${path} the options that a command cannot do without`, () => {
      const lines = fences.filter(({ language }) => language === 'sh').map(({ text: sh }) => sh);
      const wrong = lines.flatMap(callsIn).filter((words) => {
        const needed = words.flatMap((word) => REQUIRED.get(word) ?? []);
        return needed.some((option) => !words.includes(option));
      });
      expect(wrong).to.deep.equal([]);
    });
  }

  it('name in CHANGELOG.md every command of the program', () => {
    const commands = [...readText('src/main.ts').matchAll(/^ {2}'?([a-z-]+)'?: async/gm)];
    const changelog = readText('CHANGELOG.md');
    expect(commands.length).to.be.greaterThan(8);
    expect(
      commands.map(([, name = '']) => name).filter((name) => !changelog.includes(`\`${name}\``)),
    ).to.deep.equal([]);
  });

  it('call npm only for what it can do', () => {
    const known = [...OF_NPM, 'run', 'start', 'test'];
    const unknown = readPages()
      .flatMap(({ fences }) => fences.filter(({ language }) => language === 'sh'))
      .flatMap(({ text }) => [...text.matchAll(/\bnpm ([a-z]+)/g)].map(([, word = '']) => word))
      .filter((word) => !known.includes(word));
    expect(unknown).to.deep.equal([]);
  });
});

/** The words of each call of our program, what comes after the script's name; a line that goes on in the next is one. */
function callsIn(text: string): readonly (readonly string[])[] {
  return [...text.replaceAll(/\\\n\s*/g, ' ').matchAll(/node build\/src\/main\.js (.*)/g)].map(
    ([, line = '']) => {
      const [command = ''] = line.split(/[`#>|]/, 1);
      return command.trim().split(/\s+/);
    },
  );
}
