import type { ConfigPlace } from "@basalt/config";

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
  /** Code of the client's country; undefined when it is not known. */
  readonly country?: string | undefined;
  /** Whether the whole URL is the request target, as clients write it to a proxy. */
  readonly isAbsolute: boolean;
}

/** Where a value is set. */
export type ConfigSource =
  | ({ readonly kind: "line" } & ConfigPlace)
  /** Set nowhere; `profile`: the default is that of this `<CachingProfile>`. */
  | { readonly kind: "default"; readonly element: string; readonly profile?: string };

/** One thing that was found or decided, under a stable name. */
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

export type ExplainedOutcome =
  | "hit"
  | "staleHit"
  | "renewal"
  | "miss"
  | "bypass"
  /** Answered here without cache or origin. */
  | "local"
  | "management"
  | "refused"
  | "closed"
  | "error";

/** Every decision for a request, in order. A request that is refused on the way has no later steps. */
export interface Explanation {
  readonly method: string;
  readonly url: string;
  /** The state that was looked at, epoch ms. */
  readonly atMs: number;
  readonly generation: number;
  readonly outcome: ExplainedOutcome;
  /** Status that the client would get; null where the origin decides or no answer is sent. */
  readonly status: number | null;
  /** Cache result word; null where the origin decides. */
  readonly result: string | null;
  readonly verdict: string;
  readonly steps: readonly ExplainStep[];
}

/** A response as it lies in the store. */
export interface StoredView {
  /** Variant and selector as the cache names them; empty for the plain object. */
  readonly variant: string;
  readonly version: number;
  readonly status: number;
  /** Flat. */
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  /** Of the body, on the disk. */
  readonly missingBytes: number;
  readonly storedAtMs: number;
  /** When the origin last sent or confirmed it, and its age then. */
  readonly validatedAtMs: number;
  readonly initialAgeSeconds: number;
  readonly updatedAtMs: number;
  readonly lastAccessMs: number;
  readonly freshUntilMs: number;
  /** The lifetime last given. */
  readonly ttlSeconds: number;
  readonly isPurged: boolean;
  readonly isExpiredByForce: boolean;
  /** As `TaggedContent`. */
  readonly etagMark?: number;
  /** Made here from another object. */
  readonly isDerived: boolean;
  /** Where it lies, in words an operator knows. */
  readonly place: string;
  readonly disk: string;
}

/** What one worker holds of the object. */
export interface WorkerView {
  readonly slot: number;
  /** `body`: it can be sent from memory; `head`: the body is read from the disk. */
  readonly memory: "none" | "head" | "body";
  /** Purge calls that its copy must be checked against when it is next looked at. */
  readonly waitingInvalidations: number;
}

export interface OriginAddressView {
  /** As configured. */
  readonly text: string;
  readonly isStandby: boolean;
  readonly hostField: string;
  readonly pathPrefix: string;
  /** Slots of the workers that have excluded it, and the most failures in a row that one has seen. */
  readonly excludedBy: readonly number[];
  readonly failures: number;
}

/** The state of a running instance, as far as a request depends on it. */
export interface ExplainState {
  readonly nowMs: number;
  readonly product: { readonly name: string; readonly version: string };
  /** Every request goes to the origin since no disk is left (CFG-43). */
  readonly isBypassing: boolean;
  readonly isEmergency: boolean;
  readonly addresses: readonly OriginAddressView[];
  /** Undefined for what is not looked up. */
  readonly lookup: LookupView | undefined;
  /** What is stored under a URL that asks for something made of another object; `lookup` is about that object. */
  readonly derived: readonly StoredView[];
}

export interface LookupView {
  /** Of the key: canonical, and without what No-Vary-Search has told to leave out. */
  readonly url: string;
  /** Hexadecimal; of the object looked up, by variant and selector. */
  readonly keyDigest: string;
  /** What tells the request apart by Vary or body; empty when nothing does. */
  readonly selector: string;
  /** Names of the fields that the stored response without selector depends on. */
  readonly selectedBy: readonly string[];
  /** What would be found. */
  readonly object: StoredView | undefined;
  /** The compressed copy, where the request takes one. */
  readonly compressed: StoredView | undefined;
  /** Everything that is stored under the URL. */
  readonly variants: readonly StoredView[];
  readonly workers: readonly WorkerView[];
}
