/** How messages lie in the stream between gate and backend: one JSON text a line. */

/** The stream carries a line that is longer than any message may be. */
export class FrameTooLongError extends Error {
  override readonly name = 'FrameTooLongError';
}

const LINE_END = 0x0a;

/** Cuts a stream of bytes into lines. Holds at most one line of `bytesMax`. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(bytesMax: number, onLine: (line: string) => void) {
    this.#bytesMax = bytesMax;
    this.#onLine = onLine;
  }

  /** @throws FrameTooLongError; then the stream is to be ended. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_END); at !== -1; at = chunk.indexOf(LINE_END, from)) {
      this.#add(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#length = 0;
      this.#onLine(line);
    }
    if (from < chunk.length) this.#add(chunk.subarray(from));
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#bytesMax) {
      throw new FrameTooLongError(`a message of more than ${this.#bytesMax} bytes`);
    }
    this.#parts.push(part);
  }
}

/** One message as it goes into the stream. JSON writes line ends inside texts as `\n`, so there is none but the last. */
export function frame(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/** The members of a line; undefined when it is no JSON object. */
export function parseFrame(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Whoever sends such a line does not speak our protocol; what is wrong with it helps nobody.
  }
  return undefined;
}
