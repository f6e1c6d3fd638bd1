import { EdgeError, type ErrorCode } from "@basalt/types";

const CODES: Readonly<Record<string, ErrorCode>> = {
  UND_ERR_HEADERS_TIMEOUT: "ORIGIN_RECEIVE_TIMEOUT",
  UND_ERR_BODY_TIMEOUT: "ORIGIN_RECEIVE_TIMEOUT",
  ETIMEDOUT: "ORIGIN_RECEIVE_TIMEOUT",
  UND_ERR_HEADERS_OVERFLOW: "ORIGIN_MALFORMED",
  ERR_ASSERTION: "ORIGIN_MALFORMED",
  UND_ERR_SOCKET: "ORIGIN_CLOSED",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "ORIGIN_CLOSED",
  ECONNRESET: "ORIGIN_CLOSED",
  EPIPE: "ORIGIN_CLOSED",
  ECONNABORTED: "ORIGIN_CLOSED",
  EHOSTUNREACH: "ORIGIN_CLOSED",
  ENETUNREACH: "ORIGIN_CLOSED",
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: "REQUEST_MALFORMED",
  UND_ERR_DESTROYED: "SHUTTING_DOWN",
  UND_ERR_CLOSED: "SHUTTING_DOWN",
};

/** Codes under which a transaction can fail through the origin. */
export type OriginFailureCode =
  | "ORIGIN_CONNECT_FAILED"
  | "ORIGIN_CONNECT_TIMEOUT"
  | "ORIGIN_RECEIVE_TIMEOUT"
  | "ORIGIN_CLOSED"
  | "ORIGIN_MALFORMED";

/** The origin's failure that an error stands for; undefined when this side, or the client, is the cause. */
export const originFailureOf = ({ code }: EdgeError): OriginFailureCode | undefined => {
  switch (code) {
    case "ORIGIN_CONNECT_FAILED":
    case "ORIGIN_CONNECT_TIMEOUT":
    case "ORIGIN_RECEIVE_TIMEOUT":
    case "ORIGIN_CLOSED":
    case "ORIGIN_MALFORMED":
      return code;
    default:
      return undefined;
  }
};

/** Undici names these two only in the message; both mean an answer that the request cannot have. */
const MALFORMED_MESSAGES: ReadonlySet<string> = new Set(["bad response", "bad upgrade"]);

/** What llhttp says when the connection ends within a message. */
const UNFINISHED = "Invalid EOF state";

/** The register's code for what undici or the socket reports once a connection stands. */
export const classifyFailure = (cause: Error, address: string, headSeen: boolean): EdgeError => {
  if (cause instanceof EdgeError) return cause;
  return new EdgeError(codeOf(cause, headSeen), { detail: `${address}: ${cause.message}`, cause });
};

const codeOf = (cause: Error, headSeen: boolean): ErrorCode => {
  if (cause.name === "HTTPParserError") {
    return cause.message.includes(UNFINISHED) ? "ORIGIN_CLOSED" : "ORIGIN_MALFORMED";
  }
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  if (code === "UND_ERR_SOCKET" && MALFORMED_MESSAGES.has(cause.message)) return "ORIGIN_MALFORMED";
  // A parser error is reported as unmet length when a length was announced: within the head it cannot be that.
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" && !headSeen) return "ORIGIN_MALFORMED";
  return CODES[code] ?? "INTERNAL";
};
