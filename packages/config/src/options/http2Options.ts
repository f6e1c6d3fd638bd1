import type { Http2Settings } from "../http2Contract.ts";
import { type OptionTable, option } from "./option.ts";
import { duration, integer } from "./valueTypes.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 ** 2;

/** Largest window that the protocol knows. */
const MAX_WINDOW_BYTES = 2 ** 31 - 1;

/** Places are relative to `<Server>`; connections that are open keep what held when they began. */
export const HTTP2_OPTIONS: OptionTable<Http2Settings> = {
  maxConcurrentStreams: option("Cache/Http2/MaxConcurrentStreams", integer({ min: 1, max: 1_000 }), 128, {
    doc: "Requests that one HTTP/2 connection may have under way; more are refused.",
    spec: "own element, AWS-41",
  }),
  idleTimeoutSeconds: option("Cache/Http2/IdleTimeout", duration({ min: 1, max: 86_400 }), 60, {
    doc: "How long an HTTP/2 connection without requests stays.",
    spec: "own element, AWS-41",
  }),
  streamWindowBytes: option(
    "Cache/Http2/StreamWindow",
    integer({ min: 65_535, max: MAX_WINDOW_BYTES }, "bytes"),
    256 * KIBIBYTE,
    { doc: "What a client may send of a request body before it is taken.", spec: "own element, AWS-41" },
  ),
  connectionWindowBytes: option(
    "Cache/Http2/ConnectionWindow",
    integer({ min: 65_535, max: MAX_WINDOW_BYTES }, "bytes"),
    MEBIBYTE,
    {
      doc: "What a client may send of all request bodies of a connection before it is taken.",
      spec: "own element, AWS-41",
    },
  ),
  connectionMemoryBytes: option(
    "Cache/Http2/ConnectionMemory",
    integer({ min: MEBIBYTE, max: 1024 * MEBIBYTE }, "bytes"),
    10 * MEBIBYTE,
    {
      doc: "Most memory of an HTTP/2 connection beside the bodies that it sends; beyond it, new requests on it are refused, and of each request body no more than its share of it waits.",
      spec: "own element, AWS-41",
    },
  ),
  maxResets: option("Cache/Http2/MaxResets", integer({ min: 1, max: 1_000_000 }), 300, {
    doc: "Requests that a client may break off within 10 seconds; with more its connection is closed.",
    spec: "own element, AWS-41",
  }),
  maxPings: option("Cache/Http2/MaxPings", integer({ min: 1, max: 1_000_000 }), 100, {
    doc: "PING frames that a client may send within 10 seconds; with more its connection is closed.",
    spec: "own element, AWS-41",
  }),
  maxSettings: option("Cache/Http2/MaxSettings", integer({ min: 1, max: 1_000_000 }), 20, {
    doc: "SETTINGS frames that a client may send within 10 seconds; with more its connection is closed.",
    spec: "own element, AWS-41",
  }),
  maxControlBytes: option(
    "Cache/Http2/MaxControlBytes",
    integer({ min: KIBIBYTE, max: 1024 * MEBIBYTE }, "bytes"),
    256 * KIBIBYTE,
    {
      doc: "Bytes within 10 seconds that belong to no request and that its responses do not explain; with more the connection is closed.",
      spec: "own element, AWS-41",
    },
  ),
};
