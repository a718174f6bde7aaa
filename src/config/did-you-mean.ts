import { isNamedTables, type PlaceSchema } from './key-schema.ts';
import { CONFIG_KEYS, SCHEMA } from './schema.ts';

/** The known path that somebody who wrote `path` may have meant; undefined when nothing is near. */
export function nearestPath(path: readonly string[]): readonly string[] | undefined {
  const [namesake, ...others] = CONFIG_KEYS.filter((key) => key.path.at(-1) === path.at(-1));
  // The right key under the wrong heading; a name such as "port", which several sections have, says nothing.
  if (namesake && others.length === 0) return namesake.path;
  let schema: PlaceSchema | undefined = SCHEMA;
  const corrected: string[] = [];
  for (const written of path) {
    if (schema?.type !== 'object') return undefined;
    if (isNamedTables(schema)) {
      corrected.push(written);
      schema = schema.additionalProperties;
      continue;
    }
    const { properties }: { properties: Readonly<Record<string, PlaceSchema>> } = schema;
    const name = nearestName(written, Object.keys(properties));
    if (name === undefined) return undefined;
    corrected.push(name);
    schema = properties[name];
  }
  return corrected;
}

/** Near: a third of the letters may differ, so that `hello_timeout` finds `hello_timeout_ms` and `foo` finds nothing. */
function nearestName(written: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let leastDistance = Math.ceil(written.length / 3);
  for (const name of names) {
    const distance = editDistance(spelling(written), spelling(name));
    if (distance > leastDistance || (nearest !== undefined && distance === leastDistance)) continue;
    nearest = name;
    leastDistance = distance;
  }
  return nearest;
}

/** `helloTimeoutMs`, `hello-timeout-ms` and `hello_timeout_ms` are spelled alike. */
function spelling(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that make one text of the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
