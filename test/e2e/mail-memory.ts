import { open, readFile } from 'node:fs/promises';

/** Memory is read in pieces of this size, each with the end of the one before. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Whether the text, in either of the ways in which V8 keeps texts, is anywhere in the writable memory of a process of this user's. */
export async function memoryHolds(pid: number, text: string): Promise<boolean> {
  const wanted = [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')];
  await using memory = await open(`/proc/${pid}/mem`, 'r');
  for (const { start, end } of await regionsOf(pid)) {
    let before = Buffer.alloc(0);
    for (let at = start; at < end; at += PIECE_BYTES) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, end - at));
      try {
        await memory.read(piece, 0, piece.length, at);
      } catch {
        // Given back to the system while we looked.
        break;
      }
      const seen = Buffer.concat([before, piece]);
      if (wanted.some((bytes) => seen.includes(bytes))) return true;
      before = seen.subarray(Math.max(0, seen.length - 2 * text.length));
    }
  }
  return false;
}

interface Region {
  readonly start: number;
  readonly end: number;
}

async function regionsOf(pid: number): Promise<readonly Region[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)].map(([, start = '', end = '']) => ({
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
  }));
}
