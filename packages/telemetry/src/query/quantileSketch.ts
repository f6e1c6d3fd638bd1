/** Neighbouring buckets differ by this factor, so that the middle of one is right to 1 %. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Nearer to zero counts as zero. */
const LEAST = 1e-9;

/** A distribution of numbers in memory that does not grow with their count. */
export class QuantileSketch {
  readonly #counts = new Map<number, number>();
  #count = 0;

  add(value: number): void {
    const bucket = bucketOf(value);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#count++;
  }

  /** `share` 0 to 1; undefined without numbers. */
  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let below = 0;
    for (const [bucket, count] of [...this.#counts].toSorted(([one], [other]) => one - other)) {
      below += count;
      if (below >= rank) return middleOf(bucket);
    }
    return undefined;
  }
}

/** Numbers of buckets are in the order of their values: those of negative ones are negative, that of zero is 0. */
const OFFSET = Math.ceil(-Math.log(LEAST) / LOG_GROWTH) + 1;

const bucketOf = (value: number): number => {
  const size = Math.abs(value);
  if (size < LEAST) return 0;
  const bucket = Math.ceil(Math.log(size) / LOG_GROWTH) + OFFSET;
  return value < 0 ? -bucket : bucket;
};

const middleOf = (bucket: number): number => {
  if (bucket === 0) return 0;
  const size = (2 * GROWTH ** (Math.abs(bucket) - OFFSET)) / (GROWTH + 1);
  const rounded = Number(size.toPrecision(4));
  return bucket < 0 ? -rounded : rounded;
};
