import type { CacheResult } from "@basalt/types";

/** A part of the work on a request. Moments are epoch ms with fractions. */
export interface TracedPart {
  readonly id: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Undefined for what was done here. */
  readonly exchange: TracedOriginExchange | undefined;
  readonly parts: readonly TracedPart[];
}

/** What a part that was an exchange with an origin has beside its times. */
export interface TracedOriginExchange {
  readonly method: string;
  readonly url: string;
  readonly serverIp: string;
  readonly serverPort: number;
  readonly purpose: string;
  /** 0: no response. */
  readonly status: number;
  readonly bodyBytes: number;
  readonly isReused: boolean;
  /** Code of the error register, `aborted`, or undefined where it ended well. */
  readonly failure: string | undefined;
}

/** A phase that a request has entered. */
export interface TraceEvent {
  readonly name: string;
  readonly atMs: number;
}

/** Whom a part or a request belongs to. */
export interface TraceOwner {
  /** Virtual host whose rules sampled it. */
  readonly vhost: string;
  readonly traceId: string;
  readonly root: string;
  /** Value of tracestate; empty: none. */
  readonly traceState: string;
}

/** The whole of a sampled request, when its client is done. Text is readable, not bytes. */
export interface TraceRecord extends TraceOwner {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly method: string;
  readonly scheme: string;
  /** Name asked for, with the port if one was sent. */
  readonly host: string;
  /** Path and query string. */
  readonly target: string;
  readonly serverPort: number;
  /** Of the connection. */
  readonly peerIp: string;
  readonly userAgent: string | undefined;
  readonly forwardedFor: string | undefined;
  /** 0: the client left before any answer. */
  readonly status: number;
  readonly bodyBytesSent: number;
  readonly isComplete: boolean;
  readonly result: CacheResult;
  readonly bypassKind: "none" | "bypass" | "private";
  readonly session: string;
  readonly events: readonly TraceEvent[];
  readonly parts: readonly TracedPart[];
  /** Parts that there was no room for. */
  readonly lostParts: number;
}

/** A part that ended when its request was recorded already: a fill that outlived its client, a renewal behind it. */
export interface LatePart extends TraceOwner {
  /** Id of the request. */
  readonly parentId: string;
  readonly part: TracedPart;
}
