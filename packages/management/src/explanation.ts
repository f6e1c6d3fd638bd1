/** A request whose answer is to be explained without being made. */
export interface ExplainQuestion {
  /** `http://host[:port]/path`, with or without the scheme. */
  readonly url: string;
  readonly method: string;
  /** Further fields of the request, flat; a Host among them counts instead of the URL's. */
  readonly fields: readonly string[];
  /** Where the request comes in, `{IP}:{port}`, `*:{port}` or a port alone; undefined: the port of the URL. */
  readonly listen: string | undefined;
  readonly clientIp: string;
  /** Whether the whole URL is the request target, as clients write it to a proxy. */
  readonly isAbsolute: boolean;
}

/** Where a value is set. Paths as the operator knows them; `line` counts from 1. */
export type ConfigSource =
  | { readonly kind: "line"; readonly file: string; readonly line: number; readonly element: string }
  /** Set nowhere; `profile`: the default is that of this `<CachingProfile>`. */
  | { readonly kind: "default"; readonly element: string; readonly profile?: string };

/** One thing that was found or decided. Names are stable: scripts may look for them. */
export interface ExplainFact {
  readonly name: string;
  /** A header field, under its own name: of the client in `request`, to the origin in `origin`, of the answer in `response`. */
  readonly isField?: true;
  readonly value: string | number | boolean | null;
  /** The value in words, where they say more. */
  readonly text?: string;
  readonly because?: string;
  readonly source?: ConfigSource;
}

export type ExplainStepName =
  | "request"
  | "vhost"
  | "listen"
  | "requestRules"
  | "access"
  | "derivation"
  | "method"
  | "key"
  | "lookup"
  | "ttl"
  | "reuse"
  | "origin"
  | "response";

export interface ExplainStep {
  readonly step: ExplainStepName;
  /** One sentence. */
  readonly verdict: string;
  readonly facts: readonly ExplainFact[];
}

/** Every decision for a request, in order. A request that is refused on the way has no later steps. */
export interface Explanation {
  readonly method: string;
  readonly url: string;
  /** The state that was looked at, epoch ms. */
  readonly atMs: number;
  /** Generation of the configuration in service. */
  readonly generation: number;
  readonly outcome:
    | "hit"
    | "staleHit"
    | "renewal"
    | "miss"
    | "bypass"
    | "local"
    | "management"
    | "refused"
    | "closed"
    | "error";
  /** Status that the client would get; null where the origin decides or no answer is sent. */
  readonly status: number | null;
  /** Cache result word; null where the origin decides. */
  readonly result: string | null;
  readonly verdict: string;
  readonly steps: readonly ExplainStep[];
}

export type ExplainOutcome =
  | { readonly kind: "explained"; readonly explanation: Explanation }
  /** The question itself cannot be understood: a sentence says why. */
  | { readonly kind: "malformed"; readonly reason: string };
