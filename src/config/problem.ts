/** One thing that is wrong with the config. Holds no secret: it is made to be printed. */
export interface ConfigProblem {
  /** What the operator has to look at: the key's path such as `socket.port`, or the variable that overrides it, or a file. */
  readonly key: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** Absent when there is nothing to show, or when showing it could give a secret away. */
  readonly found?: string;
}

/** The problem in one line. */
export function problemText({ key, expected, found }: ConfigProblem): string {
  return `${key}: expected ${expected}${found === undefined ? '' : `, found ${found}`}`;
}

/** Why the system refused a file: `ENOENT`, `EACCES`, …; the message of any other error. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
