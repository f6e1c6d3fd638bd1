/// <reference types="@basalt/types/web-assembly" />

/** `sum.wat` compiled, in base64; a test compiles it anew and compares. */
export const SUM_MODULE = [
  "AGFzbQEAAAABDAJgAn9/AXxgAXsBfwMDAgABBQMBAAUHEAIGbWVtb3J5AgADc3VtAAAK0wECnQECAX8CeyAAIAFqIQIgAf0RIQMCQANAIAAgAk",
  "8NASADIAD9AAQA/a4BIQMgBCAD/a4BIQQgAyAA/QAEEP2uASEDIAQgA/2uASEEIAMgAP0ABCD9rgEhAyAEIAP9rgEhBCADIAD9AAQw/a4BIQMg",
  "BCAD/a4BIQQgAEHAAGohAAwACwsgAxABuEQAAAAAAABAQaIgBBABQf///wBxuKALMgAgAP0MAQAAAAMAAAAFAAAABwAAAP21ASEAIAD9GwAgAP",
  "0bAWogAP0bAiAA/RsDamoL",
].join("");

/** What `sum.wat` gives. */
interface SumModule {
  /** Fixed: it never grows, so that views of it stay. */
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sum: (at: number, bytes: number) => number;
}

/** Boundary: the exports of a module have no types. */
const isSumModule = (exports: unknown): exports is SumModule =>
  typeof exports === "object" &&
  exports !== null &&
  "sum" in exports &&
  typeof exports.sum === "function" &&
  "memory" in exports &&
  exports.memory instanceof WebAssembly.Memory;

export const openSumModule = (): SumModule => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(SUM_MODULE, "base64")));
  if (!isSumModule(exports)) throw new Error("the module of sums does not export what is expected");
  return exports;
};
