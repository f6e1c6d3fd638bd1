/// <reference types="@basalt/types/web-assembly" />

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** What the compiled oxipng of @jsquash/oxipng exports (`codec/pkg/squoosh_oxipng.d.ts`). */
interface OxipngExports {
  readonly memory: WebAssembly.Memory;
  readonly __wbindgen_malloc: (bytes: number, alignment: number) => number;
  readonly __wbindgen_add_to_stack_pointer: (bytes: number) => number;
  /** Writes position and length of the result to `result`. */
  readonly optimise: (
    result: number,
    source: number,
    sourceBytes: number,
    level: number,
    interlaces: boolean,
    changesTransparent: boolean,
  ) => void;
}

const OXIPNG_FUNCTIONS = ["__wbindgen_malloc", "__wbindgen_add_to_stack_pointer", "optimise"] as const;

let compiled: WebAssembly.Module | undefined;

/**
 * Recompresses a PNG with identical pixels, not interlaced; `level` 0 to 6. Undefined: not a sound PNG. Each call has
 * an instance of its own, so that neither the memory that a large picture took nor what a damaged one left behind
 * stays; the library's own loader keeps one for ever.
 */
export const runOxipng = (source: Uint8Array, level: number): Uint8Array<ArrayBuffer> | undefined => {
  compiled ??= new WebAssembly.Module(readFileSync(createRequire(import.meta.url).resolve(WASM_FILE)));
  const oxipng = readExports(
    new WebAssembly.Instance(compiled, {
      wbg: {
        __wbindgen_throw: (): never => {
          throw new Error("oxipng refused the picture");
        },
      },
    }).exports,
  );
  const result = oxipng.__wbindgen_add_to_stack_pointer(-16);
  try {
    const position = oxipng.__wbindgen_malloc(source.length, 1) >>> 0;
    new Uint8Array(oxipng.memory.buffer).set(source, position);
    oxipng.optimise(result, position, source.length, level, false, false);
  } catch {
    // An error of the picture, and likewise every trap: the instance is given up.
    return undefined;
  }
  const view = new DataView(oxipng.memory.buffer);
  const at = view.getUint32(result, true);
  return new Uint8Array(oxipng.memory.buffer).slice(at, at + view.getUint32(result + 4, true));
};

const WASM_FILE = "@jsquash/oxipng/codec/pkg/squoosh_oxipng_bg.wasm";

/** Boundary: the exports of a module have no types. */
const readExports = (exports: unknown): OxipngExports => {
  if (!isOxipng(exports)) throw new Error("oxipng does not export what is expected");
  return exports;
};

const isOxipng = (exports: unknown): exports is OxipngExports =>
  typeof exports === "object" &&
  exports !== null &&
  "memory" in exports &&
  OXIPNG_FUNCTIONS.every((name) => typeof Reflect.get(exports, name) === "function");
