/** Says on stderr how the run goes: on a terminal a table that is written over, elsewhere a line now and then. */
import type { SecondPoint } from './series.ts';

export interface LiveView {
  /** A phase begins. */
  phase(name: string, text: string): void;
  second(point: SecondPoint, elapsedSecs: number): void;
  end(): void;
}

/** As process.stderr. */
export interface LineStream {
  readonly isTTY?: boolean;
  write(text: string): boolean;
}

/** Elsewhere than on a terminal: one line in so many seconds. */
const LINE_INTERVAL_SECS = 5;
const COLUMNS = [
  'connected',
  'PUT/s',
  'delivered/s',
  'p50 ms',
  'p99 ms',
  'errors',
  'lost',
] as const;
const WIDTH = 12;
const UP_AND_CLEAR = '\x1b[1A\r\x1b[J';

/** `totalSecs` is what the run takes, about. */
export function createLiveView(stream: LineStream, totalSecs: number): LiveView {
  const isTerminal = stream.isTTY === true;
  let errors = 0;
  let linesShown = 0;
  let phaseName = '';
  let lastLineAt = Number.NEGATIVE_INFINITY;

  function show(lines: readonly string[]): void {
    stream.write(`${UP_AND_CLEAR.repeat(linesShown)}${lines.map((line) => `${line}\n`).join('')}`);
    linesShown = lines.length;
  }

  return {
    phase(name, text) {
      phaseName = name;
      if (isTerminal) show([`${name}: ${text}`]);
      else stream.write(`${name}: ${text}\n`);
    },
    second(point, elapsedSecs) {
      errors += point.errors;
      const cells = cellsOf(point, errors);
      if (isTerminal) {
        const left = Math.max(0, Math.round(totalSecs - elapsedSecs));
        show([
          `${phaseName.padEnd(WIDTH)}${elapsedSecs.toFixed(0)} s gone, about ${left} s left`,
          COLUMNS.map((name) => name.padStart(WIDTH)).join(''),
          cells.map((cell) => cell.padStart(WIDTH)).join(''),
        ]);
      } else if (point.second - lastLineAt >= LINE_INTERVAL_SECS) {
        lastLineAt = point.second;
        const parts = COLUMNS.map((name, index) => `${name} ${cells[index]}`);
        stream.write(`${String(point.second).padStart(4)} s  ${parts.join('  ')}\n`);
      }
    },
    end() {
      if (isTerminal) show([]);
    },
  };
}

function cellsOf(point: SecondPoint, errors: number): readonly string[] {
  const ms = (value: number | null) => (value === null ? '–' : value.toFixed(1));
  return [
    ...[point.connected, point.sent, point.arrived].map((number) => number.toLocaleString('en')),
    ...[ms(point.p50Ms), ms(point.p99Ms)],
    ...[errors, point.lost].map((number) => number.toLocaleString('en')),
  ];
}
