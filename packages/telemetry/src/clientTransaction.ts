import type { CacheResult } from "@basalt/types";

/** The TLS session of a client connection. */
export interface ClientTls {
  /** As OpenSSL names it: `TLSv1.3`. */
  readonly protocol: string;
  /** As OpenSSL names it. */
  readonly cipher: string;
}

/** The trace that a request belongs to. */
export interface TraceIdentity {
  /** As logs show it. */
  readonly idText: string;
  /** What goes to origins under that name; undefined for all fields that are none of a trace. */
  fieldOf(lowerCaseName: string): string | undefined;
}

/**
 * The facts of one finished client request: what logs, traces and metric filters read. Implemented by the server's
 * exchange, which is used again for the next request: valid during the call only. Text is latin1, as received.
 */
export interface ClientTransaction {
  /** Undefined: no virtual host has the name that was asked for. */
  readonly vhostName: string | undefined;
  /** Decimal number of the client connection (HTTP-41). */
  readonly sessionText: string;
  readonly method: string;
  /** Path and query string, after rewriting unless the rule says that the URL asked for is logged (VHT-10). */
  readonly target: string;
  /** Name asked for, with the port if one was sent. */
  readonly host: string | undefined;
  readonly protocol: string;
  readonly httpVersion: "1.0" | "1.1" | "2.0";
  /** Of the connection, never of a field; IPv4 also where the socket is IPv6. */
  readonly clientIp: string;
  readonly clientPort: number;
  readonly serverIp: string;
  readonly serverPort: number;
  /** The same object as before while the client repeats its fields: what was made of them may be kept by it. */
  readonly fields: RequestFields;
  readonly requestHeadBytes: number;
  readonly requestBodyBytes: number;
  /** 0: the client left before any answer. */
  readonly status: number;
  readonly headBytesSent: number;
  readonly bodyBytesSent: number;
  /** Of the response; -1 when it had no such field. */
  readonly contentLength: number;
  /** Content-Encoding of the response. */
  readonly contentCoding: string | undefined;
  readonly result: CacheResult;
  readonly bypassKind: "none" | "bypass" | "private";
  /** The response was sent whole. */
  readonly isComplete: boolean;
  /** Wall clock when the head was complete. */
  readonly startedAtMs: number;
  /** From there to the end, with fractions. */
  readonly elapsedMs: number;
  /** From there to the first byte of the response; 0 without one. */
  readonly firstByteMs: number;
  readonly tls: ClientTls | undefined;
  /** Hosts that the request was handed on to, in order, joined with `+` (VHT-52); absent: none. */
  readonly vhostLink?: string | undefined;
  /** Where the client was sent by a rule of its host; absent: nowhere. */
  readonly redirectUrl?: string | undefined;
  /** Absent where the virtual host does not log them (AWS-91). */
  readonly heads?: RecordedHeads | undefined;
  /** Undefined where the virtual host traces nothing. */
  readonly trace: TraceIdentity | undefined;
  /** One per connection, for whoever writes lines of it. */
  readonly memo: LineMemo;
}

/** The heads of a transaction, as bytes in latin1; valid as long as the transaction is. */
export interface RecordedHeads {
  /** Names and values by turns, as received. */
  requestFields(): readonly string[];
  /** As it was sent, without the empty line; undefined: none was. */
  readonly response: { readonly text: string; readonly isWhole: boolean } | undefined;
}

export interface RequestFields {
  /** Combined value of all lines of that name. */
  get(lowerCaseName: string): string | undefined;
}

/** What a line writer keeps of a connection, as long as its fields stay the same. */
export class LineMemo {
  /** Whose pieces these are. */
  owner: object | undefined;
  fields: RequestFields | undefined;
  readonly pieces: Uint8Array[] = [];
  /** Of the last line. */
  target: string | undefined;
  method = "";
  status = 0;
  sentBytes = 0;
  contentLength = 0;
  contentCoding: string | undefined;
  result: CacheResult | undefined;
  bypassKind = "";
  /** Rounded as it is written. */
  elapsedMs = 0;
  /** That line, once it has come twice, and the text of the moment that it begins with. */
  line: Uint8Array | undefined;
  moment: Uint8Array | undefined;
}
