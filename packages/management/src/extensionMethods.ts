import type { PurgeVerb } from "./contract.ts";

/** Methods of PRG-26 that llhttp, and so node:http, does not know, in the form in which a request begins. */
const EXTENSION_METHODS: readonly (readonly [string, PurgeVerb])[] = [
  ["EXPIRE ", "expire"],
  ["EXPIREAFTER ", "expireafter"],
  ["HARDPURGE ", "hardpurge"],
];

const KNOWN_METHOD = "PURGE ";

export type FirstBytes =
  | { readonly kind: "undecided" }
  | { readonly kind: "plain" }
  | { readonly kind: "extension"; readonly verb: PurgeVerb; readonly rewritten: Buffer };

/**
 * Looks at what a connection sends first. A request with one of our methods is rewritten to PURGE, which llhttp does
 * know, and its verb remembered by the caller: all other parsing and limits stay those of node:http.
 */
export const inspectFirstBytes = (received: Buffer): FirstBytes => {
  const start = received.toString("latin1", 0, 12);
  for (const [method, verb] of EXTENSION_METHODS) {
    if (start.startsWith(method)) {
      const rewritten = Buffer.concat([Buffer.from(KNOWN_METHOD), received.subarray(method.length)]);
      return { kind: "extension", verb, rewritten };
    }
  }
  const isPrefix = EXTENSION_METHODS.some(([method]) => start.length < method.length && method.startsWith(start));
  return isPrefix ? { kind: "undecided" } : { kind: "plain" };
};
