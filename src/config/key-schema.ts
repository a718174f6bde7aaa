/**
 * The form in which config keys are described: JSON Schema, narrowed to what this project uses, so that one description serves the
 * validator, the types, the manual and the messages.
 */
import type { FormatName } from './formats.ts';

interface Described {
  /** What the key does, when to change it, why the default is what it is. Line breaks and indents mean nothing. */
  readonly description: string;
}

/** A switch. */
export interface BooleanKey extends Described {
  readonly type: 'boolean';
  readonly default: boolean;
}

/** A count or a duration: its name ends in the unit, the bounds are inclusive. */
export interface IntegerKey extends Described {
  readonly type: 'integer';
  readonly minimum: number;
  readonly maximum: number;
  readonly default: number;
}

/** One of a few words. */
export interface ChoiceKey extends Described {
  readonly type: 'string';
  readonly enum: readonly string[];
  readonly default: string;
}

/** A text that formats.ts has a form for. */
export interface TextKey extends Described {
  readonly type: 'string';
  readonly format: FormatName;
  readonly default: string;
}

/** Texts of one form, none of them twice. */
export interface ListKey extends Described {
  readonly type: 'array';
  readonly items: { readonly type: 'string'; readonly format: FormatName };
  readonly uniqueItems: true;
  readonly maxItems: number;
  readonly default: readonly string[];
  /** JSON Schema's mark for secrets: such a value goes in and is never shown again. */
  readonly writeOnly?: true;
}

/** A text that has no default: whoever writes the table must say it. Stands in named tables alone, and in their `required`. */
export interface RequiredTextKey extends Described {
  readonly type: 'string';
  readonly format: FormatName;
  /** What the manual shows in place of a default. */
  readonly examples: readonly [string];
}

/** One key of config.toml. */
export type KeySchema = BooleanKey | IntegerKey | ChoiceKey | TextKey | ListKey;

/** A TOML table. */
export interface SectionSchema extends Described {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Readonly<Record<string, KeySchema | SectionSchema | NamedTablesSchema>>;
}

/** What each table of a NamedTablesSchema holds. */
export interface NamedTableSchema extends Described {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, KeySchema | RequiredTextKey>>;
}

/** Tables of one form that the operator names: `[kick.apns.apps.chat]`. They are written in the file alone: no variable sets them. */
export interface NamedTablesSchema extends Described {
  readonly type: 'object';
  readonly propertyNames: { readonly type: 'string'; readonly format: 'table-name' };
  readonly maxProperties: number;
  readonly additionalProperties: NamedTableSchema;
  /** A name for the manual's example. */
  readonly examples: readonly [string];
}

/** A place in config.toml: a key, or a table of one kind or another. */
export type PlaceSchema =
  | KeySchema
  | RequiredTextKey
  | SectionSchema
  | NamedTableSchema
  | NamedTablesSchema;

/** Whether the operator names the tables in it. */
export function isNamedTables(schema: PlaceSchema): schema is NamedTablesSchema {
  return 'propertyNames' in schema;
}

/** `send_buffer_bytes_max` to `sendBufferBytesMax`, as `camelCaseOf` does it with values. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The type of what a schema allows, its members in camelCase. */
export type ValueOf<Schema> = Schema extends { properties: infer Keys }
  ? { readonly [Name in keyof Keys & string as CamelCase<Name>]: ValueOf<Keys[Name]> }
  : Schema extends { propertyNames: unknown; additionalProperties: infer Form }
    ? Readonly<Record<string, ValueOf<Form>>>
    : ScalarOf<Schema>;

type ScalarOf<Schema> = Schema extends { enum: readonly (infer Choice)[] }
  ? Choice
  : Schema extends { type: 'boolean' }
    ? boolean
    : Schema extends { type: 'integer' }
      ? number
      : Schema extends { type: 'array' }
        ? readonly string[]
        : string;

/** As the type CamelCase. */
export function camelCaseOf(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
