import type { Readable } from "node:stream";
import type { AnswerFormat } from "./route.ts";
import { renderXml } from "./xmlAnswer.ts";

/** A value that JSON can carry. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

export type EnvelopeStatus = "OK" | "Fail" | "NOT_CACHED";

export type Answer = {
  readonly httpStatus: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Runs once the answer has left, or its client has: what would end the process before it could answer. */
  readonly afterwards?: () => void;
  /** The call only asks for confirmation, so that there is nothing to audit. */
  readonly hasChangedNothing?: boolean;
} & (
  | {
      readonly kind: "envelope";
      /** Name of the function called. */
      readonly method: string;
      readonly status: EnvelopeStatus;
      readonly result: JsonValue;
      /** What a person wants to know where the result is only a code. */
      readonly details?: JsonValue;
      /** Job of a call that invalidates (AWS-53). */
      readonly invalidation?: { readonly id: string; readonly state: string };
    }
  /** JSON that the guide prints without an envelope. */
  | { readonly kind: "bare"; readonly json: JsonValue }
  /** As `bare`, written already. */
  | { readonly kind: "json"; readonly bytes: Buffer }
  | { readonly kind: "text"; readonly contentType: string; readonly text: string }
  | { readonly kind: "bytes"; readonly contentType: string; readonly bytes: Buffer }
  /** Sent as it comes, until its end; destroyed when the client has gone. */
  | { readonly kind: "stream"; readonly contentType: string; readonly source: Readable }
);

export const PLAIN_TEXT = "text/plain; charset=utf-8";
export const XML_TEXT = "text/xml; charset=utf-8";

export const succeed = (method: string, result: JsonValue, httpStatus = 200): Answer => ({
  kind: "envelope",
  httpStatus,
  method,
  status: "OK",
  result,
});

export const fail = (method: string, httpStatus: number, result: JsonValue): Answer => ({
  kind: "envelope",
  httpStatus,
  method,
  status: "Fail",
  result,
});

const acceptsJson = (accept: string): boolean =>
  accept.split(",").some((range) => /^\s*application\/json\s*(;|$)/i.test(range) && !/;\s*q=0(\.0*)?\s*$/i.test(range));

const jsonType = (accept: string): string => (acceptsJson(accept) ? "application/json" : PLAIN_TEXT);

export type RenderedAnswer =
  | { readonly contentType: string; readonly body: string | Buffer }
  | { readonly contentType: string; readonly source: Readable };

export interface RenderingOptions {
  readonly productVersion: string;
  readonly format: AnswerFormat;
  /** Value of the Accept field. */
  readonly accept: string;
}

/** CFG-19 and CFG-20: text/plain unless the caller names application/json; XML as text/xml (OPEN 5). */
export const renderAnswer = (answer: Answer, { productVersion, format, accept }: RenderingOptions): RenderedAnswer => {
  switch (answer.kind) {
    case "text":
      return { contentType: answer.contentType, body: answer.text };
    case "bytes":
      return { contentType: answer.contentType, body: answer.bytes };
    case "stream":
      return { contentType: answer.contentType, source: answer.source };
    case "json":
      return { contentType: jsonType(accept), body: answer.bytes };
    case "bare":
    case "envelope": {
      const json = answer.kind === "bare" ? answer.json : envelopeOf(answer, productVersion);
      if (format === "xml") return { contentType: XML_TEXT, body: renderXml("Response", json) };
      return { contentType: jsonType(accept), body: JSON.stringify(json) };
    }
  }
};

const envelopeOf = (
  { method, status, result, details, invalidation }: Extract<Answer, { kind: "envelope" }>,
  version: string,
): JsonValue => ({
  version,
  method,
  status,
  result,
  ...(details === undefined ? {} : { details }),
  ...(invalidation === undefined ? {} : { invalidation }),
});
