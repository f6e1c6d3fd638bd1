import type { DrawnLine, GraphPicture } from "./drawing/drawGraph.ts";
import { GRAPH_TYPES } from "./graphTypes.ts";
import { hostPoints, type RowsByStep, serverPoints } from "./points.ts";
import { type GraphQuestion, graphOf } from "./question.ts";
import { type GraphLine, PEAK_COLOR } from "./resources.ts";
import { HOST_PART, positionOf, SERVER_PART } from "./rows.ts";
import { HOST_SERIES, type HostSeriesName, type ServerSeriesName } from "./series.ts";

/** Rows of a virtual host, or of the server under SERVER_NAME: of steps of this length, from one to another with both. */
export type ReadRows = (name: string, stepSeconds: number, first: number, last: number) => RowsByStep;

export const SERVER_NAME = "";

const MS_PER_SECOND = 1_000;
const FINEST_SECONDS = GRAPH_TYPES.day.stepSeconds;

/** So old may the last row of an idle host be that has something stored: it gets one each day. */
export const IDLE_ROW_SECONDS = 25 * 3_600;

/** What a graph shows of the past until this moment: its last point holds the last whole five minutes. */
export const assembleGraph = (question: GraphQuestion, untilMs: number, read: ReadRows): GraphPicture | undefined => {
  const resource = graphOf(question);
  if (resource === undefined) return undefined;
  const { stepSeconds, points: count, hasPeak } = GRAPH_TYPES[question.type];
  const last = Math.floor((untilMs / MS_PER_SECOND - FINEST_SECONDS) / stepSeconds);
  const first = last - count + 1;
  const steps = Array.from({ length: count }, (_, index) => first + index);
  const server = read(SERVER_NAME, stepSeconds, first, last);
  const { vhost } = question;
  const before = Math.ceil(IDLE_ROW_SECONDS / stepSeconds);
  const own = vhost === undefined ? undefined : read(vhost, stepSeconds, first - before, last);

  const pointsOf = (series: HostSeriesName | ServerSeriesName, kind: "means" | "peaks"): Float64Array => {
    const part = resource.scope === "server" ? SERVER_PART : HOST_PART;
    const place = { part, kind, ...positionOf(part, series) };
    if (own === undefined) return serverPoints(server, steps, place);
    const idle = isHostSeries(series) ? HOST_SERIES[series].idle : "same";
    return hostPoints({ own, server }, steps, place, idle);
  };

  const lines = resource.lines.map(
    ({ label, color, series }: GraphLine<HostSeriesName | ServerSeriesName>, index): DrawnLine => ({
      ...{ label, color, points: pointsOf(series, "means"), isFilled: resource.hasMain && index === 0 },
    }),
  );
  const main = resource.lines[0];
  const peaks: readonly DrawnLine[] =
    hasPeak && resource.hasMain && main !== undefined
      ? [{ label: "peak", color: PEAK_COLOR, points: pointsOf(main.series, "peaks"), isFilled: false }]
      : [];
  return {
    type: question.type,
    title: resource.title,
    subject: resource.scope === "server" ? undefined : (vhost ?? "all virtual hosts"),
    unit: resource.unit,
    base: resource.base,
    fromMs: first * stepSeconds * MS_PER_SECOND,
    lines: [...lines, ...peaks],
  };
};

const isHostSeries = (name: string): name is HostSeriesName => Object.hasOwn(HOST_SERIES, name);
