import { type GraphResource, SERVER_GRAPHS, VHOST_GRAPHS } from "./resources.ts";
import { HOST_SERIES, SERVER_SERIES } from "./series.ts";

/** The series of one kind in one step. Values that are not there are NaN: nothing can be said. */
export interface RowPart {
  readonly means: Float32Array;
  /** Of `PEAK_SERIES` the largest values of the next finer step; empty in rows of the finest one. */
  readonly peaks: Float32Array;
}

/** What is kept of one step: of a virtual host its part alone, in the row of the server that of all hosts, then its own. */
export interface GraphRow {
  /** How much of the step was counted. */
  readonly seconds: number;
  readonly parts: readonly RowPart[];
}

export const HOST_PART = 0;
export const SERVER_PART = 1;

const HOST_NAMES: readonly string[] = Object.keys(HOST_SERIES);
const SERVER_NAMES: readonly string[] = Object.keys(SERVER_SERIES);
const NAMES_OF_PART: readonly (readonly string[])[] = [HOST_NAMES, SERVER_NAMES];

const mainSeriesOf = (graphs: ReadonlyMap<string, GraphResource>): ReadonlySet<string | undefined> =>
  new Set([...graphs.values()].filter(({ hasMain }) => hasMain).map(({ lines }) => lines[0]?.series));

/** By part: positions of the series that have a Peak line somewhere. New series are behind all others, so are their peaks. */
export const PEAK_SERIES: readonly (readonly number[])[] = [
  mainSeriesOf(VHOST_GRAPHS),
  mainSeriesOf(SERVER_GRAPHS),
].map((mains, part) =>
  [...(NAMES_OF_PART[part] ?? []).entries()].filter(([, name]) => mains.has(name)).map(([at]) => at),
);

/** Where a series stands among the means, and among the peaks or -1. */
export const positionOf = (part: number, series: string): { readonly mean: number; readonly peak: number } => {
  const mean = NAMES_OF_PART[part]?.indexOf(series) ?? -1;
  return { mean, peak: PEAK_SERIES[part]?.indexOf(mean) ?? -1 };
};

const NO_VALUES = new Float32Array(0);

export const fineRow = (seconds: number, ...parts: readonly Float32Array[]): GraphRow => ({
  seconds,
  parts: parts.map((means) => ({ means, peaks: NO_VALUES })),
});

const meanOf = (rows: readonly GraphRow[], part: number, at: number): number => {
  let [sum, seconds] = [0, 0];
  for (const row of rows) {
    const value = row.parts[part]?.means[at] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += value * row.seconds;
    seconds += row.seconds;
  }
  return seconds === 0 ? Number.NaN : sum / seconds;
};

const largestOf = (rows: readonly GraphRow[], part: number, at: number): number =>
  rows.reduce((largest, { parts }) => {
    const value = parts[part]?.means[at] ?? Number.NaN;
    return Number.isNaN(value) || value < largest ? largest : value;
  }, Number.NaN);

/** Rows of an earlier version have fewer values. */
const widthOf = (rows: readonly GraphRow[], part: number): number =>
  rows.reduce((most, { parts }) => Math.max(most, parts[part]?.means.length ?? 0), 0);

/** One step of the rows of the next finer one: means, and the largest of what they are made of (GRAPH-13, GRAPH-14). */
export const consolidate = (rows: readonly GraphRow[]): GraphRow => ({
  seconds: rows.reduce((sum, { seconds }) => sum + seconds, 0),
  parts: (rows[0]?.parts ?? []).map((_, part) => ({
    means: Float32Array.from({ length: widthOf(rows, part) }, (__, at) => meanOf(rows, part, at)),
    peaks: Float32Array.from(PEAK_SERIES[part] ?? [], (at) => largestOf(rows, part, at)),
  })),
});

/** Two parts of the same step of the finest kind, as before and after a restart. */
export const joinRows = (rows: readonly GraphRow[]): GraphRow => {
  const { seconds, parts } = consolidate(rows);
  return fineRow(seconds, ...parts.map(({ means }) => means));
};

/** Two bits for each value: most are 0, and many are not there. */
const ZERO = 0;
const NOTHING = 1;
const NUMBER = 2;

const MOST_VALUES = 255;
const FLOAT_BYTES = 4;
const HEAD_BYTES = 5;

const codeOf = (value: number): number => {
  if (Number.isNaN(value)) return NOTHING;
  return value === 0 ? ZERO : NUMBER;
};

const writeValues = (values: Float32Array): Uint8Array => {
  const numbers = values.filter((value) => codeOf(value) === NUMBER);
  const codes = new Uint8Array(Math.ceil(values.length / 4));
  values.forEach((value, at) => {
    codes[at >> 2] = (codes[at >> 2] ?? 0) | (codeOf(value) << ((at & 3) * 2));
  });
  const bytes = new Uint8Array(1 + codes.length + numbers.length * FLOAT_BYTES);
  bytes[0] = values.length;
  bytes.set(codes, 1);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of numbers.entries()) view.setFloat32(1 + codes.length + at * FLOAT_BYTES, value, true);
  return bytes;
};

/** A byte with the number of parts, four with the seconds, then of each part its means and its peaks. */
export const encodeRow = ({ seconds, parts }: GraphRow): Uint8Array => {
  const vectors = parts.flatMap(({ means, peaks }) => [writeValues(means), writeValues(peaks)]);
  const bytes = new Uint8Array(HEAD_BYTES + vectors.reduce((sum, { length }) => sum + length, 0));
  bytes[0] = parts.length;
  new DataView(bytes.buffer).setUint32(1, Math.round(seconds), true);
  let at = HEAD_BYTES;
  for (const vector of vectors) {
    bytes.set(vector, at);
    at += vector.length;
  }
  return bytes;
};

/** Undefined where the bytes are no such values. */
const readValues = (
  view: DataView,
  start: number,
): { readonly values: Float32Array; readonly end: number } | undefined => {
  if (start >= view.byteLength) return undefined;
  const count = view.getUint8(start);
  const codesStart = start + 1;
  let at = codesStart + Math.ceil(count / 4);
  if (at > view.byteLength) return undefined;
  const values = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    const code = (view.getUint8(codesStart + (index >> 2)) >> ((index & 3) * 2)) & 3;
    if (code === NOTHING) values[index] = Number.NaN;
    if (code !== NUMBER) continue;
    if (at + FLOAT_BYTES > view.byteLength) return undefined;
    values[index] = view.getFloat32(at, true);
    at += FLOAT_BYTES;
  }
  return { values, end: at };
};

/** Undefined for bytes that are no row. One of an earlier version has fewer values: those that follow are not there. */
export const decodeRow = (bytes: Uint8Array): GraphRow | undefined => {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seconds = view.getUint32(1, true);
  const parts: RowPart[] = [];
  let at = HEAD_BYTES;
  for (let part = 0; part < view.getUint8(0); part++) {
    const means = readValues(view, at);
    const peaks = means === undefined ? undefined : readValues(view, means.end);
    if (means === undefined || peaks === undefined) return undefined;
    parts.push({ means: means.values, peaks: peaks.values });
    at = peaks.end;
  }
  return at === bytes.length ? { seconds, parts } : undefined;
};

for (const names of NAMES_OF_PART) {
  if (names.length > MOST_VALUES) throw new Error(`a row holds ${MOST_VALUES} values at most`);
}
