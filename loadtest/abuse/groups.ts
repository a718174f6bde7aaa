/** All groups, in the order in which they run: each listener by itself first, crowds last. */
import type { Case, Group } from './case.ts';
import { ACKS } from './groups/acks.ts';
import { BODIES } from './groups/bodies.ts';
import { CHANNELS } from './groups/channels.ts';
import { FLOODS } from './groups/floods.ts';
import { FRAMES } from './groups/frames.ts';
import { fuzzOf } from './groups/fuzz.ts';
import { HALF_OPEN } from './groups/half-open.ts';
import { HANDSHAKE } from './groups/handshake.ts';
import { HEADERS } from './groups/headers.ts';
import { HELLO } from './groups/hello.ts';
import { JSON_TEXTS } from './groups/json.ts';
import { METHODS } from './groups/methods.ts';
import { ORDER } from './groups/order.ts';
import { PATHS, TOKENS } from './groups/paths.ts';
import { PIPELINING } from './groups/pipelining.ts';
import { REQUEST_LINE } from './groups/request-line.ts';
import { SLOW } from './groups/slow.ts';
import { SMUGGLING } from './groups/smuggling.ts';
import { VERSIONS } from './groups/versions.ts';

export interface Choice {
  /** Decides the cases that are made up. */
  readonly seed: number;
  /** With those that take a server's timeouts. */
  readonly isLong: boolean;
  /** Without those that no proxy passes on. */
  readonly isProxied: boolean;
}

export function groupsOf({ seed, isLong, isProxied }: Choice): readonly Group[] {
  const all = [
    ...[HANDSHAKE, FRAMES, JSON_TEXTS, HELLO, ORDER, CHANNELS, ACKS],
    ...[REQUEST_LINE, HEADERS, SMUGGLING, METHODS, PATHS, TOKENS, VERSIONS, BODIES, PIPELINING],
    ...[fuzzOf(seed), SLOW, HALF_OPEN, FLOODS],
  ];
  const isMade = (one: Case) => !((one.isLong && !isLong) || (one.isUnproxied && isProxied));
  return all
    .map((group) => ({ ...group, cases: group.cases.filter(isMade) }))
    .filter(({ cases }) => cases.length > 0);
}

/** The groups and cases that `names` name, as `group` or `group/case`; all when there are none. Undefined when a name names nothing. */
export function chosenOf(
  groups: readonly Group[],
  names: readonly string[],
): readonly Group[] | undefined {
  if (names.length === 0) return groups;
  const isNamed = (group: string, name: string) =>
    names.includes(group) || names.includes(`${group}/${name}`);
  const known = groups.flatMap(({ name, cases }) => [
    name,
    ...cases.map((one) => `${name}/${one.name}`),
  ]);
  if (!names.every((name) => known.includes(name))) return undefined;
  return groups
    .map((group) => ({
      ...group,
      cases: group.cases.filter((one) => isNamed(group.name, one.name)),
    }))
    .filter(({ cases }) => cases.length > 0);
}
