/** Thrown when our own code broke a promise it made: a bug, never bad input. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States what must hold. Not for input: what strangers send is parsed, not asserted. */
export function assert(condition: boolean, statement: string): asserts condition {
  if (!condition) throw new AssertionError(`does not hold: ${statement}`);
}

/** Ends every switch over a union: the compiler refuses a member that no case handles. */
export function unreachable(value: never): never {
  throw new AssertionError(`unhandled case: ${JSON.stringify(value)}`);
}
