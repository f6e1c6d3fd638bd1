export type { Answer } from "./answer.ts";
export { type ObjectState, ORIGIN_FAULTS, type OriginFault, type RequestKind } from "./catalogue.ts";
export type { CellReport } from "./cell.ts";
export { type Expectation, expectationOf } from "./expectation.ts";
export { brokenRenewals, judgeCell, slowestMs, tally } from "./judge.ts";
export { type MatrixOptions, runFaultMatrix } from "./matrix.ts";
