/** What follows from the state of a watch alone. */
import { unreachable } from '../../assert.ts';
import type { Attention, WatchState } from '../account.ts';

/** Until when the state keeps a watch from trying again; the beginning of time when it does not. */
export function waitOf(state: WatchState): number {
  switch (state.kind) {
    case 'starting':
    case 'watching':
    case 'polling':
    case 'deferred':
    case 'stopped':
      return Number.NEGATIVE_INFINITY;
    case 'backoff':
    case 'limited':
    case 'auth-failed':
      return state.nextTryMs;
    // Nothing but a new registration can help.
    case 'needs-oauth':
    case 'blocked-host':
      return Number.POSITIVE_INFINITY;
    default:
      return unreachable(state);
  }
}

/** What the user must act on. */
export function attentionOf(state: WatchState): Attention {
  return state.kind === 'auth-failed' || state.kind === 'needs-oauth' ? state.kind : 'none';
}
