import { expect } from 'chai';
import type { FormatName } from '../../src/config/formats.ts';
import { CONFIG_KEYS } from '../../src/config/schema.ts';
import { newTokenKey } from '../../src/config/token-keys.ts';
import { expectedText, shownText } from '../../src/config/value-text.ts';
import { problemsOf } from './load.ts';

/** Different texts of each format that lists have. */
const ELEMENTS: Partial<Record<FormatName, (index: number) => string>> = {
  origin: (index) => `https://app${index}.example`,
  'server-address': (index) => `cache${index}:11211`,
  'token-key': newTokenKey,
  'ws-url': (index) => `ws://node${index}.example`,
};

describe('bounds', () => {
  for (const { path, schema } of CONFIG_KEYS) {
    const name = path.join('.');
    /** What the schema says of the value; combinations have their own test. */
    const refusals = (value: string) =>
      problemsOf(`${name} = ${value}`).filter(({ expected }) => expected === expectedText(schema));

    if (schema.type === 'integer') {
      for (const limit of [schema.minimum, schema.maximum]) {
        it(`allow ${name} = ${limit}`, () => expect(refusals(`${limit}`)).to.deep.equal([]));
      }
      for (const beyond of [schema.minimum - 1, schema.maximum + 1, schema.minimum + 0.5]) {
        it(`refuse ${name} = ${beyond}`, () => {
          const problem = { key: name, expected: expectedText(schema), found: shownText(beyond) };
          expect(refusals(`${beyond}`)).to.deep.equal([problem]);
        });
      }
    }

    if (schema.type === 'array') {
      const elementOf = ELEMENTS[schema.items.format] ?? String;
      const listOf = (length: number) =>
        JSON.stringify(Array.from({ length }, (_, i) => elementOf(i)));
      it(`allow ${schema.maxItems} elements in ${name}, and no more`, () => {
        expect(problemsOf(`${name} = ${listOf(schema.maxItems)}`)).to.deep.equal([]);
        expect(refusals(listOf(schema.maxItems + 1))).to.have.lengthOf(1);
      });
    }

    if (schema.type === 'string' && 'enum' in schema) {
      for (const choice of schema.enum) {
        it(`allow ${name} = "${choice}"`, () => expect(refusals(`"${choice}"`)).to.deep.equal([]));
      }
      it(`refuse ${name} = ""`, () => expect(refusals('""')).to.have.lengthOf(1));
    }
  }
});
