/**
 * One channel as store.ts describes it, and the search for an order of calls that explains the answers a store gave:
 * the test of "the outcome is that of some order of the calls".
 */
import { unreachable } from '../../src/assert.ts';

export type Operation =
  | { readonly type: 'put' | 'ack'; readonly version: number }
  | { readonly type: 'register' | 'unregister' | 'drop' | 'read' };

/** A call and its answer. */
export interface Step {
  readonly operation: Operation;
  readonly answer: string;
}

type Channel =
  | { readonly kind: 'unknown' | 'gone' }
  | { readonly kind: 'held'; readonly pending?: number };

const UNKNOWN: Channel = { kind: 'unknown' };
const GONE: Channel = { kind: 'gone' };
const EMPTY: Channel = { kind: 'held' };

/** What a store may answer to a PUT that changes nothing: only `stale`, or also `stored` (see PutOutcome). */
type TellsStale = 'always' | 'not-always';

/** Whether some order of the callers' steps, each caller's own order kept, gives every answer and ends with `last`. */
export function explains(
  histories: readonly (readonly Step[])[],
  last: Step,
  tellsStale: TellsStale,
): boolean {
  const search = (positions: readonly number[], channel: Channel): boolean => {
    let finished = true;
    for (const [caller, history] of histories.entries()) {
      const position = positions[caller] ?? 0;
      const step = history[position];
      if (step === undefined) continue;
      finished = false;
      const [after, answer] = apply(channel, step.operation);
      if (!isToldBy(answer, step.answer, tellsStale)) continue;
      if (search(positions.with(caller, position + 1), after)) return true;
    }
    return finished && apply(channel, last.operation)[1] === last.answer;
  };
  return search(
    histories.map(() => 0),
    UNKNOWN,
  );
}

/** What is pending must be right whatever was told. */
function isToldBy(answer: string, told: string, tellsStale: TellsStale): boolean {
  if (told === answer) return true;
  return tellsStale === 'not-always' && told === 'stored' && answer === 'stale';
}

function apply(channel: Channel, operation: Operation): readonly [Channel, string] {
  switch (operation.type) {
    case 'put':
      return put(channel, operation.version);
    case 'ack':
      return [isDone(channel, operation.version) ? EMPTY : channel, 'done'];
    case 'register':
      return [channel.kind === 'held' ? channel : EMPTY, 'registered'];
    case 'unregister':
      return [GONE, 'done'];
    case 'drop':
      return [channel.kind === 'held' ? GONE : channel, 'done'];
    case 'read':
      return [
        channel,
        channel.kind === 'held' ? `pending ${channel.pending ?? 'nothing'}` : 'not held',
      ];
    default:
      return unreachable(operation);
  }
}

function put(channel: Channel, version: number): readonly [Channel, string] {
  if (channel.kind === 'gone') return [channel, 'gone'];
  if (channel.kind === 'held' && channel.pending !== undefined && channel.pending >= version) {
    return [channel, 'stale'];
  }
  return [{ kind: 'held', pending: version }, 'stored'];
}

function isDone(channel: Channel, through: number): boolean {
  return channel.kind === 'held' && channel.pending !== undefined && channel.pending <= through;
}
