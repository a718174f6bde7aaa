/** What the suites' command lines have in common. */

/** Where a command writes; both take whole texts. */
export interface CommandIo {
  out(text: string): void;
  err(text: string): void;
}

export const EXIT_CODES = { passed: 0, failed: 1, badUsage: 2 } as const;
