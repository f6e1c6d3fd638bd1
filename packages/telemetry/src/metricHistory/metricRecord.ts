import { CACHE_RESULTS, HIT_RESULTS } from "@basalt/types";
import { cacheResultSlot, clientResponseClassSlot, VHOST_SLOT } from "../counterTable.ts";
import { type LatencyRow, LatencySketch } from "../statistics/latencySketch.ts";
import { MISS_RESULTS } from "../statistics/metricStatistics.ts";
import type { HostMinute } from "../statistics/statistics.ts";
import { ByteReader, ByteWriter } from "./byteCursor.ts";

const MS_PER_SECOND = 1_000;

type Values = HostMinute["values"];

const sumAt = (values: Values, slots: readonly number[]): number =>
  slots.reduce((sum, slot) => sum + (values[slot] ?? 0), 0);

const ofSlots =
  (...slots: readonly number[]) =>
  (values: Values): number =>
    sumAt(values, slots);

/** What is kept of the counters of a host, in the order in which records have it: new ones go to the end. */
const COUNTS = [
  ["requests", ofSlots(VHOST_SLOT.clientRequests)],
  ["clientErrors", ofSlots(clientResponseClassSlot(400))],
  ["serverErrors", ofSlots(clientResponseClassSlot(500))],
  ["hits", ofSlots(...CACHE_RESULTS.filter((result) => HIT_RESULTS.has(result)).map(cacheResultSlot))],
  ["misses", ofSlots(...MISS_RESULTS.map(cacheResultSlot))],
  ["throttled", ofSlots(VHOST_SLOT.clientThrottled)],
  ["aborted", ofSlots(VHOST_SLOT.clientAborted)],
  ["sentBytes", ofSlots(VHOST_SLOT.clientResponseHeadBytes, VHOST_SLOT.clientResponseBodyBytes)],
  ["receivedBytes", ofSlots(VHOST_SLOT.clientRequestBytes)],
  ["originRequests", ofSlots(VHOST_SLOT.originRequests)],
  ["originSentBytes", ofSlots(VHOST_SLOT.originRequestBytes)],
  ["originReceivedBytes", ofSlots(VHOST_SLOT.originResponseBytes)],
] as const satisfies readonly (readonly [string, (values: Values) => number])[];

export type CountName = (typeof COUNTS)[number][0];

const COUNT_NAMES: readonly CountName[] = COUNTS.map(([name]) => name);

/** What a host, or all of them, did in a time. */
export class MetricRecord {
  /** From the beginning of what was counted to its end. */
  spanMs: number;
  readonly client = new LatencySketch();
  readonly origin = new LatencySketch();
  readonly #counts: number[];

  constructor(spanMs = 0, counts: readonly number[] = []) {
    this.spanMs = spanMs;
    this.#counts = COUNT_NAMES.map((_, index) => counts[index] ?? 0);
  }

  static of({ values, client, origin, seconds }: Omit<HostMinute, "name">): MetricRecord {
    const record = new MetricRecord(
      seconds * MS_PER_SECOND,
      COUNTS.map(([, read]) => read(values)),
    );
    if (client !== undefined) record.client.addSketch(client);
    if (origin !== undefined) record.origin.addSketch(origin);
    return record;
  }

  count(name: CountName): number {
    return this.#counts[COUNT_NAMES.indexOf(name)] ?? 0;
  }

  /** What another host did at the same time. */
  addHost({ values, client, origin }: HostMinute): void {
    COUNTS.forEach(([, read], index) => {
      this.#counts[index] = (this.#counts[index] ?? 0) + read(values);
    });
    if (client !== undefined) this.client.addSketch(client);
    if (origin !== undefined) this.origin.addSketch(origin);
  }

  /** What the same host did at another time. */
  add(other: MetricRecord): void {
    other.#counts.forEach((count, index) => {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    });
    this.client.addSketch(other.client);
    this.origin.addSketch(other.origin);
  }

  encode(): Uint8Array {
    const writer = new ByteWriter();
    writer.number(this.spanMs);
    writer.number(this.#counts.length);
    for (const count of this.#counts) writer.number(count);
    for (const sketch of [this.client, this.origin]) writeRow(writer, sketch.row());
    return writer.take();
  }

  /** Undefined for bytes that are no record. Of a later version the counts that are unknown are left out. */
  static decode(bytes: Uint8Array): MetricRecord | undefined {
    const reader = new ByteReader(bytes);
    const spanMs = reader.number();
    const count = reader.number();
    if (!(count <= bytes.length)) return undefined;
    const counts = Array.from({ length: count }, () => reader.number());
    const record = new MetricRecord(spanMs, counts);
    for (const sketch of [record.client, record.origin]) {
      const row = readRow(reader, bytes.length);
      if (row === undefined) return undefined;
      if (row.buckets.length > 0) sketch.addRow(row);
    }
    return counts.some(Number.isNaN) || Number.isNaN(spanMs) || !reader.isAtEnd ? undefined : record;
  }
}

const writeRow = (writer: ByteWriter, { buckets, counts, sum, minimum, maximum }: LatencyRow): void => {
  writer.number(buckets.length);
  if (buckets.length === 0) return;
  writer.number(sum);
  writer.number(minimum);
  writer.number(maximum);
  let before = 0;
  buckets.forEach((bucket, index) => {
    writer.number(bucket - before);
    writer.number(counts[index] ?? 0);
    before = bucket;
  });
};

const NOTHING: LatencyRow = {
  buckets: new Uint16Array(0),
  counts: new Float64Array(0),
  sum: 0,
  minimum: 0,
  maximum: 0,
};

const MOST_BUCKET = 65_535;

const readRow = (reader: ByteReader, most: number): LatencyRow | undefined => {
  const length = reader.number();
  if (!(length <= most)) return undefined;
  if (length === 0) return NOTHING;
  const [sum, minimum, maximum] = [reader.number(), reader.number(), reader.number()];
  const buckets = new Uint16Array(length);
  const counts = new Float64Array(length);
  let bucket = 0;
  for (let index = 0; index < length; index++) {
    bucket += reader.number();
    const count = reader.number();
    if (!(bucket <= MOST_BUCKET) || Number.isNaN(count)) return undefined;
    buckets[index] = bucket;
    counts[index] = count;
  }
  return [sum, minimum, maximum].some(Number.isNaN) ? undefined : { buckets, counts, sum, minimum, maximum };
};
