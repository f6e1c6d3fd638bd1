/** Upper bounds of neighbouring buckets differ by this factor, so that the middle of one is right to 1 % (AWS-71). */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);

/** What latencies are known of: whole answers to clients, and the first bytes of origins (AWS-66, AWS-67). */
export type LatencySide = "client" | "origin";

/** A sketch as it crosses process boundaries; in 0.01 ms. Plain data. */
export interface LatencyRow {
  /** By number of the bucket, ascending. */
  readonly buckets: Uint16Array;
  readonly counts: Float64Array;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** AWS-70, AWS-71; in 0.01 ms, all 0 where there was nothing. */
export interface LatencySummary {
  readonly count: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly quantile: (share: number) => number;
}

const bucketOf = (hundredths: number): number => (hundredths <= 1 ? 0 : Math.ceil(Math.log(hundredths) / LOG_GROWTH));

/** Shorter durations are counted one by one at first: hits take that long, and need no logarithm so. */
const SHORT_HUNDREDTHS = 64;

const middleOf = (bucket: number): number => (bucket === 0 ? 1 : (2 * GROWTH ** bucket) / (GROWTH + 1));

/**
 * A distribution of durations in 0.01 ms by logarithmic buckets: sketches of several hosts and times add up to that of
 * all, which percentiles do not. Takes memory for the buckets that are in use.
 */
export class LatencySketch implements LatencySummary {
  readonly #counts = new Map<number, number>();
  /** By duration, what has not gone to its bucket yet; undefined: nothing was that short. */
  #short: Float64Array | undefined;
  /** As long as nothing is added: several quantiles are asked for one after the other. */
  #sorted: LatencyRow | undefined;
  #sum = 0;
  #minimum = Number.POSITIVE_INFINITY;
  #maximum = 0;

  get count(): number {
    this.#settle();
    let count = 0;
    for (const inBucket of this.#counts.values()) count += inBucket;
    return count;
  }

  get sum(): number {
    return this.#sum;
  }

  get minimum(): number {
    return this.#minimum === Number.POSITIVE_INFINITY ? 0 : this.#minimum;
  }

  get maximum(): number {
    return this.#maximum;
  }

  add(hundredths: number): void {
    this.#sorted = undefined;
    const place = hundredths | 0;
    if (place === hundredths && place >= 0 && place < SHORT_HUNDREDTHS) {
      this.#short ??= new Float64Array(SHORT_HUNDREDTHS);
      this.#short[place] = (this.#short[place] ?? 0) + 1;
    } else {
      this.#addTo(bucketOf(hundredths), 1);
    }
    this.#sum += hundredths;
    if (hundredths < this.#minimum) this.#minimum = hundredths;
    if (hundredths > this.#maximum) this.#maximum = hundredths;
  }

  addRow({ buckets, counts, sum, minimum, maximum }: LatencyRow): void {
    this.#sorted = undefined;
    buckets.forEach((bucket, index) => {
      this.#addTo(bucket, counts[index] ?? 0);
    });
    this.#sum += sum;
    this.#minimum = Math.min(this.#minimum, minimum);
    this.#maximum = Math.max(this.#maximum, maximum);
  }

  /** As `addRow` of its row, without making one. */
  addSketch(other: LatencySketch): void {
    this.#sorted = undefined;
    other.#settle();
    for (const [bucket, count] of other.#counts) this.#addTo(bucket, count);
    this.#sum += other.#sum;
    this.#minimum = Math.min(this.#minimum, other.#minimum);
    this.#maximum = Math.max(this.#maximum, other.#maximum);
  }

  row(): LatencyRow {
    this.#settle();
    const buckets = Uint16Array.from(this.#counts.keys()).sort();
    const counts = Float64Array.from(buckets, (bucket) => this.#counts.get(bucket) ?? 0);
    return { buckets, counts, sum: this.#sum, minimum: this.#minimum, maximum: this.#maximum };
  }

  #addTo(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
  }

  #settle(): void {
    const short = this.#short;
    if (short === undefined) return;
    this.#short = undefined;
    short.forEach((count, hundredths) => {
      if (count > 0) this.#addTo(bucketOf(hundredths), count);
    });
  }

  /** The duration that this share of all, 0 to 1, did not exceed. */
  quantile(share: number): number {
    this.#sorted ??= this.row();
    const { buckets, counts } = this.#sorted;
    const rank = Math.ceil(share * counts.reduce((sum, count) => sum + count, 0));
    let below = 0;
    for (const [index, bucket] of buckets.entries()) {
      below += counts[index] ?? 0;
      if (below >= rank) return Math.min(this.#maximum, Math.max(this.#minimum, middleOf(bucket)));
    }
    return this.#maximum;
  }
}
