/**
 * Boundary to llhttp as Node carries it. The module is internal and untyped: everything that comes out of it is
 * checked here.
 */
import { createRequire } from "node:module";
import type { Reading } from "./reading.ts";

type Callback = (...given: readonly unknown[]) => unknown;

interface NodeParser {
  [callback: number]: Callback | undefined;
  initialize(type: number, resource: object, maxHeaderBytes: number, lenientFlags: number): void;
  execute(bytes: Buffer): unknown;
}

interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kLenientNone: number;
}

const common: { readonly HTTPParser: NodeParserClass; readonly methods: readonly string[] } = createRequire(
  import.meta.url,
)("node:_http_common");
const { HTTPParser } = common;

const MAX_HEADER_BYTES = 65_536;

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** What llhttp said of one message, gathered from its callbacks. */
class Observed {
  method = -1;
  minorVersion = -1;
  target = "";
  fields: string[] = [];
  trailers: string[] = [];
  body = "";
  headIsComplete = false;
  isComplete = false;

  onHeaders(flat: unknown, target: unknown): void {
    if (this.isComplete) return;
    (this.headIsComplete ? this.trailers : this.fields).push(...texts(flat));
    if (!this.headIsComplete && typeof target === "string") this.target += target;
  }

  onHeadersComplete(given: readonly unknown[]): void {
    if (this.isComplete) return;
    const [, minor, flat, method, target] = given;
    this.onHeaders(flat, target);
    this.minorVersion = Number(minor);
    this.method = Number(method);
    this.headIsComplete = true;
  }

  onBody(piece: unknown): void {
    if (!this.isComplete && Buffer.isBuffer(piece)) this.body += piece.toString("latin1");
  }
}

const parser = new HTTPParser();

/** Runs llhttp over pieces and stops at its first error or when the first message is complete. */
const observe = (pieces: readonly Buffer[]): { observed: Observed; completedIn: number; failedIn: number } => {
  const observed = new Observed();
  parser.initialize(HTTPParser.REQUEST, {}, MAX_HEADER_BYTES, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnHeaders] = (flat, target) => observed.onHeaders(flat, target);
  parser[HTTPParser.kOnHeadersComplete] = (...given) => {
    observed.onHeadersComplete(given);
    return 0;
  };
  parser[HTTPParser.kOnBody] = (piece) => observed.onBody(piece);
  parser[HTTPParser.kOnMessageComplete] = () => {
    observed.isComplete = true;
  };
  for (const [index, piece] of pieces.entries()) {
    if (piece.length === 0) continue;
    const result = parser.execute(piece);
    if (observed.isComplete) return { observed, completedIn: index, failedIn: -1 };
    if (result instanceof Error) return { observed, completedIn: -1, failedIn: index };
  }
  return { observed, completedIn: -1, failedIn: -1 };
};

const METHOD_NAMES: ReadonlyMap<number, string> = new Map(
  common.methods.map((name) => {
    const target = name === "CONNECT" ? "a:1" : "/";
    const { observed } = observe([Buffer.from(`${name} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, "latin1")]);
    return [observed.method, name];
  }),
);

export const isKnownToLlhttp = (method: string): boolean => [...METHOD_NAMES.values()].includes(method);

export type LlhttpReading = "accepted" | "rejected" | "incomplete";

/** Whether llhttp sees a complete first message in the bytes. */
export const judgeWithLlhttp = (bytes: Buffer): LlhttpReading => {
  const { completedIn, failedIn } = observe([bytes]);
  if (completedIn >= 0) return "accepted";
  return failedIn >= 0 ? "rejected" : "incomplete";
};

/** llhttp's reading of a message of known length; undefined when it does not end exactly there. */
export const readWithLlhttp = (bytes: Buffer, length: number): Reading | undefined => {
  const { observed, completedIn } = observe([bytes.subarray(0, length - 1), bytes.subarray(length - 1, length)]);
  if (completedIn !== 1) return undefined;
  return {
    kind: "accepted",
    method: METHOD_NAMES.get(observed.method) ?? `method ${observed.method}`,
    target: observed.target,
    minorVersion: observed.minorVersion,
    fields: observed.fields,
    body: observed.body,
    trailers: observed.trailers,
    length,
  };
};
