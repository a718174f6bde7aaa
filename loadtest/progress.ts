/** Says on stderr what is measured now and how long it will still take. */

export interface Progress {
  /** The next of the steps begins. */
  start(what: string): void;
  /** How far the step is; shown on a terminal only. */
  detail(line: string): void;
  end(): void;
}

const CLEAR_LINE = '\r\x1b[K';

/**
 * `steps` is how many there will be, `stepSecs` what one may take, until the first tells. On a terminal one line is written over
 * and over; elsewhere each step is a line.
 */
export function createProgress(steps: number, stepSecs: number): Progress {
  const isTerminal = process.stderr.isTTY === true;
  const startedAtMs = performance.now();
  let done = -1;
  let head = '';

  function timeLeft(): string {
    const tookSecs = (performance.now() - startedAtMs) / 1000;
    const leftSecs = (done === 0 ? stepSecs : tookSecs / done) * (steps - done);
    return leftSecs < 90
      ? `, ${leftSecs.toFixed(0)} s left`
      : `, ${(leftSecs / 60).toFixed(0)} min left`;
  }

  function show(text: string): void {
    const line = text.slice(0, (process.stderr.columns ?? text.length + 1) - 1);
    process.stderr.write(isTerminal ? `${CLEAR_LINE}${line}` : `${text}\n`);
  }

  return {
    start(what) {
      done++;
      head = `[${done + 1}/${steps}] ${what}${timeLeft()}`;
      show(head);
    },
    detail(line) {
      if (isTerminal) show(`${head}: ${line.replace(/^load-client: /, '')}`);
    },
    end() {
      if (isTerminal) process.stderr.write(CLEAR_LINE);
    },
  };
}
