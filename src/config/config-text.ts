/** The way back: a config as the text of a config file, for processes that are given only a part of it. */
import { camelCaseOf, isNamedTables, type PlaceSchema } from './key-schema.ts';
import { type Config, SCHEMA } from './schema.ts';
import { isTable } from './toml.ts';
import { tomlText } from './value-text.ts';

/** `socket`, `endpoint`, … */
export type SectionName = keyof (typeof SCHEMA)['properties'];

/**
 * How much of a section is told. `without-files` replaces the path of every file by NO_FILE where there is one: whoever reads the
 * text knows what is configured, and not where its secrets lie.
 */
export type Share = 'whole' | 'without-files';

/** Can be read on every system we serve, and holds nothing. */
export const NO_FILE = '/dev/null';

/** The text from which loadConfig makes these sections of `config` again; the others are at their defaults then. */
export function configText(
  config: Config,
  shares: Readonly<Partial<Record<SectionName, Share>>>,
): string {
  return Object.entries(shares)
    .flatMap(([name, share]) => {
      const schema: PlaceSchema = SCHEMA.properties[name as SectionName];
      return tableLines(schema, config[name as SectionName], { path: [name], share });
    })
    .concat('')
    .join('\n');
}

interface Place {
  readonly path: readonly string[];
  readonly share: Share;
}

/** TOML wants the keys of a table before the tables in it. */
function tableLines(schema: PlaceSchema, value: unknown, place: Place): readonly string[] {
  if (!isTable(value) || schema.type !== 'object') return [];
  const members = isNamedTables(schema)
    ? Object.entries(value).map(([name, inner]) => member(name, schema.additionalProperties, inner))
    : Object.entries(schema.properties).map(([name, inner]) =>
        member(name, inner, value[camelCaseOf(name)]),
      );
  const keys = members.filter((one) => one.schema.type !== 'object');
  const tables = members.filter((one) => one.schema.type === 'object');
  return [
    `[${place.path.join('.')}]`,
    ...keys.map(
      (one) => `${one.name} = ${tomlText(toldValue(one.schema, one.value, place.share))}`,
    ),
    ...tables.flatMap((one) =>
      tableLines(one.schema, one.value, { ...place, path: [...place.path, one.name] }),
    ),
  ];
}

function member(name: string, schema: PlaceSchema, value: unknown) {
  return { name, schema, value };
}

type Scalar = Parameters<typeof tomlText>[0];

function toldValue(schema: PlaceSchema, value: unknown, share: Share): Scalar {
  const isPath = 'format' in schema && schema.format.startsWith('path');
  return share === 'without-files' && isPath && value !== '' ? NO_FILE : (value as Scalar);
}
