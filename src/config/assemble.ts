import { resolve } from 'node:path';
import {
  camelCaseOf,
  isNamedTables,
  type KeySchema,
  type NamedTableSchema,
  type NamedTablesSchema,
  type RequiredTextKey,
  type SectionSchema,
} from './key-schema.ts';
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
  { properties }: SectionSchema | NamedTableSchema,
  table: Table,
  path: readonly string[],
  assembly: Assembly,
): Table {
  const members = Object.entries(properties).map(([name, schema]): [string, unknown] => {
    const value = table[name];
    const memberPath = [...path, name];
    if (schema.type === 'object') {
      const inner = isTable(value) ? value : {};
      const members = isNamedTables(schema)
        ? namedTablesOf(schema, inner, memberPath, assembly)
        : sectionOf(schema, inner, memberPath, assembly);
      return [camelCaseOf(name), members];
    }
    const isUsable = value !== undefined && !assembly.refused.has(memberPath.join('.'));
    return [camelCaseOf(name), usedValue(schema, isUsable ? value : standIn(schema), assembly)];
  });
  return Object.freeze(Object.fromEntries(members));
}

/** The operator's own names stay as they are written. */
function namedTablesOf(
  schema: NamedTablesSchema,
  table: Table,
  path: readonly string[],
  assembly: Assembly,
): Table {
  const tables = Object.entries(table).map(([name, value]): [string, Table] => {
    const inner = isTable(value) ? value : {};
    return [name, sectionOf(schema.additionalProperties, inner, [...path, name], assembly)];
  });
  return Object.freeze(Object.fromEntries(tables));
}

/** A text that must be given is missing only from a config that is refused. */
function standIn(schema: KeySchema | RequiredTextKey): unknown {
  return 'default' in schema ? schema.default : '';
}

function usedValue(
  schema: KeySchema | RequiredTextKey,
  value: unknown,
  { folder }: Assembly,
): unknown {
  if (Array.isArray(value)) return Object.freeze([...value]);
  const isPath = 'format' in schema && schema.format.startsWith('path');
  return isPath && typeof value === 'string' && value !== '' ? resolve(folder, value) : value;
}
