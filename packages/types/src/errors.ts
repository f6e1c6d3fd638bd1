/** Whose fault a failure is: decides logging, counting and whether the client may be told. */
export type ErrorSide = "client" | "origin" | "edge";

export interface ErrorTraits {
  readonly side: ErrorSide;
  /** Status sent to the client; 0 where no answer is possible and the connection is closed. */
  readonly status: number;
  /** `otherAddress`: safe on another origin address as long as nothing of the request body was sent. */
  readonly retry: "never" | "otherAddress";
  /** One sentence for the client and for the reference page; never holds request data. */
  readonly message: string;
}

/** Register of every failure that leaves a package. Codes are stable: logs, counters and operators' scripts name them. */
export const ERROR_CODES = {
  REQUEST_MALFORMED: { side: "client", status: 400, retry: "never", message: "The request is not well-formed HTTP." },
  REQUEST_TIMEOUT: { side: "client", status: 408, retry: "never", message: "The request did not arrive in time." },
  REQUEST_TARGET_TOO_LONG: { side: "client", status: 414, retry: "never", message: "The request target is too long." },
  REQUEST_HEAD_TOO_LARGE: { side: "client", status: 431, retry: "never", message: "The request header is too large." },
  REQUEST_BODY_TOO_LARGE: { side: "client", status: 413, retry: "never", message: "The request body is too large." },
  EXPECTATION_FAILED: { side: "client", status: 417, retry: "never", message: "The expectation cannot be met." },
  METHOD_NOT_IMPLEMENTED: { side: "client", status: 501, retry: "never", message: "The method is not implemented." },
  VERSION_NOT_SUPPORTED: { side: "client", status: 505, retry: "never", message: "The HTTP version is not supported." },
  TRANSFER_CODING_NOT_IMPLEMENTED: {
    side: "client",
    status: 501,
    retry: "never",
    message: "The transfer coding is not implemented.",
  },
  NOT_CACHED: {
    side: "client",
    status: 504,
    retry: "never",
    message: "Nothing that is stored may answer this request, and the origin was not to be asked.",
  },
  VHOST_UNKNOWN: { side: "client", status: 404, retry: "never", message: "No virtual host serves this name." },
  CLIENT_GONE: { side: "client", status: 0, retry: "never", message: "The client closed the connection." },
  ORIGIN_UNAVAILABLE: { side: "origin", status: 500, retry: "never", message: "No origin server available." },
  ORIGIN_BUSY: {
    side: "origin",
    status: 503,
    retry: "never",
    message: "Too many requests wait for the origin server.",
  },
  ORIGIN_CONNECT_FAILED: {
    side: "origin",
    status: 500,
    retry: "otherAddress",
    message: "The origin server could not be connected.",
  },
  ORIGIN_CONNECT_TIMEOUT: {
    side: "origin",
    status: 500,
    retry: "otherAddress",
    message: "The origin server did not accept the connection in time.",
  },
  ORIGIN_RECEIVE_TIMEOUT: {
    side: "origin",
    status: 500,
    retry: "never",
    message: "The origin server did not answer in time.",
  },
  ORIGIN_CLOSED: {
    side: "origin",
    status: 500,
    retry: "otherAddress",
    message: "The origin server closed the connection before its response was complete.",
  },
  ORIGIN_REFUSED: {
    side: "origin",
    status: 500,
    retry: "never",
    message: "The origin server could not confirm what is stored.",
  },
  ORIGIN_MALFORMED: {
    side: "origin",
    status: 500,
    retry: "never",
    message: "The origin server's response is not well-formed HTTP.",
  },
  STORE_UNAVAILABLE: { side: "edge", status: 500, retry: "never", message: "The object could not be stored." },
  TRANSFORM_OVERLOADED: { side: "edge", status: 503, retry: "never", message: "The transform queue is full." },
  TRANSFORM_FAILED: { side: "edge", status: 500, retry: "never", message: "The object could not be transformed." },
  MEMORY_SHORT: { side: "edge", status: 503, retry: "never", message: "Memory is short at the moment." },
  CONNECTION_LIMIT: { side: "edge", status: 0, retry: "never", message: "Too many connections." },
  SHUTTING_DOWN: { side: "edge", status: 503, retry: "never", message: "The server is shutting down." },
  INTERNAL: { side: "edge", status: 500, retry: "never", message: "The request could not be completed." },
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A failure nobody decided. Expected outcomes (miss, denied, not modified) are values, not errors. */
export class EdgeError extends Error {
  readonly code: ErrorCode;
  /** For the log only, never sent to a client. */
  readonly detail: string;

  constructor(code: ErrorCode, context: { readonly detail?: string; readonly cause?: unknown } = {}) {
    super(ERROR_CODES[code].message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = "EdgeError";
    this.code = code;
    this.detail = context.detail ?? "";
  }

  get traits(): ErrorTraits {
    return ERROR_CODES[this.code];
  }

  /** Wraps anything thrown; an EdgeError passes unchanged. */
  static from(cause: unknown, fallback: ErrorCode = "INTERNAL"): EdgeError {
    if (cause instanceof EdgeError) return cause;
    return new EdgeError(fallback, { detail: cause instanceof Error ? cause.message : String(cause), cause });
  }
}
