import type { MovieTrack } from "../movie/contract.ts";
import { childrenOf, contentOf, findBox } from "../write/boxTree.ts";

/**
 * How long the first edit of a track that is not empty shows its media, in units of the track; undefined where no edit list
 * says so. Zero in a list means: as long as there are samples.
 */
export const editedUnits = (track: MovieTrack, movieTimescale: number): number | undefined => {
  const edits = findBox(childrenOf(track.box), "edts");
  const list = edits === undefined ? undefined : findBox(childrenOf(edits), "elst");
  const content = list === undefined ? undefined : contentOf(list);
  if (content === undefined || content.byteLength < 8 || movieTimescale <= 0) {
    return undefined;
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const isLong = view.getUint8(0) === 1;
  const entryBytes = isLong ? 20 : 12;
  const count = Math.min(view.getUint32(4), Math.floor((content.byteLength - 8) / entryBytes));
  for (let entry = 0; entry < count; entry += 1) {
    const at = 8 + entry * entryBytes;
    const duration = isLong ? Number(view.getBigUint64(at)) : view.getUint32(at);
    const mediaTime = isLong ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (mediaTime >= 0) {
      return duration > 0 ? Math.round((duration * track.timescale) / movieTimescale) : undefined;
    }
  }
  return undefined;
};
