import { decodeRecipe, encodeRecipe, type RecipePiece } from "@basalt/media";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ComposedBody } from "../src/delivery/composedBody.ts";
import { TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const FILM = ["Content-Type", "video/mp4", "ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];

const edgeWith = (media: string, more = ""): TestEdge => new TestEdge({ vhost: `<Media>${media}</Media>${more}` });
const trimming = (more = ""): TestEdge => edgeWith("<MP4Trimming>ON</MP4Trimming>", more);
const hls = (): TestEdge => edgeWith('<MP4HLS Status="Active"/>');

const literal = (text: string): RecipePiece => ({ kind: "bytes", bytes: Buffer.from(text) });
const range = (start: number, end: number): RecipePiece => ({ kind: "source", start, end });
const recipe = (...pieces: RecipePiece[]): Buffer => Buffer.from(encodeRecipe(pieces));

const film = Buffer.alloc(4 * MIB);
for (let position = 0; position < film.length; position += 4) film.writeUInt32LE(position, position);

/** An origin that has the film and understands ranges. */
const serve = (call: OriginCall): void => {
  const { fields } = call.request;
  const match = /^bytes=(\d+)-(\d+)$/.exec(fields[fields.indexOf("Range") + 1] ?? "");
  if (match === null) {
    call.head(200, [...FILM, "Content-Length", `${film.length}`]).data(film);
  } else {
    const part = film.subarray(Number(match[1]), Number(match[2]) + 1);
    const said = `bytes ${match[1]}-${Number(match[1]) + part.length - 1}/${film.length}`;
    call.head(206, [...FILM, "Content-Length", `${part.length}`, "Content-Range", said]).data(part);
  }
  call.complete();
};

const askedRanges = (edge: TestEdge): string[] =>
  edge.origin.calls.map(({ request: { fields } }) => fields[fields.indexOf("Range") + 1] ?? "");

describe("a file that is made of ranges of another", () => {
  it("MEDIA-05 MEDIA-78: is a resource of its own: length, tag, ranges, HEAD, 304 and 416", async () => {
    const edge = trimming();
    edge.onDerive = () => recipe(literal("head"), range(3, 6), range(0, 2));
    await edge.store("/a.mp4", "0123456789", FILM);
    const client = edge.connect().get("/a.mp4?start=1&end=2").get("/a.mp4");
    const [trimmed, source] = await client.responses(2);
    expect([trimmed?.status, String(trimmed?.body), trimmed?.field("content-length")]).toEqual([200, "head34501", "9"]);
    expect(trimmed?.field("content-type")).toBe("video/mp4");
    expect(String(source?.body)).toBe("0123456789");
    expect(trimmed?.field("etag")).not.toBe(source?.field("etag"));
    const url = "/a.mp4?start=1&end=2";
    client.get(url, ["Range: bytes=2-5"]).get(url, ["Range: bytes=8-100"]).get(url, ["Range: bytes=9-"]);
    client.get(url, [`If-None-Match: ${trimmed?.field("etag")}`]).get(url, ["Range: bytes=0-0,8-"]);
    const later = (await client.responses(7)).slice(2);
    expect(later.map(({ status }) => status)).toEqual([206, 206, 416, 304, 206]);
    expect([String(later[0]?.body), later[0]?.field("content-range")]).toEqual(["ad34", "bytes 2-5/9"]);
    expect([String(later[1]?.body), later[1]?.field("content-range")]).toEqual(["1", "bytes 8-8/9"]);
    expect(String(later[4]?.body)).toContain("bytes 0-0/9");
    const head = edge.connect().get(url, [], "HEAD");
    expect((await head.response("HEAD")).field("content-length")).toBe("9");
    expect(edge.deriveCalls).toBe(1);
  });

  it("MEDIA-04 MEDIA-03: fetches from the origin only what it is made of, and each byte once", async () => {
    const edge = trimming("<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>");
    edge.origin.answer = serve;
    let asked = 0;
    edge.onDerive = () => {
      if (asked++ === 0) return { lacking: [{ start: 3 * MIB, end: 3 * MIB + 10 }] };
      return recipe(literal("x"), range(3 * MIB + 100, 3 * MIB + 300), range(2 * MIB, 2 * MIB + 8), range(5, 9));
    };
    const trimmed = await edge.connect().get("/a.mp4?start=100&end=200").response();
    const expected = [
      Buffer.from("x"),
      film.subarray(3 * MIB + 100, 3 * MIB + 300),
      film.subarray(2 * MIB, 2 * MIB + 8),
    ];
    expect(trimmed.body.equals(Buffer.concat([...expected, film.subarray(5, 9)]))).toBe(true);
    expect(askedRanges(edge)[0]).toBe("bytes=0-131071");
    expect(askedRanges(edge)[1]).toMatch(/^bytes=3145728-/);
    expect(askedRanges(edge)[2]).toMatch(/^bytes=2097152-/);
    expect(edge.origin.calls).toHaveLength(3);
    await until(() => edge.cache.filling.inProgress === 0);
    expect((await edge.connect().get("/a.mp4").response()).body.equals(film)).toBe(true);
    const bytes = askedRanges(edge).reduce((sum, each) => {
      const [from = 0, to = 0] = (/^bytes=(\d+)-(\d+)$/.exec(each) ?? []).slice(1).map(Number);
      return sum + Math.min(to + 1, film.length) - from;
    }, 0);
    expect(bytes).toBe(film.length);
  });

  it("MEDIA-62: of a header that is to be moved, what the move needs comes first, and then the film", async () => {
    const edge = edgeWith("<UpfrontMP4Header>ON</UpfrontMP4Header>");
    edge.origin.answer = serve;
    let asked = 0;
    edge.onDerive = () => {
      if (asked++ === 0) return { lacking: [{ start: 4 * MIB - 50, end: 4 * MIB }] };
      return recipe(range(0, 8), literal("header"), range(8, 4 * MIB - 50));
    };
    const moved = await edge.connect().get("/a.mp4").response();
    expect(moved.body.equals(Buffer.concat([film.subarray(0, 8), Buffer.from("header"), film.subarray(8, -50)]))).toBe(
      true,
    );
    expect(askedRanges(edge)[0]).toBe("bytes=0-131071");
    expect(askedRanges(edge)[1]).toMatch(/-4194303$/);
    expect(askedRanges(edge)[2]).toMatch(/^bytes=131072-/);
  });

  it("MEDIA-95: several sections are a file as one section is, and the origin knows nothing of them", async () => {
    const edge = trimming();
    edge.onDerive = () => recipe(literal("h"), range(5, 8), range(0, 2));
    const client = edge.connect().get("/a.mp4?tag=1&trimming=5-8,0-2");
    const call = await edge.origin.call();
    expect(call.request.target).toBe("/a.mp4?tag=1");
    call.reply(200, "0123456789", FILM);
    const whole = await client.response();
    expect([whole.status, String(whole.body)]).toEqual([200, "h56701"]);
    client.get("/a.mp4?tag=1&trimming=5-8,0-2", ["Range: bytes=1-4"]);
    const part = (await client.responses(2))[1];
    expect([part?.status, String(part?.body), part?.field("content-range")]).toEqual([206, "5670", "bytes 1-4/6"]);
  });

  it("REG-212 REG-218 MEDIA-06 MEDIA-64: a file of which nothing can be made is sent as it is", async () => {
    for (const answer of ["unreadable", "unchanged", "tooLarge"] as const) {
      const edge = trimming();
      edge.onDerive = () => answer;
      await edge.store("/a.mp4", "no film", FILM);
      const response = await edge.connect().get("/a.mp4?start=1").response();
      expect([response.status, String(response.body)]).toEqual([200, "no film"]);
    }
  });

  it("MEDIA-06: of a response that is for one request alone too", async () => {
    const edge = trimming();
    const own = [...FILM, "Cache-Control", "private, no-store"];
    edge.configure(
      {
        vhost:
          "<Media><MP4Trimming>ON</MP4Trimming></Media><Options><CachingProfile>rfc9111</CachingProfile></Options>",
      },
      2,
    );
    const ask = async (number: number): Promise<string> => {
      const client = edge.connect().get("/a.mp4?start=1");
      (await edge.origin.call(number)).reply(200, "a film of its own", own);
      const response = await client.response();
      return `${response.status} ${response.body}`;
    };
    edge.onDerive = () => "unreadable";
    expect(await ask(1)).toBe("200 a film of its own");
    edge.onDerive = () => recipe(literal("head "), range(2, 6));
    expect(await ask(2)).toBe("200 head film");
  });

  it("MEDIA-60: with the header in front on, other methods and bypassed URLs are what they were", async () => {
    const edge = edgeWith("<UpfrontMP4Header>ON</UpfrontMP4Header>");
    const client = edge.connect().get("/a.mp4", ["Content-Length: 0"], "POST");
    (await edge.origin.call()).reply(200, "posted");
    expect(String((await client.response()).body)).toBe("posted");
    expect(edge.deriveCalls).toBe(0);
  });

  it("what the origin says instead of a film is the answer", async () => {
    const edge = hls();
    const client = edge.connect().get("/a.mp4/mp4hls/index.m3u8");
    const call = await edge.origin.call();
    expect(call.request.target).toBe("/a.mp4");
    call.reply(404, "none", ["Content-Type", "text/plain"]);
    const response = await client.response();
    expect([response.status, String(response.body)]).toEqual([404, "none"]);
    expect(edge.deriveCalls).toBe(0);
  });

  it("REG-219 a source that changes at the origin while it is read is read anew", async () => {
    const edge = trimming("<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>");
    let version = 1;
    edge.origin.answer = (call) => {
      const { fields } = call.request;
      const match = /^bytes=(\d+)-(\d+)$/.exec(fields[fields.indexOf("Range") + 1] ?? "");
      const own = ["Content-Type", "video/mp4", "ETag", `"v${version}"`];
      const part = film.subarray(Number(match?.[1] ?? 0), Number(match?.[2] ?? film.length - 1) + 1);
      const said = `bytes ${match?.[1]}-${Number(match?.[1]) + part.length - 1}/${film.length}`;
      const framing = ["Content-Length", `${part.length}`];
      call.head(
        match === null ? 200 : 206,
        match === null ? [...own, ...framing] : [...own, ...framing, "Content-Range", said],
      );
      call.data(part);
      call.complete();
    };
    edge.onDerive = () => {
      version = 2;
      return recipe(range(3 * MIB, 3 * MIB + 4));
    };
    const response = await edge.connect().get("/a.mp4?start=100").response();
    expect([response.status, response.body.equals(film.subarray(3 * MIB, 3 * MIB + 4))]).toEqual([200, true]);
    expect(edge.deriveCalls).toBe(2);
  });
});

describe("a part of a stream", () => {
  it("MEDIA-23: that is out of range is 404, and so is a name that means nothing, without a question to the origin", async () => {
    const edge = hls();
    edge.onDerive = () => "absent";
    const client = edge.connect().get("/a.mp4/mp4hls/other.txt");
    expect((await client.response()).status).toBe(404);
    expect(edge.origin.calls).toHaveLength(0);
    await edge.store("/a.mp4", "film", FILM);
    client.get("/a.mp4/mp4hls/99.ts");
    expect((await client.responses(2))[1]?.status).toBe(404);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("MEDIA-43: has ranges, and MEDIA-40: is made once for all who ask", async () => {
    const edge = hls();
    edge.onDerive = () => Buffer.from("0123456789");
    await edge.store("/a.mp4", "film", FILM);
    const client = edge.connect().get("/a.mp4/mp4hls/0.ts", ["Range: bytes=2-4"]).get("/a.mp4/mp4hls/0.ts");
    const [part, all] = await client.responses(2);
    expect([part?.status, String(part?.body), part?.field("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
    expect([all?.status, String(all?.body)]).toEqual([200, "0123456789"]);
    expect(edge.deriveCalls).toBe(1);
  });

  it("MEDIA-41: of a long film is made by what was learnt of it once", async () => {
    const edge = hls();
    const kinds: string[] = [];
    edge.onDerive = (_, { kind }) => {
      kinds.push(kind);
      return Buffer.from(kind);
    };
    await edge.store("/a.mp4", "x".repeat(17 * MIB), FILM);
    const client = edge.connect().get("/a.mp4/mp4hls/0.ts").get("/a.mp4/mp4hls/1.ts");
    expect((await client.responses(2)).map(({ body }) => String(body))).toEqual(["media", "media"]);
    expect(kinds).toEqual(["mediaIndex", "media", "media"]);
    edge.onDerive = () => "unreadable";
    await edge.store("/b.mp4", "x".repeat(17 * MIB), FILM);
    client.get("/b.mp4/mp4hls/0.ts");
    expect((await client.responses(3))[2]?.status).toBe(404);
  });

  it("the origin's failure is an error of the origin, not of the transform", async () => {
    const edge = hls();
    const client = edge.connect().get("/a.mp4/mp4hls/0.ts");
    (await edge.origin.call()).fail("ORIGIN_CONNECT_FAILED");
    expect((await client.response()).status).toBeGreaterThanOrEqual(500);
    expect(edge.deriveCalls).toBe(0);
  });
});

describe("a body of pieces", () => {
  const source = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));
  const pieces = fc.array(
    fc.oneof(
      fc.string({ maxLength: 20 }).map(literal),
      fc.tuple(fc.nat(4_900), fc.nat(99)).map(([start, length]) => range(start, start + length)),
    ),
    { maxLength: 40 },
  );
  const wholeOf = (list: readonly RecipePiece[]): Buffer =>
    Buffer.concat(
      list.map((piece) => (piece.kind === "bytes" ? piece.bytes : source.subarray(piece.start, piece.end))),
    );

  it("MEDIA-77: reads as its pieces one after the other, from any position and in any portions", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(1_000), fc.integer({ min: 1, max: 97 }), async (list, from, portion) => {
        const whole = wholeOf(list);
        const decoded = decodeRecipe(encodeRecipe(list));
        if (decoded === undefined) throw new Error("no recipe");
        const start = Math.min(from, whole.length);
        const body = new ComposedBody(decoded, { kind: "bytes", bytes: source }, { start, end: whole.length });
        let position = start;
        const unwatch = body.watch(
          () => {},
          () => position,
        );
        const read: Buffer[] = [];
        while (position < whole.length) {
          const target = Buffer.alloc(portion);
          const held = body.peek(position);
          const count = held === undefined ? await body.read(target, portion, position) : held.length;
          if (count < 1) throw new Error(`nothing at ${position}`);
          read.push(held ?? target.subarray(0, count));
          position += count;
        }
        unwatch();
        expect(Buffer.concat(read).equals(whole.subarray(start))).toBe(true);
        await turns(1);
      }),
      { numRuns: 200 },
    );
  });
});
