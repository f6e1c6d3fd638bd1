export { assembleGraph, IDLE_ROW_SECONDS, type ReadRows, SERVER_NAME } from "./assembleGraph.ts";
export { type DrawnLine, drawGraph, type GraphPicture } from "./drawing/drawGraph.ts";
export { GRAPH_STEPS, GRAPH_TYPES, type GraphTypeName } from "./graphTypes.ts";
export type { RowsByStep } from "./points.ts";
export type { GraphQuestion } from "./question.ts";
export {
  consolidate,
  decodeRow,
  encodeRow,
  fineRow,
  type GraphRow,
  HOST_PART,
  joinRows,
  positionOf,
  SERVER_PART,
} from "./rows.ts";
export { HOST_SERIES, type HostReading, hasActivity, levelsOf, readHost, readServer, SERVER_SERIES } from "./series.ts";
