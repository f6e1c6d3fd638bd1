import { getField } from "@basalt/http";
import { type MediaFacts, PLAY_TIME_FIELD, playSecondsIn, scanMedia } from "@basalt/media";
import type { MediaDerivation } from "@basalt/policy";
import type { Composed } from "../phases/composeMade.ts";

/** Of a response that was made of a media file. */
export interface DerivedMedia {
  readonly media: MediaDerivation;
  /** Of the response as it is stored. */
  readonly fields: readonly string[];
  readonly bodyBytes: number;
}

const PLAY_TIME_NAME = PLAY_TIME_FIELD.toLowerCase();

/**
 * A stream's segments, playlists and the like are sent as any file (OPEN 3 of spec 16): they have no header that is free.
 * The bit rate of a segment is that of its bytes over its time (BW-24). Undefined for what is a media file of its own, as a
 * trimmed one: that tells by its bytes.
 */
export const streamFacts = ({ media, fields, bodyBytes }: DerivedMedia): MediaFacts | undefined => {
  if (media.task.kind === "trim" || media.task.kind === "relocate") return undefined;
  const value = getField(fields, PLAY_TIME_NAME);
  const seconds = value === undefined ? undefined : playSecondsIn(value);
  return { headerBytes: 0, bytesPerSecond: seconds === undefined ? undefined : bodyBytes / seconds };
};

/** By the first bytes of a file that is composed while it is sent, as far as they are at hand. */
export const composedFacts = ({ recipe, source }: Composed): MediaFacts | undefined => {
  const scanner = scanMedia(recipe.sizeBytes);
  for (let index = 0; index < recipe.pieceCount && scanner.wants >= 0; index++) {
    const position = recipe.startOf(index);
    const piece = recipe.pieceAt(index);
    const bytes =
      piece.kind === "bytes"
        ? piece.bytes
        : source.kind === "bytes"
          ? source.bytes.subarray(piece.start, piece.end)
          : source.body.peek(piece.start)?.subarray(0, piece.end - piece.start);
    if (bytes === undefined || scanner.wants < position) break;
    scanner.push(position, bytes);
  }
  return scanner.wants < 0 ? scanner.facts : undefined;
};
