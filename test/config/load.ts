import { expect } from 'chai';
import { type Config, loadConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/environment.ts';
import type { ConfigProblem } from '../../src/config/problem.ts';

/** The config of a file with this text; fails the test when it has problems. */
export function configOf(text: string, env: Environment = {}): Config {
  const loaded = loadConfig({ text, env });
  if (!loaded.ok) return expect.fail(JSON.stringify(loaded.problems));
  return loaded.config;
}

/** What is wrong with a file of this text; nothing when it is fine. */
export function problemsOf(text: string, env: Environment = {}): readonly ConfigProblem[] {
  const loaded = loadConfig({ text, env });
  return loaded.ok ? [] : loaded.problems;
}
