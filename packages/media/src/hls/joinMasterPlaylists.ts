const VERSION = "#EXT-X-VERSION:";
const INDEPENDENT = "#EXT-X-INDEPENDENT-SEGMENTS";
const RENDITION = "#EXT-X-MEDIA:";
const VARIANT = "#EXT-X-STREAM-INF:";
const KEY_FRAMES = "#EXT-X-I-FRAME-STREAM-INF:";

/**
 * One master playlist of several that were made here by the same settings, with their variants in that order. They are
 * forms of one film: the subtitles of the first that has any are those of all.
 */
export function joinMasterPlaylists(playlists: readonly string[]): string {
  const files = playlists.map((playlist) => playlist.split("\n"));
  const lines = files.flat();
  const beginningWith = (tag: string): readonly string[] => lines.filter((line) => line.startsWith(tag));
  const version = Math.max(1, ...beginningWith(VERSION).map((line) => Number(line.slice(VERSION.length))));
  const variants = lines.flatMap((line, index) => (line.startsWith(VARIANT) ? [line, lines[index + 1] ?? ""] : []));
  const joined = [
    "#EXTM3U",
    ...(version === 1 ? [] : [`${VERSION}${version}`]),
    ...(files.every((file) => file.includes(INDEPENDENT)) ? [INDEPENDENT] : []),
    ...beginningWith(RENDITION).slice(0, 1),
    ...variants,
    ...beginningWith(KEY_FRAMES),
  ];
  return `${joined.join("\n")}\n`;
}
