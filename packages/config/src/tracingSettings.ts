/** What of the requests that match a path is sampled. */
export interface TracingRule {
  /** `*` stands for any run of characters. */
  readonly path: string;
  /** Requests of each second, all workers together. */
  readonly perSecond: number;
  /** Of the others, in percent. */
  readonly ratePercent: number;
}

/** AWS-94 to AWS-99. */
export interface TracingSettings {
  readonly status: "Active" | "Inactive";
  /** Which fields are read, made and handed on: `X-Amzn-Trace-Id`, `traceparent` with `tracestate`, or all of them. */
  readonly header: "amzn" | "w3c" | "both";
  /** Whether what clients send of these fields is followed. */
  readonly fromClients: boolean;
  /** For requests that no rule matches. */
  readonly perSecond: number;
  readonly ratePercent: number;
  readonly rules: readonly TracingRule[];
  readonly collector: {
    readonly enabled: boolean;
    /** `{host}:{port}`, an IPv6 address in brackets. */
    readonly address: string;
  };
  /** URL that spans are posted to; empty: none. */
  readonly otlp: string;
}
