import {
  isNamedTables,
  type KeySchema,
  type NamedTablesSchema,
  type RequiredTextKey,
  type SectionSchema,
} from './key-schema.ts';
import { SCHEMA } from './schema.ts';
import { expectedText, tomlText } from './value-text.ts';

const LINE_CHARACTERS_MAX = 100;

const PREFACE = `
# The config of Reveille, and its manual: every key stands here with its default.
#
# The server reads config.toml in the folder it is started in, or the file that --config names. The
# file needs only those keys that differ from their defaults. Relative paths are relative to its
# folder.
#
# Every key can be overridden by an environment variable: REVEILLE__SOCKET__PORT=9000 is port in
# [socket], REVEILLE__STORAGE__MEMCACHED__SERVERS='["10.0.0.1:11211"]' is servers in
# [storage.memcached]. Values are written as in this file; texts need no quotes. Tables that you
# name yourself, such as [kick.apns.apps.chat], stand in the file alone.
#
# Unknown keys, wrong values and impossible combinations are refused, all of them at once:
#
#     node build/src/main.js check-config --config config.toml
#
# This text is made from the descriptions in src/config/sections; after changing one of those, run
# node build/src/main.js check-config --print-defaults > config.toml
`.trim();

/** A suffix of a key's name, and the unit it stands for. */
const UNITS = [
  ['_per_second_max', 'a second'],
  ['_bytes_max', 'bytes'],
  ['_ms', 'milliseconds'],
  ['_secs', 'seconds'],
  ['_days', 'days'],
] as const;

/** The text of config.toml: every key with its meaning, its bounds and its default. */
export function renderManual(): string {
  return `${[PREFACE, ...membersText(SCHEMA, [])].join('\n\n')}\n`;
}

/** TOML wants the keys of a table before the tables in it; the schema lists them in that order. */
function membersText(section: SectionSchema, path: readonly string[]): readonly string[] {
  return Object.entries(section.properties).flatMap(([name, schema]) => {
    if (schema.type !== 'object') return [keyText(name, schema)];
    const innerPath = [...path, name];
    if (isNamedTables(schema)) return exampleText(schema, innerPath);
    return [headingText(schema.description, innerPath), ...membersText(schema, innerPath)];
  });
}

/** One table with a name made up, commented out: `#` before what TOML would read, `# ` before what is for people. */
function exampleText(
  { description, examples, maxProperties, additionalProperties: form }: NamedTablesSchema,
  path: readonly string[],
): readonly string[] {
  const [name] = examples;
  const heading = headingText(
    `${description} At most ${maxProperties}; a name has 1 to 32 small letters, digits and dashes. ${form.description}`,
    [...path, name],
    '#',
  );
  const keys = Object.entries(form.properties).map(([key, schema]) => keyText(key, schema, '#'));
  return [heading, ...keys];
}

function headingText(description: string, path: readonly string[], mark = ''): string {
  const rule = `#${'-'.repeat(LINE_CHARACTERS_MAX - 1)}`;
  return [rule, ...commentLines(description), `${mark}[${path.join('.')}]`].join('\n');
}

function keyText(name: string, schema: KeySchema | RequiredTextKey, mark = ''): string {
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix))?.[1];
  const bounds = `Value: ${expectedText(schema)}${unit === undefined ? '' : ` (${unit})`}.`;
  const need = 'default' in schema ? '' : ' Must be given; here is an example.';
  const shown = 'default' in schema ? schema.default : schema.examples[0];
  return [
    ...commentLines(schema.description),
    ...commentLines(`${bounds}${need}`),
    `${mark}${name} = ${tomlText(shown)}`,
  ].join('\n');
}

function commentLines(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.trim().split(/\s+/)) {
    if (line.length + 1 + word.length > LINE_CHARACTERS_MAX) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
