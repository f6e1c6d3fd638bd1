import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleMultipart, frameMultipart, multipartHead, randomBoundary } from "../src/delivery/multipart.ts";
import { TestEdge } from "./support/edge.ts";
import type { ClientResponse } from "./support/responses.ts";
import { turns, until } from "./support/waiting.ts";

const TEXT = "0123456789";
const MIB = 1024 * 1024;

interface Part {
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** Reads a multipart body strictly (RFC 2046 5.1): delimiters at the starts of lines, nothing in front or behind. */
const readParts = (body: Buffer, contentType: string | undefined): Part[] => {
  const boundary = /^multipart\/byteranges; boundary=([A-Za-z0-9_-]{1,70})$/.exec(contentType ?? "")?.[1];
  if (boundary === undefined) throw new Error(`no boundary in ${contentType}`);
  const text = body.toString("latin1");
  const delimiter = `\r\n--${boundary}`;
  const [preamble, ...pieces] = `\r\n${text}`.split(delimiter);
  if (preamble !== "") throw new Error("bytes in front of the first part");
  if (pieces.pop() !== "--\r\n") throw new Error("no closing delimiter");
  return pieces.map((piece) => {
    const headEnd = piece.indexOf("\r\n\r\n");
    if (!piece.startsWith("\r\n") || headEnd < 0) throw new Error(`no part: ${piece.slice(0, 100)}`);
    return {
      fields: piece.slice(2, headEnd).split("\r\n"),
      body: Buffer.from(piece.slice(headEnd + 4), "latin1"),
    };
  });
};

const partsOf = (response: ClientResponse): (readonly [range: string | undefined, body: string])[] =>
  readParts(response.body, response.field("content-type")).map(({ fields, body }) => [
    fields.find((line) => line.startsWith("Content-Range: "))?.slice("Content-Range: bytes ".length),
    String(body),
  ]);

const stored = async (fields: readonly string[] = ["Content-Type", "text/plain"]): Promise<TestEdge> => {
  const edge = new TestEdge();
  await edge.store("/a", TEXT, fields);
  return edge;
};

describe("HTTP-31 several ranges", () => {
  it("A6 of spec 04: of a body in memory, in the order asked for, each with its type and place", async () => {
    const edge = await stored();
    const response = await edge.connect().get("/a", ["Range: bytes=9-9, 0-1"]).response();
    expect(response.status).toBe(206);
    expect(response.field("content-range")).toBeUndefined();
    expect(readParts(response.body, response.field("content-type"))).toEqual([
      { fields: ["Content-Type: text/plain", "Content-Range: bytes 9-9/10"], body: Buffer.from("9") },
      { fields: ["Content-Type: text/plain", "Content-Range: bytes 0-1/10"], body: Buffer.from("01") },
    ]);
    expect(response.fields.filter(([name]) => name === "Content-Type")).toHaveLength(1);
  });

  it("of a body without a type: the parts have none either", async () => {
    const edge = await stored([]);
    const response = await edge.connect().get("/a", ["Range: bytes=0-0,2-2"]).response();
    expect(readParts(response.body, response.field("content-type"))[0]?.fields).toEqual([
      "Content-Range: bytes 0-0/10",
    ]);
  });

  it.each([
    ["bytes=0-1,50-60", 206, "0-1/10", "01"],
    ["bytes=50-,-2,70-", 206, "8-9/10", "89"],
    ["bytes=50-,60-", 416, "*/10", ""],
  ])("%s: one that is left is no multipart, none is 416", async (range, status, contentRange, body) => {
    const edge = await stored();
    const response = await edge
      .connect()
      .get("/a", [`Range: ${range}`])
      .response();
    const place = response.field("content-range")?.slice("bytes ".length);
    expect([response.status, place, String(response.body)]).toEqual([status, contentRange, body]);
  });

  it("HEAD knows no ranges, and conditions come first", async () => {
    const edge = await stored();
    const ranges = "Range: bytes=0-0,2-2";
    expect((await edge.connect().get("/a", [ranges], "HEAD").response("HEAD")).status).toBe(200);
    expect((await edge.connect().get("/a", [ranges, "If-None-Match: *"]).response()).status).toBe(304);
    expect((await edge.connect().get("/a", [ranges, 'If-Match: "other"']).response()).status).toBe(412);
  });

  it("If-Range with another validator brings the whole", async () => {
    const edge = new TestEdge({ vhost: "<Options><IfRange>ON</IfRange></Options>" });
    await edge.store("/a", TEXT);
    const response = await edge.connect().get("/a", ["Range: bytes=0-0,2-2", 'If-Range: "old"']).response();
    expect([response.status, String(response.body)]).toEqual([200, TEXT]);
  });

  it("the connection goes on behind them", async () => {
    const edge = await stored();
    const client = edge.connect().get("/a", ["Range: bytes=0-0,2-2"]).get("/a");
    expect((await client.responses(2)).map(({ status }) => status)).toEqual([206, 200]);
  });

  it("of a long body on disk stream through, whatever their order and whatever the client takes at a time", async () => {
    const edge = new TestEdge();
    const body = Buffer.alloc(3 * MIB);
    for (let position = 0; position < body.length; position += 4) body.writeUInt32LE(position, position);
    await edge.store("/long", body, ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"]);
    const client = edge.connect();
    client.socket.room = 0;
    const ranges = [
      [2 * MIB - 5, 2 * MIB + 400_000],
      [0, 9],
      [3 * MIB - 10, 3 * MIB - 1],
    ] as const;
    client.get("/long", [`Range: bytes=${ranges.map(([first, last]) => `${first}-${last}`).join(",")}`]);
    for (let round = 0; round < 60; round++) {
      client.socket.take(10_000);
      await turns(3);
    }
    const response = await client.response();
    const parts = readParts(response.body, response.field("content-type"));
    expect(parts).toHaveLength(3);
    for (const [index, [first, last]] of ranges.entries()) {
      expect(parts[index]?.body.equals(body.subarray(first, last + 1))).toBe(true);
    }
    expect(client.get("/long", ["Range: bytes=0-0"]).socket.lateBytes).toBe(0);
  });

  it("of a body that is still arriving are sent as they come, sorted and joined", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", ["Range: bytes=7-8,1-2,2-3"]);
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10", "Content-Type", "a/b"]);
    await turns(3);
    call.data("01234");
    await until(() => client.socket.received.includes("123"), "the first range");
    call.data("56789");
    const response = await client.response();
    expect(partsOf(response)).toEqual([
      ["1-3/10", "123"],
      ["7-8/10", "78"],
    ]);
    call.complete();
    expect((await client.get("/a").responses(2))[1]?.status).toBe(200);
  });

  it("of a body that breaks off end the connection", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a", ["Range: bytes=0-1,8-9"]);
    const call = (await edge.origin.call()).head(200, ["Content-Length", "10"]);
    await turns(3);
    call.data("01234");
    call.fail("ORIGIN_CLOSED");
    await client.ended();
    expect(client.all()[0]).toMatchObject({ status: 206, isComplete: false });
  });

  it("of a client that leaves let the body go", async () => {
    const edge = new TestEdge();
    const client = edge.connect();
    client.socket.room = 100;
    client.get("/a", ["Range: bytes=0-1,8-9"]);
    (await edge.origin.call()).head(200, ["Content-Length", "10"]).data("01234");
    await turns(3);
    client.socket.destroy();
    expect([edge.server.connectionCount, edge.defects]).toEqual([0, []]);
  });
});

describe("the frame", () => {
  const range = fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 100 })).map(([start, length]) => ({
    start,
    end: start + length,
  }));

  it("announces the length that it has, and gives every range back", () => {
    const whole = Buffer.from(Array.from({ length: 600 }, (_, index) => index % 251));
    fc.assert(
      fc.property(fc.array(range, { minLength: 2, maxLength: 16 }), fc.option(fc.constant("x/y")), (ranges, type) => {
        const frame = frameMultipart(ranges, whole.length, type ?? undefined, randomBoundary());
        const body = assembleMultipart(frame, ranges, ({ start, end }) => whole.subarray(start, end));
        const [contentType, length] = frame.fields.split("\r\n").map((line) => line.slice(line.indexOf(":") + 2));
        expect(length).toBe(String(body.length));
        const parts = readParts(body, contentType);
        expect(parts.map((part) => part.body)).toEqual(ranges.map(({ start, end }) => whole.subarray(start, end)));
      }),
      { numRuns: 100 },
    );
  });

  it("has a boundary of its own each time", () => {
    expect(new Set(Array.from({ length: 1000 }, randomBoundary)).size).toBe(1000);
  });

  it("takes the place of the type in the head and leaves the other lines", () => {
    const head = Buffer.from("HTTP/1.1 206 Partial Content\r\nA: 1\r\ncontent-type: x/y; a=b\r\nB: 2\r\n\r\n");
    const made = multipartHead(head, [{ start: 0, end: 1 }], 10, "BOUND");
    expect(String(made.head)).toBe(`HTTP/1.1 206 Partial Content\r\n${made.frame.fields}A: 1\r\nB: 2\r\n\r\n`);
    expect(String(made.frame.openings[0])).toContain("Content-Type: x/y; a=b\r\n");
  });
});
