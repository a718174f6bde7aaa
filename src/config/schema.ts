/** All keys of config.toml, and what follows from them. */
import type { KeySchema, SectionSchema, ValueOf } from './key-schema.ts';
import { ENDPOINT } from './sections/endpoint.ts';
import { ADMIN, LOG, SHUTDOWN, START } from './sections/process.ts';
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

/** `socket.port`, `storage.memcached.servers`, … */
export type KeyName = NameIn<(typeof SCHEMA)['properties']>;

/** One key and where it stands. */
export interface ConfigKey {
  /** `['storage', 'memcached', 'servers']` */
  readonly path: readonly string[];
  readonly schema: KeySchema;
}

/** In the order of the manual. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysIn(SCHEMA, []);

function keysIn(section: SectionSchema, above: readonly string[]): readonly ConfigKey[] {
  return Object.entries(section.properties).flatMap(([name, schema]) => {
    const path = [...above, name];
    return schema.type === 'object' ? keysIn(schema, path) : [{ path, schema }];
  });
}

/** The variable that overrides a key: `REVEILLE__SOCKET__PORT`. */
export function variableOf(path: readonly string[]): string {
  return ['reveille', ...path].join('__').toUpperCase();
}

/** The key or section at `path`; undefined when there is none. */
export function schemaAt(path: readonly string[]): KeySchema | SectionSchema | undefined {
  let schema: KeySchema | SectionSchema | undefined = SCHEMA;
  for (const name of path) {
    if (schema?.type !== 'object' || !Object.hasOwn(schema.properties, name)) return undefined;
    schema = schema.properties[name];
  }
  return schema;
}
