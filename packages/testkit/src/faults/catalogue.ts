import type { Misbehavior, ReplyShape } from "../origin/misbehavingOrigin.ts";

/** What becomes of an exchange with an origin that has the fault. */
export type Reach =
  /** No response head ever. */
  | "nothing"
  /** A head that promises a body, and a part of it. */
  | "part"
  /** A whole response that says that the origin is out of order. */
  | "refusal"
  /** The whole response, however slowly. */
  | "all"
  /** Now nothing, now all. */
  | "sometimes";

/** What the name server says of the origin's domain from then on. */
export type NameFault =
  /** NXDOMAIN, after it was known. */
  | "gone"
  /** No answer, after it was known. */
  | "unanswered"
  /** Another address, where a sound server listens. */
  | "moved"
  /** NXDOMAIN from the beginning. */
  | "never";

export interface OriginFault {
  readonly name: string;
  /** Of the server; undefined: it goes on as before. */
  readonly how: Misbehavior | undefined;
  readonly reach: Reach;
  readonly shape?: ReplyShape;
  /** 48 KB when absent. */
  readonly bodyBytes?: number;
  /** How often one exchange may wait for the limit of time of a connection, or of a silence, before it has failed. */
  readonly waits?: { readonly connect?: number; readonly receive?: number };
  /** Longer than that because the origin is slow but never silent for long. */
  readonly slownessMs?: number;
  /** Has to last this long at least to show itself. */
  readonly leastMs?: number;
  /** The origin has a domain and the name server does this as well. */
  readonly domain?: NameFault;
  /** A second server of the host is sound. */
  readonly hasSoundServer?: boolean;
}

const HALF = 24_000;
const LONG_BODY = 3_000_000;
const HALF_OF_LONG = 1_500_000;

const garbage = (pieces: () => Iterable<string>): Misbehavior => ({ kind: "garbage", pieces });

const REFUSES: Misbehavior = { kind: "refuses" };
const HANGS_UP: Misbehavior = { kind: "hangsUp" };

export const ORIGIN_FAULTS: readonly OriginFault[] = [
  { name: "refused", how: REFUSES, reach: "nothing" },
  { name: "connect never completes", how: { kind: "backlogFull" }, reach: "nothing", waits: { connect: 1 } },
  { name: "accepts, never answers", how: { kind: "silent" }, reach: "nothing", waits: { receive: 1 } },
  { name: "closes without an answer", how: HANGS_UP, reach: "nothing" },
  {
    name: "stalls in mid-body",
    how: { kind: "stalls", afterBytes: HALF },
    reach: "part",
    waits: { receive: 1 },
  },
  {
    name: "stalls in mid-body, chunked",
    how: { kind: "stalls", afterBytes: HALF },
    reach: "part",
    shape: "chunked",
    waits: { receive: 1 },
  },
  {
    name: "stalls in mid-body, 3 MB",
    how: { kind: "stalls", afterBytes: HALF_OF_LONG },
    reach: "part",
    bodyBytes: LONG_BODY,
    waits: { receive: 3 },
  },
  { name: "resets in mid-body", how: { kind: "resets", afterBytes: HALF }, reach: "part" },
  { name: "resets in mid-body, chunked", how: { kind: "resets", afterBytes: HALF }, reach: "part", shape: "chunked" },
  {
    name: "resets in mid-body, no length",
    how: { kind: "resets", afterBytes: HALF },
    reach: "part",
    shape: "untilClose",
  },
  {
    name: "resets in mid-body, 3 MB",
    how: { kind: "resets", afterBytes: HALF_OF_LONG },
    reach: "part",
    bodyBytes: LONG_BODY,
  },
  { name: "closes early, length unmet", how: { kind: "closes", afterBytes: HALF }, reach: "part" },
  { name: "closes early, chunked", how: { kind: "closes", afterBytes: HALF }, reach: "part", shape: "chunked" },
  { name: "garbage", how: garbage(() => ["220 mail.example ready\r\n\r\n"]), reach: "nothing" },
  {
    name: "garbage for a chunk size",
    how: garbage(() => ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\n"]),
    reach: "part",
    shape: "chunked",
  },
  {
    name: "two lengths",
    how: garbage(() => ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"]),
    reach: "nothing",
  },
  {
    name: "endless head",
    how: garbage(function* () {
      yield "HTTP/1.1 200 OK\r\n";
      for (;;) yield "X-More: of the same\r\n".repeat(200);
    }),
    reach: "nothing",
  },
  {
    name: "flood of 1xx",
    how: garbage(function* () {
      for (;;) yield "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(100);
    }),
    reach: "nothing",
  },
  { name: "5xx storm", how: { kind: "status", status: 503 }, reach: "refusal" },
  {
    name: "drips a byte a second",
    how: { kind: "drips", bytesPerSecond: 1, head: false },
    reach: "all",
    bodyBytes: 4,
    slownessMs: 4000,
  },
  {
    name: "drips its head",
    how: { kind: "drips", bytesPerSecond: 25, head: true },
    reach: "sometimes",
    bodyBytes: 4,
    slownessMs: 12_000,
  },
  {
    name: "flaps every 2 s",
    how: { kind: "flaps", everyMs: 2000, between: REFUSES },
    reach: "sometimes",
    leastMs: 8000,
  },
  { name: "NXDOMAIN, known before", how: undefined, reach: "all", domain: "gone" },
  { name: "NXDOMAIN, and refused", how: REFUSES, reach: "nothing", domain: "gone" },
  { name: "NXDOMAIN from the beginning", how: REFUSES, reach: "nothing", domain: "never", waits: { connect: 1 } },
  { name: "name server silent", how: undefined, reach: "all", domain: "unanswered" },
  {
    name: "the name moves to another address",
    how: REFUSES,
    reach: "sometimes",
    domain: "moved",
    // The old address may take the name with it out of service before the new one is known (ORG-24, rule 2).
    leastMs: 9000,
  },
  { name: "refused, another server is sound", how: REFUSES, reach: "nothing", hasSoundServer: true },
  {
    name: "connect never completes, another server is sound",
    how: { kind: "backlogFull" },
    reach: "nothing",
    waits: { connect: 1 },
    hasSoundServer: true,
  },
  {
    name: "closes without an answer, another server is sound",
    how: HANGS_UP,
    reach: "nothing",
    hasSoundServer: true,
  },
];

/** State of the object when the fault sets in. */
export const OBJECT_STATES = ["fresh", "stale", "purged", "absent"] as const;
export type ObjectState = (typeof OBJECT_STATES)[number];

export const REQUEST_KINDS = ["GET cached", "GET bypassed", "POST bypassed"] as const;
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** A name that was never known cannot have given an object. */
export const statesOf = (fault: OriginFault): readonly ObjectState[] =>
  fault.domain === "never" ? ["absent"] : OBJECT_STATES;
