import type { GraphRow } from "./rows.ts";
import type { IdleValue } from "./series.ts";

/** Rows of one step by the number of the step since 1970. */
export type RowsByStep = ReadonlyMap<number, GraphRow>;

/** What is kept of a time, and a while before it. */
export interface KeptRows {
  /** Of the virtual host: where nothing happened there is none. */
  readonly own: RowsByStep;
  /** Of the server: where it did not run there is none. */
  readonly server: RowsByStep;
}

/** A value of a row: which part, and where the series stands among its means and its peaks. */
export interface ValuePlace {
  readonly part: number;
  readonly mean: number;
  readonly peak: number;
  readonly kind: "means" | "peaks";
}

const valueIn = (row: GraphRow | undefined, { part, mean, peak, kind }: ValuePlace): number =>
  row?.parts[part]?.[kind][kind === "means" ? mean : peak] ?? Number.NaN;

/** GRAPH-14: what the server did step by step; NaN is a gap. */
export const serverPoints = (server: RowsByStep, steps: readonly number[], place: ValuePlace): Float64Array =>
  Float64Array.from(steps, (step) => valueIn(server.get(step), place));

/** The last of the rows before this step. */
const lastBefore = (rows: RowsByStep, step: number): GraphRow | undefined => {
  let last = Number.NEGATIVE_INFINITY;
  for (const at of rows.keys()) if (at < step && at > last) last = at;
  return rows.get(last);
};

/**
 * What a virtual host did step by step. Of a step in which the server ran and the host has no row, it is known that
 * nothing happened; of one in which it has one for a shorter time than the server, that the rest of it was idle.
 */
export const hostPoints = (
  { own, server }: KeptRows,
  steps: readonly number[],
  place: ValuePlace,
  idle: IdleValue,
): Float64Array => {
  const known = lastBefore(own, steps[0] ?? 0);
  const level: ValuePlace = { ...place, kind: "means" };
  let before = known === undefined ? 0 : valueIn(known, level);
  const points = new Float64Array(steps.length);
  steps.forEach((step, index) => {
    const [row, whole] = [own.get(step), server.get(step)];
    if (row !== undefined) {
      const value = valueIn(row, place);
      const share = place.kind === "means" && idle === "zero" ? Math.min(1, row.seconds / (whole?.seconds ?? 1)) : 1;
      points[index] = value * share;
      before = valueIn(row, level);
    } else if (whole === undefined || idle === "unknown") points[index] = Number.NaN;
    else points[index] = idle === "zero" ? 0 : before;
  });
  return points;
};
