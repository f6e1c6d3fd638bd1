import {
  assembleGraph,
  consolidate,
  decodeRow,
  drawGraph,
  encodeRow,
  fineRow,
  GRAPH_STEPS,
  type GraphQuestion,
  type GraphRow,
  IDLE_ROW_SECONDS,
  joinRows,
  type RowsByStep,
  SERVER_NAME,
} from "@basalt/management/graphs";
import { openSeriesStore, type SeriesStep, type SeriesStore } from "@basalt/store";
import type { GraphWindow, HostValues } from "./graphProtocol.ts";

const MS_PER_SECOND = 1_000;

/** Of all rows: with thousands of busy hosts the history of single ones is shorter. */
const MOST_BYTES = 2 * 1024 ** 3;

/** Calls of `prune` at once. */
const PRUNE_ROUNDS = 20;

/** What is shown, the last row of an idle host before it, and the step that has just begun. */
const STEPS: readonly SeriesStep[] = GRAPH_STEPS.map(({ stepSeconds, points }) => ({
  seconds: stepSeconds,
  keptSeconds: stepSeconds * (points + 2) + IDLE_ROW_SECONDS,
}));

type Span = Pick<GraphWindow, "endedAtMs" | "seconds">;

/** 18 months of the figures that graphs are drawn of (GRAPH-16): rows in four steps, each made of the finer one's. */
export class GraphHistory {
  readonly #store: SeriesStore | undefined;

  constructor(path: string, onProblem: (text: string) => void) {
    this.#store = openSeriesStore(path, { steps: STEPS, mostBytes: MOST_BYTES, survivesPowerLoss: true, onProblem });
  }

  recordServer(window: GraphWindow): void {
    this.#record(window, [[SERVER_NAME, fineRow(window.seconds, window.all, window.server)]]);
  }

  recordHosts(span: Span, hosts: readonly HostValues[]): void {
    this.#record(
      span,
      hosts.map(({ name, values }) => [name, fineRow(span.seconds, values)]),
    );
  }

  /** Deletes what is too old. */
  tidy(nowMs: number): void {
    for (let round = 0; round < PRUNE_ROUNDS && this.#store?.prune(nowMs) === true; round++);
  }

  /** A PNG; undefined where there is no such graph. */
  draw(question: GraphQuestion, untilMs: number): Uint8Array | undefined {
    const picture = assembleGraph(question, untilMs, (...of) => this.#read(...of));
    return picture === undefined ? undefined : drawGraph(picture);
  }

  close(): void {
    this.#store?.close();
  }

  /**
   * The coarser rows are written anew with each of the finest, of what the finer ones have so far: whenever the process
   * is killed, there is nothing to be made up for.
   */
  #record({ endedAtMs, seconds }: Span, rows: readonly (readonly [name: string, row: GraphRow])[]): void {
    // The middle of a window is sure to lie within its step, whenever exactly it ended.
    const middleSeconds = endedAtMs / MS_PER_SECOND - seconds / 2;
    STEPS.forEach(({ seconds: stepSeconds }, level) => {
      const step = Math.floor(middleSeconds / stepSeconds);
      const finer = STEPS[level - 1];
      const rowsOfStep = rows.map(([name, row]): readonly [string, Uint8Array] => {
        const made =
          finer === undefined
            ? this.#joined(name, stepSeconds, step, row)
            : consolidate(this.#parts(name, finer.seconds, stepSeconds, step));
        return [name, encodeRow(made)];
      });
      this.#store?.append({ seconds: stepSeconds, keptSeconds: 0 }, endOf(step, stepSeconds), rowsOfStep);
    });
  }

  /** With what is known of the same step from before a restart. */
  #joined(name: string, stepSeconds: number, step: number, row: GraphRow): GraphRow {
    const known = this.#read(name, stepSeconds, step, step).get(step);
    return known === undefined ? row : joinRows([known, row]);
  }

  #parts(name: string, finerSeconds: number, stepSeconds: number, step: number): readonly GraphRow[] {
    const count = stepSeconds / finerSeconds;
    return [...this.#read(name, finerSeconds, step * count, (step + 1) * count - 1).values()];
  }

  #read(name: string, stepSeconds: number, first: number, last: number): RowsByStep {
    const [from, to] = [endOf(first - 1, stepSeconds), endOf(last, stepSeconds)];
    const rows = new Map<number, GraphRow>();
    for (const { endedAtMs, bytes } of this.#store?.read({ seconds: stepSeconds, keptSeconds: 0 }, name, from, to) ??
      []) {
      const row = decodeRow(bytes);
      if (row !== undefined) rows.set(Math.round(endedAtMs / MS_PER_SECOND / stepSeconds) - 1, row);
    }
    return rows;
  }
}

const endOf = (step: number, stepSeconds: number): number => (step + 1) * stepSeconds * MS_PER_SECOND;
