/** Connections that are opened at once: less than any kernel lets wait. */
const AT_ONCE_MAX = 100;

/** Makes `count` things, many at a time. */
export async function inTurns<T>(count: number, make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const length = Math.min(AT_ONCE_MAX, count - made.length);
    made.push(...(await Promise.all(Array.from({ length }, make))));
  }
  return made;
}
