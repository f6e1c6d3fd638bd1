export interface PlaylistSegment {
  readonly seconds: number;
  readonly uri: string;
}

/** A playlist of HLS as a player reads it. */
export interface Playlist {
  readonly lines: readonly string[];
  readonly version: number | undefined;
  readonly targetSeconds: number;
  readonly sequence: number;
  readonly segments: readonly PlaylistSegment[];
  readonly totalSeconds: number;
  /** Initialisation section of fMP4. */
  readonly mapUri: string | undefined;
  /** Of a master playlist. */
  readonly variants: readonly string[];
  readonly isEnded: boolean;
}

const tagValue = (lines: readonly string[], tag: string): string | undefined =>
  lines.find((line) => line.startsWith(`${tag}:`))?.slice(tag.length + 1);

export const readPlaylist = (text: string): Playlist => {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines[0] !== "#EXTM3U") throw new Error(`no playlist: ${text.slice(0, 200)}`);
  const segments: PlaylistSegment[] = [];
  const variants: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#")) continue;
    const [before = ""] = lines.slice(Math.max(0, index - 2), index).filter((each) => each.startsWith("#EXTINF:"));
    if (lines[index - 1]?.startsWith("#EXT-X-STREAM-INF:")) variants.push(line);
    else segments.push({ seconds: Number(/^#EXTINF:([\d.]+),/.exec(before)?.[1]), uri: line });
  }
  const version = tagValue(lines, "#EXT-X-VERSION");
  return {
    lines,
    version: version === undefined ? undefined : Number(version),
    targetSeconds: Number(tagValue(lines, "#EXT-X-TARGETDURATION")),
    sequence: Number(tagValue(lines, "#EXT-X-MEDIA-SEQUENCE")),
    segments,
    totalSeconds: segments.reduce((sum, { seconds }) => sum + seconds, 0),
    mapUri: /URI="([^"]*)"/.exec(tagValue(lines, "#EXT-X-MAP") ?? "")?.[1],
    variants,
    isEnded: lines.at(-1) === "#EXT-X-ENDLIST",
  };
};

/** Behind the ID3 tag with the time that a segment of packed audio begins with (RFC 8216, 3.4). */
const withoutTag = (bytes: Uint8Array): Uint8Array => {
  const [first, second, third, , , , a = 0, b = 0, c = 0, d = 0] = bytes;
  const isTagged = first === 0x49 && second === 0x44 && third === 0x33;
  return isTagged ? bytes.subarray(10 + ((a << 21) | (b << 14) | (c << 7) | d)) : bytes;
};

/**
 * What a player that plays everything gets: the initialisation section, if there is one, and all segments one behind the
 * other.
 */
export const collectSegments = async (
  playlist: Playlist,
  fetchBytes: (uri: string) => Uint8Array | Promise<Uint8Array>,
): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  if (playlist.mapUri !== undefined) pieces.push(await fetchBytes(playlist.mapUri));
  for (const { uri } of playlist.segments) pieces.push(withoutTag(await fetchBytes(uri)));
  return Buffer.concat(pieces);
};
