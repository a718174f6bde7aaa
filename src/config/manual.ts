import type { KeySchema, SectionSchema } from './key-schema.ts';
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
# [storage.memcached]. Values are written as in this file; texts need no quotes.
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
    return [headingText(schema, innerPath), ...membersText(schema, innerPath)];
  });
}

function headingText({ description }: SectionSchema, path: readonly string[]): string {
  const rule = `#${'-'.repeat(LINE_CHARACTERS_MAX - 1)}`;
  return [rule, ...commentLines(description), `[${path.join('.')}]`].join('\n');
}

function keyText(name: string, schema: KeySchema): string {
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix))?.[1];
  const bounds = `Value: ${expectedText(schema)}${unit === undefined ? '' : ` (${unit})`}.`;
  return [
    ...commentLines(schema.description),
    ...commentLines(bounds),
    `${name} = ${tomlText(schema.default)}`,
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
