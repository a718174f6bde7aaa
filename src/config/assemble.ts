import { resolve } from 'node:path';
import { camelCaseOf, type KeySchema, type SectionSchema } from './key-schema.ts';
import { type Config, SCHEMA } from './schema.ts';
import { isTable, type Table } from './toml.ts';

export interface Assembly {
  /** Names of keys (`socket.port`) whose values are not to be used: their defaults stand in for them. */
  readonly refused: ReadonlySet<string>;
  /** What relative paths are relative to. */
  readonly folder: string;
}

/** The config of a validated table. What the validator refused must be in `refused`. */
export function assemble(table: Table, assembly: Assembly): Config {
  return sectionOf(SCHEMA, table, [], assembly) as Config;
}

function sectionOf(
  { properties }: SectionSchema,
  table: Table,
  path: readonly string[],
  assembly: Assembly,
): Table {
  const members = Object.entries(properties).map(([name, schema]): [string, unknown] => {
    const value = table[name];
    const memberPath = [...path, name];
    if (schema.type === 'object') {
      const inner = isTable(value) ? value : {};
      return [camelCaseOf(name), sectionOf(schema, inner, memberPath, assembly)];
    }
    const isUsable = value !== undefined && !assembly.refused.has(memberPath.join('.'));
    return [camelCaseOf(name), usedValue(schema, isUsable ? value : schema.default, assembly)];
  });
  return Object.freeze(Object.fromEntries(members));
}

function usedValue(schema: KeySchema, value: unknown, { folder }: Assembly): unknown {
  if (Array.isArray(value)) return Object.freeze([...value]);
  const isPath = 'format' in schema && schema.format.startsWith('path');
  return isPath && typeof value === 'string' && value !== '' ? resolve(folder, value) : value;
}
