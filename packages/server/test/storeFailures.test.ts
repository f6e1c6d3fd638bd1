import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const VALIDATORS = ["ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];
const BY_PARTS = { vhost: "<OriginOptions><OriginalETag>ON</OriginalETag><PartSize>1</PartSize></OriginOptions>" };

const whole = Buffer.alloc(3 * MIB);
for (let position = 0; position < whole.length; position += 4) whole.writeUInt32LE(position, position);

const sendPart = (call: OriginCall): void => {
  const { fields } = call.request;
  const match = /^bytes=(\d+)-(\d+)$/.exec(fields[fields.indexOf("Range") + 1] ?? "");
  if (match === null) {
    call.reply(200, whole, VALIDATORS);
    return;
  }
  const [start, last] = [Number(match[1]), Number(match[2])];
  const range = ["Content-Length", String(last + 1 - start), "Content-Range", `bytes ${start}-${last}/${whole.length}`];
  call.head(206, [...VALIDATORS, ...range]).data(whole.subarray(start, last + 1));
  call.complete();
};

/** Stored without anything that tells it from later versions. */
const storedWhole = async (): Promise<TestEdge> => {
  const edge = new TestEdge();
  await edge.store("/film.mp4", whole);
  return edge;
};

describe("a request whose store fails before its answer has begun", () => {
  it("is answered from the origin", async () => {
    const edge = await storedWhole();
    edge.bodies.failsToRead = true;
    const client = edge.connect().get("/film.mp4");
    (await edge.origin.call(2)).reply(200, "short now");
    const response = await client.response();
    expect([response.status, String(response.body)]).toEqual([200, "short now"]);
  });

  it("is answered from the origin, also where others had their turns before it was read", async () => {
    const edge = await storedWhole();
    edge.bodies.failsToRead = true;
    let laterCalls = 0;
    edge.bodies.onFileRun = () => (laterCalls++ === 0 ? "later" : undefined);
    const client = edge.connect();
    client.socket.sendFile = () => -1;
    client.get("/film.mp4");
    (await edge.origin.call(2)).reply(200, "short now");
    const response = await client.response();
    expect([response.status, String(response.body)]).toEqual([200, "short now"]);
    expect(laterCalls).toBeGreaterThan(0);
  });

  it("gets an error page only when the origin fails too", async () => {
    const edge = await storedWhole();
    edge.bodies.failsToRead = true;
    const client = edge.connect().get("/film.mp4");
    (await edge.origin.call(2)).fail("ORIGIN_CONNECT_FAILED");
    expect((await client.response()).status).toBe(500);
    expect(edge.origin.calls).toHaveLength(2);
  });

  it("gets what a stored body lacks past a file that takes and gives nothing", async () => {
    const edge = new TestEdge(BY_PARTS);
    edge.origin.answer = sendPart;
    await edge.connect().get("/film.mp4", ["Range: bytes=0-9"]).response();
    edge.bodies.failsToRead = true;
    const response = await edge.connect().get("/film.mp4", ["Range: bytes=2000000-2999999"]).response();
    expect(response.status).toBe(206);
    expect(response.body.equals(whole.subarray(2_000_000, 3_000_000))).toBe(true);
  });

  it("does not wait for a body whose beginning cannot be read back", async () => {
    const edge = new TestEdge();
    const first = edge.connect().get("/film.mp4");
    const call = (await edge.origin.call()).head(200);
    for (let at = 0; at < whole.length; at += MIB / 2) {
      call.data(whole.subarray(at, at + MIB / 2));
      await turns(5);
    }
    const second = edge.connect().get("/film.mp4");
    (await edge.origin.call(2)).reply(200, whole);
    expect((await second.response()).body.equals(whole)).toBe(true);
    call.complete();
    expect((await first.response()).body.equals(whole)).toBe(true);
    expect(edge.origin.calls).toHaveLength(2);
  });

  it("that was answered past the store leaves nothing stored", async () => {
    const edge = await storedWhole();
    edge.bodies.failsToRead = true;
    edge.bodies.failsToWrite = true;
    const client = edge.connect().get("/film.mp4");
    (await edge.origin.call(2)).reply(200, whole);
    const response = await client.response();
    expect(response.body.equals(whole)).toBe(true);
    await turns(5);
    expect(edge.index.findVariants(HOST, "/film.mp4")).toEqual([]);
  });
});

describe("an answer that has begun when its store fails", () => {
  it("goes on from the origin, where that has the same version", async () => {
    const edge = new TestEdge(BY_PARTS);
    edge.origin.answer = sendPart;
    await edge.connect().get("/film.mp4").response();
    const client = edge.connect();
    client.socket.room = MIB / 2;
    client.get("/film.mp4");
    await until(() => client.socket.received.length >= MIB / 2, "the first bytes");
    edge.bodies.failsToRead = true;
    client.socket.take(Number.POSITIVE_INFINITY);
    expect((await client.response()).body.equals(whole)).toBe(true);
  });
});
