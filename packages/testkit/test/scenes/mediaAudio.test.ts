import { describe, expect } from "vitest";
import type { RawResponse } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

/** MPEG-1 layer III at 128 kbps and 48 kHz: 384 bytes and 24 ms each; every frame is another one. */
const HEADER = 0xfffb9400;
const FRAME_BYTES = 384;
/** Header and side information. */
const FRAME_HEAD_BYTES = 36;

const framesFrom = (first: number, count: number, version = 1): Buffer => {
  const bytes = Buffer.alloc(count * FRAME_BYTES);
  for (let frame = 0; frame < count; frame++) {
    const at = frame * FRAME_BYTES;
    bytes.fill(version, at + FRAME_HEAD_BYTES, at + FRAME_BYTES);
    bytes.writeUInt32BE(first + frame, at + FRAME_HEAD_BYTES);
    bytes.writeUInt32BE(HEADER, at);
  }
  return bytes;
};

const TAG = Buffer.concat([Buffer.from("ID3\u0004\0\0\0\0\u0007\u0068", "latin1"), Buffer.alloc(1_000, "t")]);

/** Two minutes, longer than a part. */
const SONG_FRAMES = 5_000;
const song = (version?: number): Buffer => Buffer.concat([TAG, framesFrom(0, SONG_FRAMES, version)]);

const served = (tag: string) => ({ etag: `"${tag}"`, fields: { "Content-Type": "audio/mpeg" } });

const media = (xml: string) => ({ xml: `<Options><OriginalHeader>ON</OriginalHeader></Options><Media>${xml}</Media>` });

const HLS = '<MP3HLS Status="Active"><Duration>20</Duration></MP3HLS>';
const PIECES = '<MP3HLS Status="Active" SegmentType="MP3"><Duration>20</Duration></MP3HLS>';

/** Of packed audio: behind the tag with its time. */
const TIME_TAG_BYTES = 73;

const segmentsOf = (playlist: RawResponse): string[] =>
  playlist.body
    .toString()
    .split("\n")
    .filter((line) => line.startsWith("/"));

describe("an MP3 file at an edge with two workers", () => {
  scenario(
    "MEDIA-70 MEDIA-77 MEDIA-78 BW-18 is cut at its frames",
    media("<MP3Trimming>ON</MP3Trimming>"),
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a.mp3").file(song(), served("v1"));
      const section = await edge.get("/a.mp3?start=24&end=48");
      expect([section.status, section.field("content-type")]).toEqual([200, "audio/mpeg"]);
      expect(section.body.subarray(FRAME_BYTES).equals(framesFrom(1_000, 1_000))).toBe(true);
      const range = { headers: { Range: "bytes=100-999" } };
      for (let turn = 0; turn < 4; turn++) {
        const part = await edge.get("/a.mp3?start=24&end=48", range);
        expect([part.status, part.field("content-range")]).toEqual([206, `bytes 100-999/${section.body.length}`]);
        expect(part.body.equals(section.body.subarray(100, 1_000))).toBe(true);
      }
      const whole = await edge.get("/a.mp3?start=50&end=10");
      expect([whole.status, whole.body.equals(song())]).toEqual([200, true]);
    },
  );

  scenario(
    "REG-240 REG-244 MEDIA-50 MEDIA-51 MEDIA-36 is a stream of its frames, cut at frames",
    media(PIECES),
    async ({ origin, edge }) => {
      origin.on("/a%20b.mp3").file(song(), served("v1"));
      const playlist = await edge.get("/a%20b.mp3/mp3hls/index.m3u8");
      expect(playlist.field("content-type")).toBe("application/vnd.apple.mpegurl");
      const names = segmentsOf(playlist);
      expect(names[1]).toBe("/a%20b.mp3/mp3hls/1.mp3");
      const bodies: Buffer[] = [];
      for (const name of names) {
        const segment = await edge.get(name);
        expect([segment.status, segment.field("content-type")]).toEqual([200, "audio/mpeg"]);
        bodies.push(segment.body.subarray(TIME_TAG_BYTES));
      }
      expect(Buffer.concat(bodies).equals(framesFrom(0, SONG_FRAMES))).toBe(true);
      expect((await edge.get(`/a%20b.mp3/mp3hls/${names.length}.mp3`)).status).toBe(404);
    },
  );

  scenario("BW-24 says how long each segment plays", media(HLS), async ({ origin, edge }) => {
    origin.on("/a.mp3").file(song(), served("v1"));
    const segment = await edge.get("/a.mp3/mp3hls/1.ts");
    expect([segment.field("content-type"), segment.field("cmsd-static")]).toEqual(["video/MP2T", "d=19992"]);
    expect([segment.body.length % 188, segment.body[0]]).toEqual([0, 0x47]);
  });

  scenario(
    "REG-236 MEDIA-53 MEDIA-06 is served as far as it can be analysed, and not cut",
    media(`${PIECES}<MP3Trimming>ON</MP3Trimming>`),
    async ({ origin, edge }) => {
      const damaged = Buffer.concat([framesFrom(0, 2_000), Buffer.alloc(1_200_000, 1), framesFrom(2_000, 500)]);
      origin.on("/a.mp3").file(damaged, served("v1"));
      const names = segmentsOf(await edge.get("/a.mp3/mp3hls/index.m3u8"));
      expect(names.length).toBe(3);
      const last = await edge.get(names[2] ?? "");
      expect(last.body.subarray(TIME_TAG_BYTES).equals(framesFrom(1_666, 334))).toBe(true);
      expect((await edge.get("/a.mp3?start=2&end=10")).body.equals(damaged)).toBe(true);
    },
  );

  scenario(
    "REG-233 MEDIA-54 MEDIA-38 gives what is made of its new version as soon as it has one",
    media(PIECES),
    async ({ origin, edge }) => {
      origin.on("/a.mp3").file(song(1), served("v1"));
      expect((await edge.get("/a.mp3/mp3hls/0.mp3")).body.at(-1)).toBe(1);
      origin.on("/a.mp3").file(song(2), served("v2"));
      await edge.purge("/a.mp3");
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, index) => edge.get(`/a.mp3/mp3hls/${index % 4}.mp3`)),
      );
      expect(answers.map(({ status, body }) => [status, body.at(-1)])).toEqual(answers.map(() => [200, 2]));
    },
  );

  scenario("FLV is served as it is", media(`${HLS}<MP3Trimming>ON</MP3Trimming>`), async ({ origin, edge }) => {
    const film = Buffer.concat([Buffer.from("464c5601050000000900000000", "hex"), Buffer.alloc(5_000, 7)]);
    origin.on("/a.flv").file(film, { etag: '"v1"', fields: { "Content-Type": "video/x-flv" } });
    const response = await edge.get("/a.flv");
    expect([response.status, response.body.equals(film)]).toEqual([200, true]);
    expect((await edge.get("/a.flv/mp3hls/index.m3u8")).status).toBe(404);
  });
});
