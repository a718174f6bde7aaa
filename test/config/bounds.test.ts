import { expect } from 'chai';
import type { FormatName } from '../../src/config/formats.ts';
import { CONFIG_KEYS } from '../../src/config/schema.ts';
import { newTokenKey } from '../../src/config/token-keys.ts';
import { expectedText, shownText } from '../../src/config/value-text.ts';
import { problemsOf } from './load.ts';

describe('integer keys', () => {
  for (const { path, schema } of CONFIG_KEYS) {
    if (schema.type !== 'integer') continue;
    const name = path.join('.');
    for (const limit of [schema.minimum, schema.maximum]) {
      it(`allow ${name} = ${limit}`, () => expect(refusals(name, `${limit}`)).to.deep.equal([]));
    }
    for (const beyond of [schema.minimum - 1, schema.maximum + 1, schema.minimum + 0.5]) {
      it(`refuse ${name} = ${beyond}`, () => {
        const problem = { key: name, expected: expectedText(schema), found: shownText(beyond) };
        expect(refusals(name, `${beyond}`)).to.deep.equal([problem]);
      });
    }
  }
});

describe('lists', () => {
  /** Different texts of each format that lists have. */
  const elements: Partial<Record<FormatName, (index: number) => string>> = {
    'http-url': (index) => `https://push${index}.example/update/`,
    network: (index) => `10.${index >> 8}.${index & 255}.0/24`,
    origin: (index) => `https://app${index}.example`,
    'origin-or-any': (index) => `https://app${index}.example`,
    port: (index) => String(index + 1),
    'server-address': (index) => `cache${index}:11211`,
    'token-key': newTokenKey,
    'ws-url': (index) => `ws://node${index}.example`,
  };
  for (const { path, schema } of CONFIG_KEYS) {
    if (schema.type !== 'array') continue;
    const name = path.join('.');
    const elementOf = elements[schema.items.format] ?? String;
    const listOf = (length: number) =>
      JSON.stringify(Array.from({ length }, (_, index) => elementOf(index)));
    it(`allow ${schema.maxItems} elements in ${name}, and no more`, () => {
      expect(problemsOf(`${name} = ${listOf(schema.maxItems)}`)).to.deep.equal([]);
      expect(refusals(name, listOf(schema.maxItems + 1))).to.have.lengthOf(1);
    });
  }
});

describe('choices', () => {
  for (const { path, schema } of CONFIG_KEYS) {
    if (schema.type !== 'string' || !('enum' in schema)) continue;
    const name = path.join('.');
    for (const choice of schema.enum) {
      it(`allow ${name} = "${choice}"`, () => {
        expect(refusals(name, `"${choice}"`)).to.deep.equal([]);
      });
    }
    it(`refuse ${name} = ""`, () => expect(refusals(name, '""')).to.have.lengthOf(1));
  }
});

/** What the schema says of the value; impossible combinations have their own test. */
function refusals(name: string, value: string) {
  const key = CONFIG_KEYS.find(({ path }) => path.join('.') === name);
  const expected = key && expectedText(key.schema);
  return problemsOf(`${name} = ${value}`).filter((problem) => problem.expected === expected);
}
