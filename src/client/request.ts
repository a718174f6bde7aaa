import { unreachable } from '../assert.ts';
import type { Timers } from './timers.ts';

export type RequestFailure =
  /** Not answered in time, connected or not. Asking again is safe. */
  | { readonly kind: 'late'; readonly waitedMs: number }
  /** The server's answer. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** The device was closed, by its program or because another connection replaced it. */
  | { readonly kind: 'closed' }
  /** The opposite was asked of the same channel before this was answered. */
  | { readonly kind: 'superseded' }
  /** As many channels, or as many unanswered requests, as a device may have. */
  | { readonly kind: 'full'; readonly countMax: number }
  | { readonly kind: 'bad-channel-id' };

/** Why register or unregister did not succeed. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly failure: RequestFailure;

  constructor(failure: RequestFailure) {
    super(inWords(failure));
    this.failure = failure;
  }
}

/** A promise to a caller, to be kept within a deadline. */
export interface Request<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(failure: RequestFailure): void;
}

/** Rejects by itself, and then calls `onLate`, when neither resolve nor reject was called in time. */
export function createRequest<T>(deps: {
  readonly timers: Timers;
  readonly waitMsMax: number;
  onLate(): void;
}): Request<T> {
  const { timers, waitMsMax } = deps;
  let settle: { resolve: (value: T) => void; reject: (error: RequestError) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const cancelDeadline = timers.after(waitMsMax, () => {
    settle?.reject(new RequestError({ kind: 'late', waitedMs: waitMsMax }));
    deps.onLate();
  });
  forgive(promise);
  return {
    promise,
    resolve(value) {
      cancelDeadline();
      settle?.resolve(value);
    },
    reject(failure) {
      cancelDeadline();
      settle?.reject(new RequestError(failure));
    },
  };
}

/** The answer to a request that cannot even be made. */
export function refusedRequest(failure: RequestFailure): Promise<never> {
  const promise = Promise.reject(new RequestError(failure));
  forgive(promise);
  return promise;
}

/** A caller who does not look at a promise must not have its process ended by it; one who does is told all the same. */
function forgive(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

function inWords(failure: RequestFailure): string {
  switch (failure.kind) {
    case 'late':
      return `the server did not answer within ${failure.waitedMs / 1000} s`;
    case 'refused':
      return `the server refused with ${failure.status}${failure.reason === '' ? '' : `: ${failure.reason}`}`;
    case 'closed':
      return 'the device is closed';
    case 'superseded':
      return 'the opposite was asked of the channel';
    case 'full':
      return `a device may have no more than ${failure.countMax} of these`;
    case 'bad-channel-id':
      return 'a channel id must be a UUID';
    default:
      return unreachable(failure);
  }
}
