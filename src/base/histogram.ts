/** Upper bounds, in seconds, of what is expected to take from 50 µs to a second. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.000_05,
  0.000_1,
  0.000_25,
  0.000_5,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
];

/** Counts values by size, cheaply enough to be called for every request (some 10 ns). */
export class Histogram {
  /** Upper bounds of the buckets, ascending; there is one more bucket for what is above them. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Count a value, which belongs into the first bucket whose bound is not below it. */
  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  /** How many values each bucket has, the last one for those above all bounds. */
  get counts(): readonly number[] {
    return [...this.#counts];
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }
}
