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
} & (
  | {
      readonly kind: "envelope";
      /** Name of the function called. */
      readonly method: string;
      readonly status: EnvelopeStatus;
      readonly result: JsonValue;
    }
  /** JSON that the guide prints without an envelope. */
  | { readonly kind: "bare"; readonly json: JsonValue }
  | { readonly kind: "text"; readonly contentType: string; readonly text: string }
);

export const PLAIN_TEXT = "text/plain; charset=utf-8";

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

/** CFG-19 and CFG-20: text/plain unless the caller names application/json. */
export const renderAnswer = (
  answer: Answer,
  productVersion: string,
  accept: string,
): { readonly contentType: string; readonly text: string } => {
  if (answer.kind === "text") return answer;
  const contentType = acceptsJson(accept) ? "application/json" : PLAIN_TEXT;
  if (answer.kind === "bare") return { contentType, text: JSON.stringify(answer.json) };
  const { method, status, result } = answer;
  return { contentType, text: JSON.stringify({ version: productVersion, method, status, result }) };
};
