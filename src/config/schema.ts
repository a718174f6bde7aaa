/** All keys of config.toml, and what follows from them. */
import {
  isNamedTables,
  type KeySchema,
  type PlaceSchema,
  type SectionSchema,
  type ValueOf,
} from './key-schema.ts';
import { ENDPOINT } from './sections/endpoint.ts';
import { KICK } from './sections/kick.ts';
import { MAIL_GATE } from './sections/mailgate.ts';
import { MAILWATCH } from './sections/mailwatch.ts';
import { ADMIN, LOG, SHUTDOWN, START } from './sections/process.ts';
import { QUEUE } from './sections/queue.ts';
import { SOCKET } from './sections/socket.ts';
import { STORAGE } from './sections/storage.ts';
import { TOKENS } from './sections/tokens.ts';

export const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  description: 'The whole config.',
  properties: {
    socket: SOCKET,
    endpoint: ENDPOINT,
    tokens: TOKENS,
    storage: STORAGE,
    kick: KICK,
    queue: QUEUE,
    mailgate: MAIL_GATE,
    mailwatch: MAILWATCH,
    admin: ADMIN,
    log: LOG,
    shutdown: SHUTDOWN,
    start: START,
  },
} as const satisfies SectionSchema;

/** The validated config: complete, deep-frozen, paths absolute, members in camelCase. */
export type Config = ValueOf<typeof SCHEMA>;

type NameIn<Properties, Prefix extends string = ''> = {
  [Name in keyof Properties & string]: Properties[Name] extends { properties: infer Inner }
    ? NameIn<Inner, `${Prefix}${Name}.`>
    : `${Prefix}${Name}`;
}[keyof Properties & string];

/** `socket.port`, `storage.memcached.servers`, …; of tables that the operator names, what stands above the names: `kick.apns.apps`. */
export type KeyName = NameIn<(typeof SCHEMA)['properties']>;

/** One key and where it stands. */
export interface ConfigKey {
  /** `['storage', 'memcached', 'servers']` */
  readonly path: readonly string[];
  readonly schema: KeySchema;
}

/** In the order of the manual; without those of tables that the operator names. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysIn(SCHEMA, []);

function keysIn(section: SectionSchema, above: readonly string[]): readonly ConfigKey[] {
  return Object.entries(section.properties).flatMap(([name, schema]) => {
    const path = [...above, name];
    if (isNamedTables(schema)) return [];
    return schema.type === 'object' ? keysIn(schema, path) : [{ path, schema }];
  });
}

/** The variable that overrides a key: `REVEILLE__SOCKET__PORT`. */
export function variableOf(path: readonly string[]): string {
  return ['reveille', ...path].join('__').toUpperCase();
}

/** The key or section at `path`; undefined when there is none. Below named tables any name leads to their form. */
export function schemaAt(path: readonly string[]): PlaceSchema | undefined {
  let schema: PlaceSchema | undefined = SCHEMA;
  for (const name of path) {
    if (schema?.type !== 'object') return undefined;
    schema = memberOf(schema, name);
  }
  return schema;
}

function memberOf(
  table: PlaceSchema & { readonly type: 'object' },
  name: string,
): PlaceSchema | undefined {
  if (isNamedTables(table)) return table.additionalProperties;
  return Object.hasOwn(table.properties, name) ? table.properties[name] : undefined;
}
