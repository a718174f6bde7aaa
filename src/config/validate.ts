/** The only file that speaks to Ajv. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { nearestPath } from './did-you-mean.ts';
import { FORMATS } from './formats.ts';
import { isNamedTables, type PlaceSchema } from './key-schema.ts';
import type { ConfigProblem } from './problem.ts';
import { SCHEMA, schemaAt } from './schema.ts';
import { isTable, type Table } from './toml.ts';
import { expectedText, shownText } from './value-text.ts';

/** A key that the schema refuses. */
export interface Finding {
  /** `socket.port`; of a list that has a bad element, the list. */
  readonly name: string;
  readonly problem: ConfigProblem;
}

const isValid = compileSchema();

/** What the schema refuses in `table`, once for each key. `variables` names those that an override has set. */
export function validate(table: Table, variables: ReadonlyMap<string, string>): readonly Finding[] {
  if (isValid(table)) return [];
  const findings = new Map<string, Finding>();
  for (const error of isValid.errors ?? []) {
    const path = pathOf(error);
    const place = path.join('.');
    // A value may break several rules; what was expected of it is said once.
    if (!findings.has(place)) findings.set(place, findingAt(path, table, variables));
  }
  return [...findings.values()];
}

function compileSchema(): ValidateFunction {
  const ajv = new Ajv({ allErrors: true });
  for (const [name, { isMetBy }] of Object.entries(FORMATS)) ajv.addFormat(name, isMetBy);
  return ajv.compile(SCHEMA);
}

function pathOf({ instancePath, params, propertyName }: ErrorObject): readonly string[] {
  // Empty at the root; else /one/two with the escapes of JSON Pointer (RFC 6901).
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const member: unknown =
    params['additionalProperty'] ??
    params['missingProperty'] ??
    params['propertyName'] ??
    propertyName;
  return typeof member === 'string' ? [...path, member] : path;
}

function findingAt(
  path: readonly string[],
  table: Table,
  variables: ReadonlyMap<string, string>,
): Finding {
  const above = schemaAt(path.slice(0, -1));
  if (above && isNamedTables(above) && !isTableName(path.at(-1))) return badTableName(path);
  const list = above?.type === 'array' ? above : undefined;
  const schema = list ?? schemaAt(path);
  if (!schema) return unknownKey(path);
  const name = (list ? path.slice(0, -1) : path).join('.');
  const problem = {
    key: `${variables.get(name) ?? name}${list ? `[${path.at(-1)}]` : ''}`,
    expected: list ? FORMATS[list.items.format].expected : expectedText(schema),
    ...(mayBeShown(schema) ? { found: shownText(valueAt(table, path)) } : {}),
  };
  return { name, problem };
}

function unknownKey(path: readonly string[]): Finding {
  const name = path.join('.');
  const nearest = nearestPath(path)?.join('.');
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  return { name, problem: { key: name, expected: `a known key${hint}` } };
}

function isTableName(name: string | undefined): boolean {
  return name !== undefined && FORMATS['table-name'].isMetBy(name);
}

function badTableName(path: readonly string[]): Finding {
  const name = path.join('.');
  return { name, problem: { key: name, expected: FORMATS['table-name'].expected } };
}

/** What stands where a section should be may hold anything, secrets too. */
function mayBeShown(schema: PlaceSchema): boolean {
  return schema.type !== 'object' && !(schema.type === 'array' && schema.writeOnly);
}

function valueAt(table: Table, path: readonly string[]): unknown {
  let value: unknown = table;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isTable(value) ? value[part] : undefined;
  }
  return value;
}
