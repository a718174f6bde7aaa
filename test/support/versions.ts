import { toVersion, type Version } from '../../src/protocol/ids.ts';

/** A version for a test. */
export function version(value: number): Version {
  const parsed = toVersion(value);
  if (parsed === undefined) throw new Error(`${value} is no version`);
  return parsed;
}
