import type { ServerSessionOptions } from "node:http2";
import type { Http2Settings } from "@basalt/config";
import type { ClientLimits } from "../edgeServer.ts";

const MEBIBYTE = 1024 ** 2;

/** Pseudo-fields of a request; the field limit is for the others. */
const PSEUDO_FIELDS = 4;

/** Frames of a kind or at a moment that the protocol does not allow, before the connection is closed. */
const MAX_INVALID_FRAMES = 100;

/** Streams that were opened beyond the limit, before the connection is closed. */
const MAX_REJECTED_STREAMS = 100;

/** The library counts resets too, as a second line behind our own count, which is of ten seconds. */
const RESET_MARGIN = 2;
const RESET_PERIOD_SECONDS = 10;

/** Settings in one SETTINGS frame. */
const MAX_SETTINGS_ENTRIES = 32;

export const sessionOptions = (
  http2: Http2Settings,
  limits: Pick<ClientLimits, "headBytes" | "fieldCount">,
): ServerSessionOptions => ({
  settings: {
    enablePush: false,
    maxConcurrentStreams: http2.maxConcurrentStreams,
    initialWindowSize: http2.streamWindowBytes,
    maxHeaderListSize: limits.headBytes,
  },
  maxHeaderListPairs: limits.fieldCount + PSEUDO_FIELDS,
  maxSessionMemory: Math.ceil(http2.connectionMemoryBytes / MEBIBYTE),
  maxSessionInvalidFrames: MAX_INVALID_FRAMES,
  maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
  maxSettings: MAX_SETTINGS_ENTRIES,
  streamResetBurst: http2.maxResets * RESET_MARGIN,
  streamResetRate: Math.ceil(http2.maxResets / RESET_PERIOD_SECONDS),
  strictFieldWhitespaceValidation: true,
  strictSingleValueFields: false,
});
