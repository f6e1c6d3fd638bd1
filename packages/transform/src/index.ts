export * from "./contract.ts";
export { createTransformPool } from "./pool.ts";
