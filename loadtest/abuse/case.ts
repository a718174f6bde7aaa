/** What a case of the abuse suite is: something odd to send, and the set of answers that are acceptable. */
import type { RequestParts } from '../wire/http.ts';
import type { Load } from '../wire/load.ts';
import type { Target } from '../wire/target.ts';
import type { GoodPair } from './good-pair.ts';

/**
 * The acceptable answers are patterns over the words for what came, with `*` for any text and `?` for any character. Words for
 * messages: `hello same`, `hello new`, `register 200`, `error 401`, `pong`, `PONG`, `notification`. How it ended: `served` (the next
 * proper request was answered), `fence 429` (it was refused), `closed 1008`, `ended` (without a close frame), `silent`. Words for requests: statuses, and what the
 * device got of it: `400, got nothing`.
 */
export interface Expected {
  /** Acceptable of any server, beside `strict`. */
  readonly accept: readonly string[];
  /** All that protocol.md allows; `accept` when it says no more. */
  readonly strict?: readonly string[];
  /** Why it is tried, or why these answers are the acceptable ones. */
  readonly why: string;
  /** A proxy that normalises requests never passes it on like this; left out with --behind-proxy. */
  readonly isUnproxied?: true;
  /** Takes as long as a server's timeouts; made with --long alone. */
  readonly isLong?: true;
}

/** Bytes for a connection, and how they are shown to people. */
export interface Piece {
  readonly bytes: Buffer;
  readonly shown: string;
}

export interface TalkContext {
  /** '' before hello. */
  readonly uaid: string;
  /** Registered in the state `subscribed`; else an id that nobody has. */
  readonly channelID: string;
}

export type TalkState = 'fresh' | 'ready' | 'subscribed';

/** Something said on a WebSocket, and then a proper request that shows whether the server still reads. */
export interface TalkCase extends Expected {
  readonly kind: 'talk';
  readonly name: string;
  /** Before the case: connected, hello said, or a channel registered too. */
  readonly state: TalkState;
  /** What the proper request is; a hello in the state `fresh`, a register in the others, unless the case says hello itself. */
  readonly fence?: 'hello' | 'register';
  /** PUT to the channel before, and looked for on a new connection afterwards: `keeps 5` or `keeps nothing` ends the words. */
  readonly pendingVersion?: number;
  /** The UAID in a hello of the case's own, to tell `hello same` from `hello new`. */
  readonly askedUaid?: string;
  say(context: TalkContext): readonly Piece[];
}

/** Bytes for one of the listeners. */
export interface RequestCase extends Expected {
  readonly kind: 'request';
  readonly name: string;
  readonly to: 'endpoint' | 'socket';
  /** Final answers to wait for; 1 by default. */
  readonly answers?: number;
  /** Whether the connection ends after the answer is part of what came: `closed` or `open`. */
  readonly showsEnd?: true;
  /** The answer has no body whatever its head says. */
  readonly isHead?: true;
  /** `url` is the endpoint of a registered channel, or the devices' URL as http. */
  make(url: URL): string | Buffer | RequestParts;
}

export interface SceneContext {
  readonly target: Target;
  readonly load: Load;
  readonly good: GoodPair;
  /** How long nothing must come until it counts as silence, in milliseconds. */
  readonly quietMs: number;
}

/** Whatever needs more than one connection or a pause. */
export interface SceneCase extends Expected {
  readonly kind: 'scene';
  readonly name: string;
  play(context: SceneContext): Promise<Seen>;
}

/** What was sent and what came, in words. */
export interface Seen {
  readonly sent: string;
  readonly came: string;
}

export type Case = TalkCase | RequestCase | SceneCase;

export interface Group {
  readonly name: string;
  /** What the cases have in common, for --list. */
  readonly about: string;
  readonly cases: readonly Case[];
  /** One case at a time, for each may need all sockets that the run has. */
  readonly isAlone?: true;
}

/** What is acceptable of a server. */
export function acceptableOf(
  { accept, strict }: Expected,
  { isStrict }: { readonly isStrict: boolean },
): readonly string[] {
  if (strict === undefined) return accept;
  return isStrict ? strict : [...new Set([...strict, ...accept])];
}

/** What a case could not be tried for begins like this, and is acceptable to none. */
export const FAILURE = 'failure: ';

export function isAcceptable(came: string, patterns: readonly string[]): boolean {
  return !came.startsWith(FAILURE) && patterns.some((pattern) => globOf(pattern).test(came));
}

/** Whether it makes sense to wait no longer than silence takes to be heard. */
export function mayBeSilent(patterns: readonly string[]): boolean {
  return patterns.some((pattern) => pattern.includes('silent'));
}

function globOf(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
