import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  type RawResponse,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../packages/testkit/src/index.ts";
import {
  type CorpusName,
  corpusFile,
  FileBody,
  hasFfmpeg,
  type Playlist,
  readPlaylist,
} from "../../packages/testkit/src/media/index.ts";

/** Without `<OriginalETag>` an ETag alone is no reason to ask for parts. */
const MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";

/** Short segments: films of the corpus have some 10 s. */
export const SEGMENT_SECONDS = 4;

const TRIMMING = `<MP4Trimming AllTracks="off" MaxRatio="100">ON</MP4Trimming>
<M4ATrimming MaxRatio="100">ON</M4ATrimming><MP3Trimming>ON</MP3Trimming>`;
const DURATION = `<Duration>${SEGMENT_SECONDS}</Duration>`;

/** Virtual hosts by what they have switched on; all in front of the same origin. */
const HOSTS = {
  plain: "",
  ts: `<MP4HLS Status="Active">${DURATION}</MP4HLS><MP3HLS Status="Active">${DURATION}</MP3HLS>${TRIMMING}`,
  first: `<MP4HLS Status="Active"><Index Ver="1">index.m3u8</Index>${DURATION}</MP4HLS>
    <MP3HLS Status="Active" SegmentType="MP3">${DURATION}</MP3HLS>`,
  master: `<MP4HLS Status="Active"><Index Ver="3" Alternates="ON">index.m3u8</Index>${DURATION}</MP4HLS>${TRIMMING}`,
  fmp4: `<MP4HLS Status="Active" Form="FMP4">${DURATION}</MP4HLS>
    <DASH Status="Active">${DURATION}</DASH>${TRIMMING}`,
  locked: `<MP4HLS Status="Active">${DURATION}
    <Encryption Status="Active" Key="000102030405060708090a0b0c0d0e0f" ServeKey="ON"/></MP4HLS>`,
  upfront: "<UpfrontMP4Header>ON</UpfrontMP4Header><UpfrontM4AHeader>ON</UpfrontM4AHeader>",
} as const;

/** So that the memory tier does not take what films bring. */
export const SMALLEST_TIER = "<SystemMemoryRatio>1</SystemMemoryRatio><ContentMemoryRatio>1</ContentMemoryRatio>";

export type MediaHost = keyof typeof HOSTS;

export const hostName = (host: MediaHost): string => `${host}.media.test`;

export interface MediaScene {
  readonly edge: TestEdge;
  readonly origin: TestOrigin;
  /** For what is looked at with ffmpeg; gone in the end. */
  readonly folder: string;
  /** Lets the origin have the file under `/{anything}/{name}`; answers its path on the disk. */
  serve(name: CorpusName): Promise<string>;
  /** A whole answer; throws unless its status is that. */
  fetch(host: MediaHost, target: string, status?: number): Promise<RawResponse>;
  playlist(host: MediaHost, target: string): Promise<Playlist>;
  save(name: string, bytes: Uint8Array): Promise<string>;
}

export interface MediaSceneSettings {
  readonly serverXml?: string;
  /** Answers requests that name no host of the scene: for players that cannot be told one. */
  readonly defaultHost?: MediaHost;
}

const vhosts = (origin: TestOrigin): VhostSpec[] =>
  Object.entries(HOSTS).map(([host, media]) => ({
    name: `${host}.media.test`,
    origin: origin.address,
    xml: `<Media>${media}</Media>`,
  }));

/** An edge in front of an origin that has the corpus; taken down when `play` has ended. */
export const playMediaScene = async (
  settings: MediaSceneSettings,
  play: (scene: MediaScene) => Promise<void>,
): Promise<void> => {
  if (!hasFfmpeg()) throw new Error("ffmpeg is not installed");
  const folder = await mkdtemp(join(tmpdir(), "basalt-check-media-"));
  const origin = await startOrigin();
  const bodies = new Map<string, FileBody>();
  const edge = await startEdge({
    workers: 2,
    vhosts: vhosts(origin),
    defaultVhost: hostName(settings.defaultHost ?? "ts"),
    ...(settings.serverXml === undefined ? {} : { serverXml: settings.serverXml }),
  });
  const fetch: MediaScene["fetch"] = async (host, target, status = 200) => {
    const answer = await edge.get(target, { host: hostName(host) });
    if (answer.status !== status) throw new Error(`${target}: ${answer.status} ${answer.text.slice(0, 200)}`);
    return answer;
  };
  try {
    await play({
      edge,
      origin,
      folder,
      fetch,
      serve: async (name) => {
        const { path } = await corpusFile(name);
        if (!bodies.has(name)) {
          const body = new FileBody(path);
          bodies.set(name, body);
          origin
            .on((request) => basename(request.path) === name)
            .file(body, { etag: `"${name}"`, lastModified: MODIFIED, fields: { "Cache-Control": "max-age=3600" } });
        }
        return path;
      },
      playlist: async (host, target) => readPlaylist((await fetch(host, target)).text),
      save: async (name, bytes) => {
        const path = join(folder, name);
        await writeFile(path, bytes);
        return path;
      },
    });
  } finally {
    await edge.close();
    await origin.close();
    for (const body of bodies.values()) body.close();
    await rm(folder, { recursive: true, force: true });
  }
};
