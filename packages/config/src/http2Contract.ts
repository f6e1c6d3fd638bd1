/** What HTTP/2 clients may do (our own element `<Http2>`); periods are of ten seconds. */
export interface Http2Settings {
  /** Requests of one connection at a time. */
  readonly maxConcurrentStreams: number;
  /** How long a connection without requests stays. */
  readonly idleTimeoutSeconds: number;
  /** What a client may send of one request body before it is taken. */
  readonly streamWindowBytes: number;
  /** The same of all bodies of a connection. */
  readonly connectionWindowBytes: number;
  /** Memory of a connection for its header tables, frames and what waits to be sent. */
  readonly connectionMemoryBytes: number;
  /** Streams that a client may reset at once; as many are allowed anew in each period. */
  readonly maxResets: number;
  /** PING frames in a period. */
  readonly maxPings: number;
  /** SETTINGS frames in a period. */
  readonly maxSettings: number;
  /** Bytes in a period that are part of no request, beyond what its traffic explains. */
  readonly maxControlBytes: number;
}
