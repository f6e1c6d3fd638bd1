import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CorpusName,
  corpusFile,
  decodeComplaints,
  hasFfmpeg,
  judgeResult,
  mutateMedia,
  probeFile,
  runTool,
  transportComplaints,
} from "@basalt/testkit/media";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cut, Segmenting } from "../../src/index.ts";
import { BytesReader, FileReader, MediaFile, writeRecipe } from "./support/mediaFile.ts";
import { cutOf, segmentingOf, streamOf } from "./support/streams.ts";

const KEY_FRAME_SECONDS = 2;

/** Files that between them have what most often goes wrong; `scripts/check-media` has all of them. */
const FILMS: readonly CorpusName[] = [
  "openGop.mp4",
  "film24.mp4",
  "delayed.mp4",
  "fragmentsSidx.mp4",
  "hevc.mp4",
  "sparse.mp4",
];

const readers: FileReader[] = [];
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "basalt-interop-"));
});
afterAll(() => {
  for (const reader of readers) reader.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (path: string): MediaFile => {
  const reader = new FileReader(path);
  readers.push(reader);
  const opened = MediaFile.open(reader, path.endsWith(".mp3") ? "mp3" : "mp4");
  if (opened.kind === "unreadable") throw new Error(`${path}: ${opened.detail}`);
  return opened.file;
};

const saveStream = async (path: string, segmenting: Segmenting, cut?: Cut): Promise<string> => {
  const { bytes } = await streamOf(open(path), segmenting, cut);
  const result = join(folder, segmenting.form === "fmp4" ? "stream.mp4" : `stream.${segmenting.form}`);
  writeFileSync(result, bytes);
  return result;
};

const saveTrimmed = (path: string, cut: Cut): string => {
  const file = open(path);
  const outcome = file.run({ kind: "trim", cut });
  if (outcome.kind !== "recipe") throw new Error(`${path}: ${JSON.stringify(outcome)}`);
  const result = join(folder, path.endsWith(".mp3") ? "trimmed.mp3" : "trimmed.mp4");
  writeRecipe(outcome.recipe, file.reader, result);
  return result;
};

describe.skipIf(!hasFfmpeg())(
  "what ffmpeg reads of what is made (skipped without ffmpeg)",
  { timeout: 300_000 },
  () => {
    it.each(FILMS)("MEDIA-37, MEDIA-28: segments of %s decode to the source's pictures and sound", async (name) => {
      const { path } = await corpusFile(name);
      const stream = await saveStream(path, segmentingOf("ts", 4));
      expect((await judgeResult(path, stream)).complaints).toEqual([]);
      expect(transportComplaints(readFileSync(stream))).toEqual([]);
    });

    it.each(["openGop.mp4", "av1.mp4"] as const)("fMP4 segments of %s do too", async (name) => {
      const { path } = await corpusFile(name);
      expect((await judgeResult(path, await saveStream(path, segmentingOf("fmp4", 4)))).complaints).toEqual([]);
    });

    it.each(["openGop.mp4", "fragmentsBase.mp4", "sparse.mp4"] as const)(
      "MEDIA-76, MEDIA-77: a section of %s is a film of its own",
      async (name) => {
        const { path } = await corpusFile(name);
        const section = { startSeconds: 4.3, endSeconds: 9.1 };
        const result = saveTrimmed(path, cutOf(section.startSeconds, section.endSeconds));
        const { complaints } = await judgeResult(path, result, {
          sections: [section],
          keyFrameSeconds: KEY_FRAME_SECONDS,
        });
        expect(complaints).toEqual([]);
      },
    );

    it("MEDIA-90, MEDIA-91: sections in any order, some twice", async () => {
      const { path } = await corpusFile("main.mp4");
      const sections = [
        { startSeconds: 6, endSeconds: 10 },
        { startSeconds: 0, endSeconds: 4 },
        { startSeconds: 6, endSeconds: 10 },
      ];
      const result = saveTrimmed(path, { sections, allTracks: false, maxRatioPercent: 50 });
      const { complaints } = await judgeResult(path, result, { sections, keyFrameSeconds: KEY_FRAME_SECONDS });
      expect(complaints).toEqual([]);
    });

    it("REG-225 MEDIA-73: with all tracks both languages and the subtitles stay", async () => {
      const { path } = await corpusFile("tracks.mp4");
      const kept = await probeFile(saveTrimmed(path, cutOf(2, 8, true)));
      expect(kept.streams.map(({ type }) => type)).toEqual(["video", "audio", "audio", "subtitle"]);
      const fewer = await probeFile(saveTrimmed(path, cutOf(2, 8, false)));
      expect(fewer.streams.map(({ type }) => type)).toEqual(["video", "audio", "audio"]);
    });

    it("MEDIA-63: with the header in front the streams are those of the source", async () => {
      const { path } = await corpusFile("main.mp4");
      const file = open(path);
      const outcome = file.run({ kind: "relocate" });
      if (outcome.kind !== "recipe") throw new Error(JSON.stringify(outcome));
      const result = join(folder, "front.mp4");
      writeRecipe(outcome.recipe, file.reader, result);
      expect(readFileSync(result).length).toBe(file.reader.size);
      expect((await judgeResult(path, result)).complaints).toEqual([]);
    });

    it.each(["ts", "mp3"] as const)("MEDIA-51: %s segments of MP3 have all frames", async (form) => {
      const { path } = await corpusFile("variable.mp3");
      const stream = await saveStream(path, segmentingOf(form));
      expect((await judgeResult(path, stream)).complaints).toEqual([]);
    });

    it("MEDIA-70: a section of an MP3", async () => {
      const { path } = await corpusFile("tagged.mp3");
      const result = saveTrimmed(path, cutOf(5, 12));
      expect(await decodeComplaints(result)).toBe("");
      expect(Math.abs((await probeFile(result)).durationSeconds - 7)).toBeLessThan(0.3);
    });

    it("MEDIA-100: trimmed first, then cut into segments", async () => {
      const { path } = await corpusFile("film24.mp4");
      const section = { startSeconds: 3, endSeconds: 10 };
      const stream = await saveStream(path, segmentingOf("ts", 2), cutOf(section.startSeconds, section.endSeconds));
      const { complaints } = await judgeResult(path, stream, {
        sections: [section],
        keyFrameSeconds: KEY_FRAME_SECONDS,
      });
      expect(complaints).toEqual([]);
    });

    it("subtitles become WebVTT that ffmpeg reads", async () => {
      const { path } = await corpusFile("tracks.mp4");
      const text = open(path).bytes({
        kind: "subtitles",
        list: "webvtt",
        segmenting: segmentingOf("ts"),
        cut: undefined,
        uris: { prefix: "/", suffix: "" },
      });
      const file = join(folder, "subtitles.vtt");
      writeFileSync(file, text);
      const { stdout } = await runTool("ffmpeg", ["-v", "error", "-i", file, "-f", "srt", "-"]);
      expect(stdout.toString("utf8")).toContain("00:00:01,000 --> 00:00:02,500");
      expect(new TextDecoder().decode(text)).toContain("Two\nlines &amp; more");
    });

    it("MEDIA-06: damaged files are unreadable, or what is made of them ends", async () => {
      const sources = ["front.mp4", "fragments.mp4", "variable.mp3"] as const;
      let readable = 0;
      for (const name of sources) {
        const source = readFileSync((await corpusFile(name)).path);
        for (let seed = 1; seed <= 40; seed++) {
          const opened = MediaFile.open(
            new BytesReader(mutateMedia(source, seed)),
            name.endsWith(".mp3") ? "mp3" : "mp4",
          );
          if (opened.kind === "unreadable") continue;
          readable += 1;
          const { file } = opened;
          file.run({ kind: "trim", cut: cutOf(3, 9) });
          file.run({
            kind: "segment",
            number: 1,
            segmenting: segmentingOf("ts", 3),
            cut: undefined,
            encryption: undefined,
          });
        }
      }
      expect(readable).toBeGreaterThan(0);
    });
  },
);
