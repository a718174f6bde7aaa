/** Cases from tables: a row is a name, what to send, and what differs from the other rows. */
import { type FrameOptions, frameBytes } from '../wire/frames.ts';
import type { RequestParts } from '../wire/http.ts';
import type {
  Case,
  Expected,
  Piece,
  RequestCase,
  SceneCase,
  SceneContext,
  Seen,
  TalkCase,
  TalkContext,
} from './case.ts';
import { shownBytes, shownText } from './shown.ts';

/** A string is one text frame. */
export type Said = string | Piece | readonly (string | Piece)[];
export type Say = Said | ((context: TalkContext) => Said);
export type Made = string | Buffer | RequestParts;
export type Make = Made | ((url: URL) => Made);

type Row<What, Kind> = readonly [name: string, what: What, differing?: Partial<Kind>];

/** One row for each thing to say on a WebSocket. */
export function talks(
  common: Expected & Pick<TalkCase, 'state' | 'fence' | 'pendingVersion'>,
  rows: readonly Row<Say, TalkCase>[],
): readonly Case[] {
  return rows.map(([name, what, differing]) => ({
    ...common,
    ...differing,
    kind: 'talk',
    name,
    say: (context) => piecesOf(typeof what === 'function' ? what(context) : what),
  }));
}

/** One row for each request. */
export function requests(
  common: Expected & Pick<RequestCase, 'to' | 'answers' | 'showsEnd'>,
  rows: readonly Row<Make, RequestCase>[],
): readonly Case[] {
  return rows.map(([name, what, differing]) => ({
    ...common,
    ...differing,
    kind: 'request',
    name,
    make: (url) => (typeof what === 'function' ? what(url) : what),
  }));
}

/** One row for each scene. */
export function scenes(
  common: Expected,
  rows: readonly Row<(context: SceneContext) => Promise<Seen>, SceneCase>[],
): readonly Case[] {
  return rows.map(([name, play, differing]) => ({
    ...common,
    ...differing,
    kind: 'scene',
    name,
    play,
  }));
}

/** A frame that is not just a text. `note` says in what it is odd. */
export function frame(payload: string | Buffer, options: FrameOptions, note: string): Piece {
  const bytes = frameBytes(payload, options);
  return { bytes, shown: `${note} ${shownBytes(Buffer.from(payload))}` };
}

export function raw(bytes: Buffer | string): Piece {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1');
  return { bytes: buffer, shown: shownBytes(buffer) };
}

/** JSON of a message. */
export function json(message: unknown): string {
  return JSON.stringify(message);
}

function piecesOf(said: Said): readonly Piece[] {
  const parts = typeof said === 'string' || 'bytes' in said ? [said] : said;
  return parts.map((part) =>
    typeof part === 'string' ? { bytes: frameBytes(part), shown: shownText(part) } : part,
  );
}
