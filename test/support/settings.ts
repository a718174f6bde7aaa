import { type Config, loadConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/environment.ts';
import { type KeyName, variableOf } from '../../src/config/schema.ts';

/** Keys of config.toml by name, and their values: `{ 'socket.devices_max': 1 }`. */
export type Settings = Readonly<
  Partial<Record<KeyName, string | number | boolean | readonly string[]>>
>;

/** What suits nearly every test: free ports, nothing on disk, no pause at the end, and pings at any rate to wait for answers with. */
export const TEST_SETTINGS: Settings = {
  'socket.port': 0,
  'socket.ping_interval_min_ms': 0,
  'endpoint.port': 0,
  'admin.port': 0,
  'storage.driver': 'memory',
  'shutdown.spread_ms': 0,
  'shutdown.deadline_ms': 2000,
};

/** The variables that put these settings over those of TEST_SETTINGS. */
export function environmentOf(settings: Settings): Environment {
  const all: Settings = { ...TEST_SETTINGS, ...settings };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [
      variableOf(key.split('.')),
      // Lists, numbers and switches are written in TOML as in JSON; texts need no quotes.
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}

/** The config of these settings over TEST_SETTINGS; throws with every problem when there is one. */
export function configOf(settings: Settings): Config {
  const loaded = loadConfig({ text: '', env: environmentOf(settings) });
  if (!loaded.ok) throw new Error(`bad settings: ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}
