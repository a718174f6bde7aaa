/** Config values as text: as TOML writes them, and as problems show them. */
import { unreachable } from '../assert.ts';
import { FORMATS } from './formats.ts';
import { isNamedTables, type PlaceSchema } from './key-schema.ts';
import { isTable } from './toml.ts';

const SHOWN_CHARACTERS_MAX = 100;

/** In TOML. */
export function tomlText(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'number') return numberText(value);
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
  return JSON.stringify(value);
}

/** What was found in place of what was expected: short, in one line. */
export function shownText(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isTable(value)) return 'a table';
  if (value instanceof Date) return 'a date';
  if (typeof value === 'number' || typeof value === 'bigint') return numberText(value);
  // A URL's user and password are nobody's to read in a log.
  const text =
    typeof value === 'string' ? JSON.stringify(value.replace(/\/\/[^/]*@/, '//…@')) : String(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

/** What the schema allows; completes the sentence "expected …". */
export function expectedText(schema: PlaceSchema): string {
  switch (schema.type) {
    case 'object':
      return isNamedTables(schema) ? `at most ${schema.maxProperties} tables` : 'a table';
    case 'boolean':
      return 'true or false';
    case 'integer':
      return schema.minimum === schema.maximum
        ? `${schema.minimum}`
        : `an integer from ${numberText(schema.minimum)} to ${numberText(schema.maximum)}`;
    case 'array':
      return `a list of at most ${schema.maxItems} different texts, each ${FORMATS[schema.items.format].expected}`;
    case 'string':
      return 'enum' in schema ? choiceText(schema.enum) : FORMATS[schema.format].expected;
    default:
      return unreachable(schema);
  }
}

/** TOML allows underscores; from five digits on they spare the reader counting. */
function numberText(value: number | bigint): string {
  const text = String(value);
  return /^-?[0-9]{5,}$/.test(text) ? text.replace(/\B(?=(?:[0-9]{3})+$)/g, '_') : text;
}

function choiceText(choices: readonly string[]): string {
  const quoted = choices.map((choice) => JSON.stringify(choice));
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
