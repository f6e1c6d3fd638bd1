import { setTimeout as delay } from "node:timers/promises";
import { readPlaylist } from "../../packages/testkit/src/media/index.ts";
import { MediaClient } from "./mediaClient.ts";
import { startMediaEdge } from "./mediaEdge.ts";
import { median, quantile } from "./statistics.ts";

export interface FirstByteFigure {
  readonly what: string;
  readonly coldMs: number;
  readonly warmMs: number;
}

const urisOf = (text: string): readonly string[] => readPlaylist(text).segments.map(({ uri }) => uri);

/** Time until the first byte of playlists and segments: of a film that nobody has asked for, and of one that is known. */
export const measureFirstByte = async (
  film: string,
  folder: string,
  rounds: number,
): Promise<readonly FirstByteFigure[]> => {
  const media = await startMediaEdge(folder, film, 2, undefined);
  const client = new MediaClient(media.port);
  const times = { playlistCold: [0], playlistWarm: [0], segmentCold: [0], segmentWarm: [0], firstSegment: [0] };
  for (const list of Object.values(times)) list.length = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const playlist = `/first${round}/${media.filmName}/mp4hls/index.m3u8`;
      const cold = await client.get(playlist);
      times.playlistCold.push(cold.firstByteMs);
      times.playlistWarm.push((await client.get(playlist)).firstByteMs);
      const uris = urisOf(cold.text);
      const middle = uris[Math.floor(uris.length / 2)] ?? "";
      times.segmentCold.push((await client.get(middle)).firstByteMs);
      times.segmentWarm.push((await client.get(middle)).firstByteMs);
      const unknown = `/direct${round}/${media.filmName}/mp4hls/${Math.floor(uris.length / 2)}.ts`;
      times.firstSegment.push((await client.get(unknown)).firstByteMs);
    }
  } finally {
    client.close();
    await media.stop();
  }
  return [
    { what: "playlist", coldMs: median(times.playlistCold), warmMs: median(times.playlistWarm) },
    { what: "segment from the middle", coldMs: median(times.segmentCold), warmMs: median(times.segmentWarm) },
    { what: "the same, with nothing known of the film", coldMs: median(times.firstSegment), warmMs: Number.NaN },
  ];
};

export interface ViewersFigure {
  readonly viewers: number;
  readonly seconds: number;
  readonly segments: number;
  readonly megabitsPerSecond: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly memoryBytes: number;
  readonly memoryGrowthBytes: number;
  readonly originBytes: number;
  readonly medianMs: number;
  readonly slowest99Ms: number;
  /** Segments that took longer than they play. */
  readonly late: number;
}

const SEGMENT_SECONDS = 10;

/** Viewers at different positions of one film, each asking for its next segment as long as it plays the one before. */
export const measureViewers = async (
  film: string,
  folder: string,
  viewers: number,
  seconds: number,
): Promise<ViewersFigure> => {
  const media = await startMediaEdge(folder, film, 2, undefined);
  const client = new MediaClient(media.port);
  try {
    const playlist = await client.get(`/v/${media.filmName}/mp4hls/index.m3u8`);
    const uris = urisOf(playlist.text);
    const waits: number[] = [];
    let bytes = 0;
    let memoryBytes = media.anonymousBytes();
    const memoryBefore = memoryBytes;
    const cpuBefore = media.cpuSeconds();
    const startedMs = performance.now();
    const hasTime = (): boolean => performance.now() - startedMs < seconds * 1000;
    const watching = setInterval(() => {
      memoryBytes = Math.max(memoryBytes, media.anonymousBytes());
    }, 500);
    const view = async (viewer: number): Promise<void> => {
      await delay((viewer / viewers) * SEGMENT_SECONDS * 1000);
      for (let step = 0; hasTime(); step++) {
        const at = (Math.floor((viewer * uris.length) / viewers) + step) % uris.length;
        const askedMs = performance.now();
        const answer = await client.get(uris[at] ?? "");
        if (answer.status !== 200) throw new Error(`${uris[at]}: ${answer.status}`);
        bytes += answer.bytes;
        waits.push(answer.totalMs);
        await delay(Math.max(0, SEGMENT_SECONDS * 1000 - (performance.now() - askedMs)));
      }
    };
    await Promise.all(Array.from({ length: viewers }, (_, viewer) => view(viewer)));
    clearInterval(watching);
    const elapsed = (performance.now() - startedMs) / 1000;
    return {
      viewers,
      seconds: elapsed,
      segments: waits.length,
      megabitsPerSecond: (bytes * 8) / 1e6 / elapsed,
      cpuShare: (media.cpuSeconds() - cpuBefore) / elapsed,
      memoryBytes,
      memoryGrowthBytes: memoryBytes - memoryBefore,
      originBytes: media.origin.bytes.out,
      medianMs: median(waits),
      slowest99Ms: quantile(waits, 0.99),
      late: waits.filter((wait) => wait > SEGMENT_SECONDS * 1000).length,
    };
  } finally {
    client.close();
    await media.stop();
  }
};
