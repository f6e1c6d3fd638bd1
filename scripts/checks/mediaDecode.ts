import { rm } from "node:fs/promises";
import { join } from "node:path";
import { formatTable, print } from "../../infra/lib/print.ts";
import {
  CORPUS,
  type CorpusName,
  collectSegments,
  decodeComplaints,
  type Expected,
  type Judgement,
  judgeResult,
  LARGE_FILES,
  probeFile,
  runFfmpeg,
  transportComplaints,
} from "../../packages/testkit/src/media/index.ts";
import type { Findings } from "./findings.ts";
import { hostName, type MediaHost, type MediaScene, playMediaScene } from "./mediaScene.ts";

/** Files that are broken on purpose: the hostile part has them. */
const BROKEN: ReadonlySet<string> = new Set(["truncated.mp4", "headless.mp4", "truncated.mp3"]);

/** Codecs that no transport stream carries. */
const ONLY_FRAGMENTS: ReadonlySet<string> = new Set(["av1.mp4"]);

/** Where sections meet, pictures follow that refer to others than those in front of them: no decoder expects that. */
const NO_JOINS: ReadonlySet<string> = new Set(["openGop.mp4"]);

/** Containers of DASH and of fMP4 hold no such sound. */
const ONLY_TRANSPORT: ReadonlySet<string> = new Set(["mp3.mp4"]);

const isSong = (name: string): boolean => name.endsWith(".mp3");
const isMovie = (name: string): boolean => !isSong(name);

/** Largest distance of key frames of a file, seconds. */
const keyFrameSecondsOf = (name: CorpusName): number =>
  name === "irregular.mp4" ? 10 : name === "keyframes.mp4" ? 3 : name.endsWith("3") || name.endsWith("a") ? 0.1 : 2;

interface Feature {
  readonly name: string;
  readonly has: (name: CorpusName) => boolean;
  /** Makes it; answers where it is and what it should hold. */
  readonly make: (
    scene: MediaScene,
    name: CorpusName,
    durationSeconds: number,
  ) => Promise<{ readonly path: string; readonly expected: Expected }>;
}

const keywordOf = (name: string): string => (isSong(name) ? "mp3hls" : "mp4hls");
const extensionOf = (name: string): string => name.slice(name.lastIndexOf("."));

/** Everything that a playlist names, and whether counters continue over its segments. */
const collect = async (scene: MediaScene, host: MediaHost, target: string, extension: string): Promise<string> => {
  const first = await scene.playlist(host, target);
  const playlist = first.variants[0] === undefined ? first : await scene.playlist(host, first.variants[0]);
  if (playlist.segments.length === 0 || !playlist.isEnded) throw new Error(`${target}: ${playlist.lines.join(" ")}`);
  const bytes = await collectSegments(playlist, async (uri) => (await scene.fetch(host, uri)).body);
  const path = await scene.save(`stream${extension}`, bytes);
  if (extension === ".ts") {
    const complaints = transportComplaints(bytes);
    if (complaints.length > 0) throw new Error(complaints.join("; "));
  }
  return path;
};

const stream = (name: string, host: MediaHost, extension: string, has: Feature["has"]): Feature => ({
  name,
  has,
  make: async (scene, file) => ({
    path: await collect(scene, host, `/${host}/${file}/${keywordOf(file)}/index.m3u8`, extension),
    expected: {},
  }),
});

/** `from` and `to` in thousandths of the playing time; undefined: not named. */
const trimming = (name: string, from: number | undefined, to: number | undefined): Feature => ({
  name,
  has: () => true,
  make: async (scene, file, durationSeconds) => {
    const at = (perMille: number): string => ((durationSeconds * perMille) / 1000).toFixed(2);
    const query = [from === undefined ? "" : `start=${at(from)}`, to === undefined ? "" : `end=${at(to)}`];
    const { body } = await scene.fetch("ts", `/t/${file}?${query.filter((part) => part !== "").join("&")}`);
    const section = { startSeconds: Number(at(from ?? 0)), endSeconds: Number(at(to ?? 1000)) };
    return {
      path: await scene.save(`trimmed${extensionOf(file)}`, body),
      expected: { sections: [section], keyFrameSeconds: keyFrameSecondsOf(file) },
    };
  },
});

const FEATURES: readonly Feature[] = [
  stream("HLS 3", "ts", ".ts", (name) => !ONLY_FRAGMENTS.has(name)),
  stream("HLS 1", "first", ".ts", (name) => isMovie(name) && !ONLY_FRAGMENTS.has(name)),
  stream("pieces", "first", ".mp3", isSong),
  stream("master", "master", ".ts", (name) => isMovie(name) && !ONLY_FRAGMENTS.has(name)),
  stream("fMP4", "fmp4", ".mp4", (name) => isMovie(name) && !ONLY_TRANSPORT.has(name)),
  {
    name: "DASH",
    has: (name) => isMovie(name) && !ONLY_TRANSPORT.has(name),
    make: async (scene, file) => {
      const path = join(scene.folder, "dash.mp4");
      const url = `http://127.0.0.1:${scene.edge.port}/dash/${file}/dash/manifest.mpd`;
      // ffmpeg ends all tracks of a manifest with the shortest of them.
      await runFfmpeg(["-i", url, "-i", url, "-map", "0:v?", "-map", "1:a?", "-c", "copy", path]);
      return { path, expected: {} };
    },
  },
  {
    name: "header",
    has: isMovie,
    make: async (scene, file) => {
      const { body } = await scene.fetch("upfront", `/u/${file}`);
      return { path: await scene.save(`front${extensionOf(file)}`, body), expected: {} };
    },
  },
  trimming("start", 400, undefined),
  trimming("end", undefined, 700),
  trimming("section", 250, 850),
  {
    name: "sections",
    has: (name) => isMovie(name) && !NO_JOINS.has(name),
    make: async (scene, file, durationSeconds) => {
      const at = (perMille: number): string => ((durationSeconds * perMille) / 1000).toFixed(2);
      const parts = [
        [600, 900],
        [0, 300],
        [600, 900],
      ].map(([from = 0, to = 0]) => [at(from), at(to)] as const);
      const list = parts.map((part) => part.join("-")).join(",");
      const { body } = await scene.fetch("ts", `/m/${file}?trimming=${list}`);
      const sections = parts.map(([start, end]) => ({ startSeconds: Number(start), endSeconds: Number(end) }));
      return {
        path: await scene.save(`sections${extensionOf(file)}`, body),
        expected: { sections, keyFrameSeconds: keyFrameSecondsOf(file) },
      };
    },
  },
  {
    name: "trim+HLS",
    has: (name) => isMovie(name) && !ONLY_FRAGMENTS.has(name),
    make: async (scene, file, durationSeconds) => {
      const [start, end] = [(durationSeconds * 0.25).toFixed(2), (durationSeconds * 0.8).toFixed(2)];
      const forms = [
        `/h/${file}?start=${start}&end=${end}/mp4hls/index.m3u8`,
        `/h/${file}/mp4hls/index.m3u8?start=${start}&end=${end}`,
        `/h/${file}?start=${start}/mp4hls/index.m3u8?end=${end}`,
      ];
      const [first = "", ...others] = await Promise.all(
        forms.map(async (form) => JSON.stringify((await scene.playlist("ts", form)).segments.map((s) => s.seconds))),
      );
      if (others.some((other) => other !== first)) throw new Error("the three forms have different playlists");
      return {
        path: await collect(scene, "ts", forms[0] ?? "", ".ts"),
        expected: {
          sections: [{ startSeconds: Number(start), endSeconds: Number(end) }],
          keyFrameSeconds: keyFrameSecondsOf(file),
        },
      };
    },
  },
];

const tryFeature = async (scene: MediaScene, feature: Feature, name: CorpusName): Promise<Judgement | string> => {
  try {
    const source = await scene.serve(name);
    const { durationSeconds } = await probeFile(source);
    const { path, expected } = await feature.make(scene, name, durationSeconds);
    const judgement = await judgeResult(source, path, expected);
    await rm(path, { force: true });
    return judgement.complaints.length === 0 ? judgement : judgement.complaints.join("; ");
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
};

/** Every feature on every file of the corpus: decoded without complaint, and the same pictures and sound as the source. */
export const checkDecoding = async (findings: Findings, wanted: readonly string[] | undefined): Promise<void> => {
  const names = Object.keys(CORPUS).filter(
    (name): name is CorpusName =>
      !BROKEN.has(name) && ![...LARGE_FILES].some((large) => large === name) && (wanted?.includes(name) ?? true),
  );
  await playMediaScene({ defaultHost: "fmp4" }, async (scene) => {
    const rows: string[][] = [["file", ...FEATURES.map(({ name }) => name)]];
    const failures: string[] = [];
    let tried = 0;
    let worstOffset = 0;
    for (const name of names) {
      const row: string[] = [name];
      for (const feature of FEATURES) {
        if (!feature.has(name)) {
          row.push("");
          continue;
        }
        tried += 1;
        const judgement = await tryFeature(scene, feature, name);
        if (typeof judgement === "string") {
          failures.push(`${name}, ${feature.name}: ${judgement}`);
          row.push("FAIL");
        } else {
          worstOffset = Math.max(worstOffset, judgement.offsetSeconds);
          row.push(judgement.pictures > 0 ? `${judgement.pictures}` : `${judgement.soundFrames}f`);
        }
      }
      rows.push(row);
      print(formatTable([row]));
    }
    print("\npictures (or frames of sound, f) that were compared with the source");
    print(formatTable(rows));
    for (const failure of failures) findings.expect(false, failure);
    findings.expect(
      failures.length === 0,
      `${tried - failures.length} of ${tried} results decode to what the source holds; sound against picture moved by ${(worstOffset * 1000).toFixed(1)} ms at most`,
    );
    await checkEncryption(scene, findings);
    await checkBroken(scene, findings);
  });
};

/** ffmpeg fetches the key by the playlist, from the edge. */
const checkEncryption = async (scene: MediaScene, findings: Findings): Promise<void> => {
  await scene.serve("main.mp4");
  const playlist = await scene.playlist("locked", "/locked/main.mp4/mp4hls/index.m3u8");
  const host = `Host: ${hostName("locked")}\r\n`;
  const path = join(scene.folder, "locked.ts");
  const url = `http://127.0.0.1:${scene.edge.port}/locked/main.mp4/mp4hls/index.m3u8`;
  await runFfmpeg(["-headers", host, "-i", url, "-map", "0", "-c", "copy", path]);
  const { complaints } = await judgeResult(await scene.serve("main.mp4"), path);
  findings.expect(complaints.length === 0, `AES-128: ffmpeg fetches the key and decodes ${complaints.join("; ")}`);
  const [segment] = playlist.segments;
  if (segment !== undefined) {
    const { body } = await scene.fetch("locked", segment.uri);
    const file = await scene.save("ciphered.ts", body);
    findings.expect((await decodeComplaints(file)) !== "", "and a segment without the key is not readable");
  }
};

/** MEDIA-06, MEDIA-53 and the acceptance example of broken files. */
const checkBroken = async (scene: MediaScene, findings: Findings): Promise<void> => {
  for (const name of ["truncated.mp4", "headless.mp4"] as const) {
    const { body: source } = await serveAndFetch(scene, name, "plain", "");
    for (const [host, target] of [
      ["ts", "?start=2&end=5"],
      ["upfront", ""],
    ] as const) {
      const { body } = await serveAndFetch(scene, name, host, target);
      findings.expect(body.equals(source), `${name}${target} on ${host}: the original bytes`);
    }
  }
  const { status } = await scene.edge.get("/b/headless.mp4/mp4hls/index.m3u8", { host: hostName("ts") });
  findings.expect(status === 404, `headless.mp4: its playlist is ${status}`);
  await scene.serve("truncated.mp3");
  const playlist = await scene.playlist("ts", "/b/truncated.mp3/mp3hls/index.m3u8");
  findings.expect(playlist.segments.length > 0, `truncated.mp3: ${playlist.segments.length} segments up to its end`);
};

const serveAndFetch = async (scene: MediaScene, name: CorpusName, host: MediaHost, target: string) => {
  await scene.serve(name);
  return scene.fetch(host, `/b/${name}${target}`);
};
