/** From values to places on an axis, with the ticks that a reader expects. */

export interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Scale {
  /** From 0 to 1. */
  place(value: number): number;
  readonly ticks: readonly Tick[];
}

const TICKS_WANTED = 5;
const STEPS = [1, 2, 2.5, 5, 10];
/** What a logarithmic axis shows at least, in powers of ten. */
const DECADES_MIN = 2;

/** From 0 to a round number that is not below `max`. */
export function linearScale(max: number): Scale {
  const rough = Math.max(max, Number.EPSILON) / TICKS_WANTED;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * (STEPS.find((candidate) => candidate * magnitude >= rough) ?? 10);
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, index) => tick(index * step));
  return { place: (value) => value / (count * step), ticks };
}

/** In powers of ten around all that is more than 0; what is not sits at the bottom. */
export function logScale(min: number, max: number): Scale {
  const low = Math.floor(Math.log10(min > 0 ? min : 0.1));
  const high = Math.max(low + DECADES_MIN, Math.ceil(Math.log10(max > 0 ? max : 1) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => tick(10 ** (low + index)));
  return {
    place: (value) =>
      value > 0 ? Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low))) : 0,
    ticks,
  };
}

/** Of 100 on an axis that gives each further nine the same room. */
export function percentileScale(last: number): Scale {
  const nines = (percentile: number) => -Math.log10(1 - percentile / 100);
  const end = Math.max(nines(last), 1);
  const ticks = [0, 50, 75, 90, 99, 99.9, 99.99, 99.999, 99.9999]
    .filter((percentile) => nines(percentile) <= end)
    .map((value) => ({ value, label: `${value}` }));
  return { place: (value) => Math.min(1, nines(Math.min(value, last)) / end), ticks };
}

/** As short as it can be without hiding a digit that counts. */
export function numberText(value: number): string {
  if (value !== 0 && Math.abs(value) < 1) return `${Number(value.toPrecision(2))}`;
  const digits = Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

function tick(value: number): Tick {
  const isTiny = value !== 0 && value < 1;
  return {
    value,
    label: isTiny ? `${Number(value.toPrecision(3))}` : value.toLocaleString('en'),
  };
}
