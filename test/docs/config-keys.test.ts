import { expect } from 'chai';
import { loadConfig } from '../../src/config/config.ts';
import { CONFIG_KEYS, schemaAt, variableOf } from '../../src/config/schema.ts';
import { filesBelow, readPage, readPages, readText, rowsIn, sectionOf } from './pages.ts';

const SECTIONS = [...new Set(CONFIG_KEYS.map(({ path }) => path[0]))].join('|');
const KEY = new RegExp(`\`((?:${SECTIONS})(?:\\.[a-z_]+)+)(?: = [^\`]*)?\``, 'g');
const KEY_WITH_DEFAULT = new RegExp(`\`((?:${SECTIONS})(?:\\.[a-z_]+)+)\` \\(([^)]+)\\)`, 'g');
/** Files of the repository whose names look like keys. */
const FILE_NAME = /\.(?:ts|md|yml|toml)$/;
/** Events of the log are dotted, too. */
const EVENTS = new Set(
  filesBelow('src').flatMap(
    (path) => readText(path).match(/(?<=')[a-z_]+(?:\.[a-z_]+)+(?=')/g) ?? [],
  ),
);
const VARIABLES = new Set(CONFIG_KEYS.map(({ path }) => variableOf(path)));

describe('the pages', () => {
  for (const { path, prose, text, fences } of readPages()) {
    it(`name in ${path} only keys that the config has`, () => {
      const unknown = [...prose.matchAll(KEY)]
        .map(([, name = '']) => name)
        .filter((name) => !FILE_NAME.test(name) && !EVENTS.has(name))
        .filter((name) => schemaAt(name.split('.')) === undefined);
      expect(unknown).to.deep.equal([]);
    });

    it(`name in ${path} only variables that the config has`, () => {
      const named = text.match(/REVEILLE__[A-Z_]+/g) ?? [];
      expect(named.filter((name) => !VARIABLES.has(name))).to.deep.equal([]);
    });

    it(`tell in ${path} the defaults of keys as they are`, () => {
      const wrong = [...prose.matchAll(KEY_WITH_DEFAULT)]
        .map(([, name = '', told = '']) => ({ name, told }))
        .filter(({ told }) => /^[\d`]/.test(told))
        .filter(({ name, told }) => !tells(told, name));
      expect(wrong).to.deep.equal([]);
    });

    for (const { text: snippet } of fences.filter(({ language }) => language === 'toml')) {
      it(`have a valid config in ${path}: ${snippet.split('\n').slice(0, 2).join(' ')}`, () => {
        const loaded = loadConfig({ path: 'config.toml', text: snippet, env: {} });
        expect(loaded.ok ? [] : loaded.problems).to.deep.equal([]);
      });
    }
  }

  it('tell in the README the port of every listener', () => {
    const told = rowsIn(sectionOf(readPage('README.md'), 'Ports')).map(
      ([port = '', section = '']) => `${section} ${port}`,
    );
    const ports = CONFIG_KEYS.filter(({ path }) => path.at(-1) === 'port').map(
      ({ path: [section = ''] }) => {
        const schema = schemaAt([section, 'port']);
        return `\`[${section}]\` ${schema !== undefined && 'default' in schema ? schema.default : ''}`;
      },
    );
    expect(ports.length).to.be.greaterThan(3);
    expect(told).to.include.members(ports);
  });

  it('tell the defaults in the table of limits as they are', () => {
    const { rows } = readPage('protocol.md');
    const told = rows.flatMap(([, key = '', value = '']) => {
      const name = /^`([a-z_.]+)`$/.exec(key)?.[1];
      return name !== undefined && /^\d/.test(value) ? [{ name, value }] : [];
    });
    expect(told.length).to.be.greaterThan(5);
    expect(told.filter(({ name, value }) => !tells(value, name))).to.deep.equal([]);
  });
});

describe('the files to deploy', () => {
  for (const path of filesBelow('deploy')) {
    it(`name in ${path} only variables that the config has`, () => {
      const named = readText(path).match(/REVEILLE__[A-Z_]+/g) ?? [];
      expect(named.filter((name) => !VARIABLES.has(name))).to.deep.equal([]);
    });
  }
});

/** Whether a text like "30 s", "16 KiB", "200,000" or "`/`" says what the default of `name` is. */
function tells(text: string, name: string): boolean {
  const schema = schemaAt(name.split('.'));
  if (schema === undefined || !('default' in schema)) return false;
  if (text.startsWith('`')) return text === `\`${schema.default}\``;
  const [, digits = '', unit = ''] = /^([\d,]+) ?([A-Za-z]*)/.exec(text) ?? [];
  return Number(digits.replaceAll(',', '')) * factorOf(unit, name) === schema.default;
}

function factorOf(unit: string, name: string): number {
  if (unit === 's') return name.endsWith('_ms') ? 1000 : 1;
  return unit === 'KiB' ? 1024 : 1;
}
