export { QueryError, QueryLimitError } from "./contract.ts";
export { parseQuery } from "./parseQuery.ts";
export type { Cell } from "./plan.ts";
export { type LogQueryReport, type LogQuestion, type QuerySource, runLogQuery } from "./runLogQuery.ts";
