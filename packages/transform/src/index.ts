export * from "./contract.ts";
export { releaseMemory } from "./ownMemory.ts";
export { createTransformPool } from "./pool.ts";
