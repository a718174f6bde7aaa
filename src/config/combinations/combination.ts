import type { Config, KeyName } from '../schema.ts';

/** Keys that are right one by one and may be impossible together. */
export interface Combination {
  /** What it looks at; the first is the key to change. */
  readonly keys: readonly [KeyName, ...KeyName[]];
  isPossible(config: Config): boolean;
  expected(config: Config): string;
  found(config: Config): string | number | readonly string[];
}
