/** The only file that speaks to smol-toml. */
import { parse, TomlError } from 'smol-toml';
import type { ConfigProblem } from './problem.ts';

/** A TOML table as it was written: nothing in it is validated yet. */
export type Table = Readonly<Record<string, unknown>>;

export type ParsedToml =
  | { readonly ok: true; readonly table: Table }
  | { readonly ok: false; readonly problem: ConfigProblem };

/** Reads a document. `name` is what the problem calls it. */
export function parseToml(text: string, name: string): ParsedToml {
  try {
    return { ok: true, table: parse(text, { integersAsBigInt: 'asNeeded' }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, column } = error;
    // The error's own message shows the lines around, and with them perhaps a secret: only its first line is kept.
    const [what = ''] = error.message.split('\n');
    const problem = { key: `${name}:${line}:${column}`, expected: 'TOML', found: what };
    return { ok: false, problem };
  }
}

/** The value that `text` is in TOML; undefined when it is none. */
export function parseTomlValue(text: string): unknown {
  const document = parseToml(`value = ${text}`, '');
  if (!document.ok) return undefined;
  const { value, ...others } = document.table;
  // A line break in the text could have begun a second key.
  return Object.keys(others).length === 0 ? value : undefined;
}

/** Whether a parsed value is a table: no array, and none of the parser's dates, which are objects too. */
export function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}
