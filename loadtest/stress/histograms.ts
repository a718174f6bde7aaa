/** Latency histograms: the one place that speaks to hdr-histogram-js. */
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Values below 1 µs count as 1 µs; those beyond ten minutes as ten minutes. */
const HIGHEST_US = 600_000_000;
const SIGNIFICANT_DIGITS = 3;
/** Points of the percentile curve for each halving of the distance to 100 %. */
const POINTS_PER_HALF = 4;
const PERCENTILE_MAX = 99.9999;

/** In milliseconds. All are 0 when nothing was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface CurvePoint {
  /** Of 100. */
  readonly percentile: number;
  readonly ms: number;
}

export interface Bin {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** Durations of one kind. Costs some 100 kB at most, however much it records. */
export class Durations {
  readonly #histogram: Histogram;

  /** `encoded`, when given, is what another one's `encode` made. */
  constructor(encoded?: string) {
    this.#histogram =
      encoded === undefined
        ? build({
            bitBucketSize: 32,
            autoResize: true,
            lowestDiscernibleValue: 1,
            highestTrackableValue: 2,
            numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
          })
        : (decodeFromCompressedBase64(encoded, 32) as Histogram);
    this.#histogram.autoResize = true;
  }

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(Math.max(Math.round(ms * 1000), 1), HIGHEST_US));
  }

  add(other: Durations): void {
    if (other.count > 0) this.#histogram.add(other.#histogram);
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  reset(): void {
    this.#histogram.reset();
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** `percentile` of 100. */
  at(percentile: number): number {
    return this.count === 0 ? 0 : this.#histogram.getValueAtPercentile(percentile) / 1000;
  }

  summary(): LatencySummary {
    return {
      count: this.count,
      mean: this.count === 0 ? 0 : this.#histogram.mean / 1000,
      p50: this.at(50),
      p90: this.at(90),
      p99: this.at(99),
      p999: this.at(99.9),
      max: this.count === 0 ? 0 : this.#histogram.maxValue / 1000,
    };
  }

  /** From 0 % to where one value of all is left, closer and closer to 100 %. */
  curve(): readonly CurvePoint[] {
    const points: CurvePoint[] = [];
    if (this.count === 0) return points;
    const last = Math.min(PERCENTILE_MAX, 100 * (1 - 1 / this.count));
    for (let step = 0; ; step++) {
      const percentile = 100 * (1 - 0.5 ** (step / POINTS_PER_HALF));
      if (percentile >= last) break;
      points.push({ percentile, ms: this.at(percentile) });
    }
    points.push({ percentile: last, ms: this.at(100) });
    return points;
  }

  /** Ten to a decade, from the first to the last that is not empty. */
  bins(): readonly Bin[] {
    const bins: Bin[] = [];
    if (this.count === 0) return bins;
    const { minNonZeroValue, maxValue } = this.#histogram;
    let below = 0;
    for (let step = Math.floor(Math.log10(minNonZeroValue) * 10); below < this.count; step++) {
      const toUs = 10 ** ((step + 1) / 10);
      const upTo = toUs > maxValue ? this.count : this.#countUpTo(toUs);
      bins.push({ fromMs: 10 ** (step / 10) / 1000, toMs: toUs / 1000, count: upTo - below });
      below = upTo;
    }
    return bins;
  }

  /** How many are at most `us`: the library tells percentiles only, so the rank is searched for. */
  #countUpTo(us: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      // Half a rank below, so that rounding never asks for the next value.
      const percentile = (100 * (middle - 0.5)) / this.count;
      if (this.#histogram.getValueAtPercentile(percentile) <= us) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
