import {
  AudioIndexer,
  type MediaIndexMemory,
  type MediaOutcome,
  PLAY_TIME_FIELD,
  playTimeValue,
  runMediaTask,
  type SourcePiece,
} from "@basalt/media";
import type { DeriveOperation } from "@basalt/policy";
import { describe, expect, it } from "vitest";
import type { MadeBody } from "../support/edge.ts";
import { turns, until } from "../support/waiting.ts";
import { bodyBytesOf, ThrottledEdge } from "./throttledEdge.ts";

/** Half of the bit rate, and 2 s of it in front. */
const LINES = "$URL[/rated/*], 8000x, 50, 2\n$URL[/slow/*], 80, 100, 2\n";
const MEDIA = '<MP3Trimming>ON</MP3Trimming><MP3HLS Status="Active"/>';

/** MPEG-1 layer III at 128 kbps and 48 kHz. */
const FRAME_BYTES = 384;
const FRAME_SECONDS = 0.024;
const BYTES_PER_SECOND = 16_000;
const song = (frames: number): Buffer => {
  const bytes = Buffer.alloc(frames * FRAME_BYTES, 0x55);
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) bytes.fill(0, bytes.writeUInt32BE(0xfffb9400, at), at + 40);
  return bytes;
};

const indexOf = (source: Buffer): MediaIndexMemory => {
  const indexer = new AudioIndexer(source.length);
  indexer.push(0, source);
  const result = indexer.finish();
  if (result.kind !== "indexed") throw new Error(result.detail);
  return result.memory;
};

/** What the transform host does, with the whole source at hand. */
const makeOfMedia = (source: Buffer, operation: DeriveOperation): MadeBody => {
  if (operation.kind !== "media") throw new Error(operation.kind);
  const pieces: SourcePiece[] = [{ start: 0, bytes: source }];
  const outcome: MediaOutcome = runMediaTask(indexOf(source), operation.format, operation.task, pieces);
  switch (outcome.kind) {
    case "recipe":
      return { body: Buffer.from(outcome.recipe), fields: [] };
    case "bytes": {
      const { body, contentType, playSeconds } = outcome;
      const time = playSeconds === undefined ? [] : [PLAY_TIME_FIELD, playTimeValue(playSeconds)];
      return { body: Buffer.from(body), fields: ["Content-Type", contentType, ...time] };
    }
    default:
      throw new Error(outcome.kind);
  }
};

const edgeWith = async (frames = 4_000): Promise<ThrottledEdge> => {
  const edge = new ThrottledEdge({ lines: LINES, media: MEDIA });
  edge.onDerive = makeOfMedia;
  for (const path of ["/rated/a.mp3", "/slow/a.mp3", "/free/a.mp3"]) await edge.storeSlowly(path, song(frames));
  return edge;
};

const isAbout = (byteCount: number, wanted: number): void => {
  expect(byteCount).toBeGreaterThanOrEqual(wanted * 0.9);
  expect(byteCount).toBeLessThanOrEqual(wanted * 1.1);
};

describe("a trimmed file", () => {
  it("REG-176 BW-18 is sent whole at once where nothing throttles it, and slowed down where something does", async () => {
    const edge = await edgeWith();
    const [free, slow] = ["free", "slow"].map((folder) => edge.connect().get(`/${folder}/a.mp3?start=12&end=36`));
    const response = await free?.response();
    expect([response?.status, response?.body.length]).toEqual([200, 1_001 * FRAME_BYTES]);
    const client = slow ?? edge.connect();
    await until(() => bodyBytesOf(client) > 0, "the boost");
    await turns(5);
    expect(bodyBytesOf(client)).toBe(FRAME_BYTES + 20_000);
  });

  it("BW-16 BW-24 tells the bit rate by its own first bytes: they leave free, then comes the boost", async () => {
    const edge = await edgeWith();
    const client = edge.connect().get("/rated/a.mp3?start=12&end=36");
    await until(() => bodyBytesOf(client) > 0, "the boost");
    await turns(5);
    const rate = (1_001 * FRAME_BYTES) / (1_000 * FRAME_SECONDS) / 2;
    isAbout(bodyBytesOf(client), FRAME_BYTES + 2 * rate);
    const boost = bodyBytesOf(client);
    await edge.paceMs(4_000);
    isAbout(bodyBytesOf(client) - boost, 4 * rate);
  });

  it("BW-24 tells it to one who asks for a range in the middle first (OPEN 2 of spec 16)", async () => {
    const edge = await edgeWith();
    const client = edge.connect().get("/rated/a.mp3?start=12&end=36", ["Range: bytes=100000-"]);
    await until(() => bodyBytesOf(client) > 0, "the boost");
    await turns(5);
    isAbout(bodyBytesOf(client), BYTES_PER_SECOND);
  });
});

describe("a segment", () => {
  it.each<[string, string[]]>([
    ["BW-24 BW-25 is", []],
    ["BW-24 is also in its second half", ["Range: bytes=50000-"]],
  ])("%s slowed down by its bytes over its time, without a header in front (OPEN 3 of spec 16)", async (_, range) => {
    const edge = await edgeWith();
    const whole = await edge.connect().get("/free/a.mp3/mp3hls/1.ts").response();
    const client = edge.connect().get("/rated/a.mp3/mp3hls/1.ts", range);
    await until(() => bodyBytesOf(client) > 0, "the boost");
    await turns(5);
    const rate = whole.body.length / 9.984 / 2;
    isAbout(bodyBytesOf(client), 2 * rate);
    await edge.paceMs(2_000);
    isAbout(bodyBytesOf(client), 4 * rate);
  });

  it("BW-24 counts for no playlist: that is sent as any file", async () => {
    const edge = await edgeWith();
    const response = await edge.connect().get("/rated/a.mp3/mp3hls/index.m3u8").response();
    expect(String(response.body).startsWith("#EXTM3U")).toBe(true);
    expect(edge.logged.at(-1)).toMatchObject({ elapsedMs: 0 });
  });
});
