import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { renderManual } from '../../src/config/manual.ts';
import { CONFIG_KEYS, SCHEMA, variableOf } from '../../src/config/schema.ts';
import { configOf } from './load.ts';

describe('manual', () => {
  it('is what config.toml says', async () => {
    expect(await readFile('config.toml', 'utf8')).to.equal(renderManual());
  });

  it('says the defaults', () => {
    expect(configOf(renderManual())).to.deep.equal(configOf(''));
  });

  it('says every key', () => {
    const lines = renderManual().split('\n');
    const said = lines.filter((line) => /^[a-z_]+ = /.test(line)).map((line) => line.split(' ')[0]);
    expect(said).to.deep.equal(CONFIG_KEYS.map(({ path }) => path.at(-1)));
  });

  it('fits its lines', () => {
    const tooLong = renderManual()
      .split('\n')
      .filter((line) => line.length > 100);
    expect(tooLong).to.deep.equal([]);
  });

  it('has a variable of its own for every key', () => {
    expect(new Set(CONFIG_KEYS.map(({ path }) => variableOf(path))).size).to.equal(
      CONFIG_KEYS.length,
    );
  });

  it('has keys before tables in every section, as TOML needs it', () => {
    const isTableAt = Object.values(SCHEMA.properties.storage.properties).map(
      ({ type }) => type === 'object',
    );
    expect(isTableAt).to.deep.equal([...isTableAt].sort());
  });
});
