/** From config.toml and the environment to the typed config that the composition roots hand out. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { assemble } from './assemble.ts';
import { impossibleCombinations } from './combinations.ts';
import { applyEnvironment, type Environment } from './environment.ts';
import { type ConfigProblem, failureText } from './problem.ts';
import type { Config } from './schema.ts';
import { parseToml, type Table } from './toml.ts';
import { validate } from './validate.ts';

export type { Config } from './schema.ts';

/** Read when no path is given, if it is there. */
const DEFAULT_PATH = 'config.toml';

export interface ConfigSource {
  /** The file to read; it must exist. Undefined takes ./config.toml if it exists, else all defaults. */
  readonly path?: string | undefined;
  /** The file's text, when the caller has it already; `path` then only says to which folder relative paths belong. */
  readonly text?: string;
  /** All variables of the process; those named REVEILLE__… override keys. */
  readonly env: Environment;
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      /** The file it came from; undefined when there is none. */
      readonly path: string | undefined;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Reads the file once, synchronously; reports everything that is wrong, not the first thing. */
export function loadConfig(source: ConfigSource): LoadedConfig {
  const file = readTable(source);
  const { table, variables, problems: unknownVariables } = applyEnvironment(file.table, source.env);
  const findings = validate(table, variables);
  const refused = new Set(findings.map(({ name }) => name));
  const config = assemble(table, {
    refused,
    folder: file.path === undefined ? resolve() : dirname(resolve(file.path)),
  });
  const problems = [
    ...file.problems,
    ...unknownVariables,
    ...findings.map(({ problem }) => problem),
    ...impossibleCombinations(config, refused, variables),
  ];
  return problems.length === 0 ? { ok: true, config, path: file.path } : { ok: false, problems };
}

interface FileTable {
  /** Empty when the file has problems, so that the environment is checked all the same. */
  readonly table: Table;
  readonly path: string | undefined;
  readonly problems: readonly ConfigProblem[];
}

function readTable({ path, text }: ConfigSource): FileTable {
  if (text !== undefined) return tableOf(text, path);
  const filePath = path ?? DEFAULT_PATH;
  let written: string;
  try {
    written = readFileSync(filePath, 'utf8');
  } catch (error) {
    const found = failureText(error);
    if (path === undefined && found === 'ENOENT') return { table: {}, path, problems: [] };
    const problem = { key: filePath, expected: 'a file that can be read', found };
    return { table: {}, path, problems: [problem] };
  }
  return tableOf(written, filePath);
}

function tableOf(text: string, path: string | undefined): FileTable {
  const parsed = parseToml(text, path ?? DEFAULT_PATH);
  return parsed.ok
    ? { table: parsed.table, path, problems: [] }
    : { table: {}, path, problems: [parsed.problem] };
}
