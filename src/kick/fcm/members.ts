/** The members of a JSON object from outside; none of them is known to have any type. */
export type Members = Readonly<Record<string, unknown>>;

const NONE: Members = {};

/** Undefined when the text is not a JSON object. The parser's error is dropped: its words quote the text, and secrets with it. */
export function parseMembers(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the value is an object and no array. */
export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The members of an object; those of anything else are none. */
export function membersOf(value: unknown): Members {
  return isMembers(value) ? value : NONE;
}
