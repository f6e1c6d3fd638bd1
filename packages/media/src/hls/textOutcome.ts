import type { MediaOutcome } from "../contract.ts";

/** MEDIA-26. */
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

const encoder = new TextEncoder();

export const textOutcome = (text: string, contentType: string): MediaOutcome => ({
  kind: "bytes",
  body: encoder.encode(text),
  contentType,
});

export const playlistOutcome = (text: string): MediaOutcome => textOutcome(text, PLAYLIST_TYPE);
