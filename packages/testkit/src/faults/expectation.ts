import type { ObjectState, OriginFault, RequestKind } from "./catalogue.ts";

/** What a client may be told, in the words of `Answer.label`. */
export interface Expectation {
  readonly allowed: readonly string[];
  /** Latest end of an answer, on a machine that takes no time itself. */
  readonly limitMs: number;
  /** Most requests for content that the origin may see; undefined: as it comes. */
  readonly originRequests: number | undefined;
  /** The spec rows that say so. */
  readonly because: string;
}

/** The limits of time that the matrix configures. */
export const LIMITS = {
  connectMs: 1000,
  receiveMs: 2000,
  bypassConnectMs: 1000,
  bypassReceiveMs: 3000,
} as const;

export const HEALTHY_LABEL = { old: "200 old", new: "200 new" } as const;

export const expectationOf = (fault: OriginFault, state: ObjectState, kind: RequestKind): Expectation => {
  const isCached = kind === "GET cached";
  if (isCached && state === "fresh") {
    return { allowed: ["200 old"], limitMs: 0, originRequests: 0, because: "TTL-01" };
  }
  const hasOld = isCached && (state === "stale" || state === "purged");
  const { allowed, because } = hasOld ? withObject(fault, state) : withoutObject(fault, kind);
  return { allowed, limitMs: limitOf(fault, isCached), originRequests: undefined, because };
};

const limitOf = ({ waits = {}, slownessMs = 0 }: OriginFault, isCached: boolean): number => {
  const connectMs = isCached ? LIMITS.connectMs : LIMITS.bypassConnectMs;
  const receiveMs = isCached ? LIMITS.receiveMs : LIMITS.bypassReceiveMs;
  return (waits.connect ?? 0) * connectMs + (waits.receive ?? 0) * receiveMs + slownessMs;
};

type Allowed = Pick<Expectation, "allowed" | "because">;

/** A body whose end nobody can know before it is there is not shown as long as there is an older one (TTL-27). */
const isEndUnknown = ({ shape }: OriginFault): boolean => shape !== undefined;

/** An expired or purged object is there. */
const withObject = (fault: OriginFault, state: ObjectState): Allowed => {
  const rows = state === "purged" ? "PRG-14, ORG-12" : "TTL-12, TTL-13, ORG-12";
  switch (fault.reach) {
    case "nothing":
      return { allowed: fault.hasSoundServer ? ["200 old", "200 new"] : ["200 old"], because: rows };
    case "part":
      if (isEndUnknown(fault)) return { allowed: ["200 old"], because: `TTL-27, ${rows}` };
      return { allowed: ["200 old", "200 new", "200 cut"], because: rows };
    case "refusal":
      return state === "purged"
        ? { allowed: ["200 old", "503 page"], because: "PRG-14, ORG-11" }
        : { allowed: ["200 old"], because: "TTL-24" };
    case "all":
      return { allowed: ["200 old", "200 new"], because: "TTL-29" };
    case "sometimes":
      return { allowed: ["200 old", "200 new"], because: rows };
  }
};

/** Nothing is stored, or the request goes past the cache: what is stored must not be shown then. */
const withoutObject = (fault: OriginFault, kind: RequestKind): Allowed => {
  const because = kind === "GET cached" ? "TTL-18" : "BYP-01, BYP-20";
  switch (fault.reach) {
    case "nothing": {
      if (!fault.hasSoundServer) return { allowed: ["500 page"], because };
      return kind === "POST bypassed"
        ? { allowed: ["200 new", "500 page"], because: "RFC 9110 9.2.2" }
        : { allowed: ["200 new"], because: "ORG-03" };
    }
    case "part":
      return { allowed: ["200 new", "200 cut", "500 page"], because };
    case "refusal":
      return { allowed: ["503 page"], because: "ORG-11" };
    case "all":
      return { allowed: ["200 new"], because };
    case "sometimes":
      return { allowed: ["200 new", "500 page"], because };
  }
};
