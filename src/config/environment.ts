import { unreachable } from '../assert.ts';
import { nearestPath } from './did-you-mean.ts';
import { isNamedTables, type KeySchema } from './key-schema.ts';
import type { ConfigProblem } from './problem.ts';
import { CONFIG_KEYS, schemaAt, variableOf } from './schema.ts';
import { isTable, parseTomlValue, type Table } from './toml.ts';

/** As process.env has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'REVEILLE__';
const KEY_OF_VARIABLE = new Map(CONFIG_KEYS.map((key) => [variableOf(key.path), key]));

export interface Overridden {
  /** What the file had, with the overrides in place. */
  readonly table: Table;
  /** Names of overridden keys, `socket.port`, to the variables that did it. */
  readonly variables: ReadonlyMap<string, string>;
  /** Variables that no key has. */
  readonly problems: readonly ConfigProblem[];
}

/** Puts what the variables REVEILLE__… say over what the file says. Values are not validated here. */
export function applyEnvironment(fileTable: Table, env: Environment): Overridden {
  let table = fileTable;
  const variables = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || text === undefined) continue;
    const key = KEY_OF_VARIABLE.get(variable);
    if (key) {
      table = withValue(table, key.path, typedValue(key.schema, text));
      variables.set(key.path.join('.'), variable);
    } else {
      problems.push(unknownVariable(variable));
    }
  }
  return { table, variables, problems };
}

function unknownVariable(variable: string): ConfigProblem {
  const path = variable.slice(PREFIX.length).toLowerCase().split('__');
  const tables = namedTablesAbove(path);
  if (tables !== undefined)
    return { key: variable, expected: `no variable: [${tables}.…] stands in the file alone` };
  const nearest = nearestPath(path);
  const hint = nearest && KEY_OF_VARIABLE.has(variableOf(nearest)) ? variableOf(nearest) : '';
  return {
    key: variable,
    expected: `the variable of a known key${hint === '' ? '' : ` (did you mean ${hint}?)`}`,
  };
}

/** Where `path` leads into tables that the operator names, whose names a variable cannot spell. */
function namedTablesAbove(path: readonly string[]): string | undefined {
  const starts = path.map((_, index) => path.slice(0, index + 1));
  return starts
    .find((start) => {
      const schema = schemaAt(start);
      return schema !== undefined && isNamedTables(schema);
    })
    ?.join('.');
}

/** TOML where it gives what the key needs; else the text itself, so that hosts and paths need no quotes. */
function typedValue(schema: KeySchema, text: string): unknown {
  const value = parseTomlValue(text);
  return isTypeOf(schema, value) ? value : text;
}

function isTypeOf({ type }: KeySchema, value: unknown): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'boolean':
    case 'string':
      return typeof value === type;
    default:
      return unreachable(type);
  }
}

/** Leaves a file that has something else than a table on the way as it is: the validator will refuse that. */
function withValue(table: Table, path: readonly string[], value: unknown): Table {
  const [name = '', ...rest] = path;
  if (rest.length === 0) return { ...table, [name]: value };
  const inner = table[name] ?? {};
  return isTable(inner) ? { ...table, [name]: withValue(inner, rest, value) } : table;
}
