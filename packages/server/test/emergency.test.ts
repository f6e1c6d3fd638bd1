import { CachedObject } from "@basalt/cache";
import { cacheResultSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { HOST, requestText, TestEdge } from "./support/edge.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const TEXT = "0123456789";

/** A worker in emergency mode, with `/a` in its memory. */
const inEmergency = async (vhost = ""): Promise<TestEdge> => {
  const edge = new TestEdge({ vhost });
  await edge.store("/a", TEXT, ["Last-Modified", LAST_MODIFIED]);
  edge.server.setEmergency(true);
  return edge;
};

const counted = (edge: TestEdge, result: Parameters<typeof cacheResultSlot>[0]): number =>
  edge.counters.get(edge.vhostCounters() + cacheResultSlot(result));

/** Everything in this worker's memory, as it lies there. */
const objectsOf = (edge: TestEdge): CachedObject[] => {
  const objects: CachedObject[] = [];
  edge.tier.forEach((entry) => {
    if (entry instanceof CachedObject) objects.push(entry);
  });
  return objects;
};

describe("emergency mode", () => {
  it.each([
    ["200", "GET", [], 200, TEXT],
    ["HEAD", "HEAD", [], 200, ""],
    ["304", "GET", [`If-Modified-Since: ${LAST_MODIFIED}`], 304, ""],
    ["a range", "GET", ["Range: bytes=2-4"], 206, "234"],
    ["416", "GET", ["Range: bytes=10-"], 416, ""],
  ])("OPT-62 serves loaded content normally: %s", async (_, method, fields, status, body) => {
    const edge = await inEmergency();
    for (let time = 0; time < 2; time++) {
      const response = await edge.connect().get("/a", fields, method).response(method);
      expect([response.status, String(response.body)]).toEqual([status, body]);
    }
    expect(counted(edge, "TCP_ERROR")).toBe(0);
  });

  it("OPT-62 serves of a long body what memory holds, OPT-64 and refuses the rest", async () => {
    const edge = new TestEdge();
    await edge.store("/long", Buffer.alloc(3 * MIB, "x"));
    const part = async (start: number): Promise<number> => {
      const response = await edge
        .connect()
        .get("/long", [`Range: bytes=${start}-${start + 99}`])
        .response();
      return response.status;
    };
    for (let time = 0; time < 3; time++) expect(await part(0)).toBe(206);
    edge.server.setEmergency(true);
    expect([await part(0), await part(2 * MIB)]).toEqual([206, 503]);
    edge.server.setEmergency(false);
    expect(await part(2 * MIB)).toBe(206);
  });

  it("OPT-63 bypasses as always", async () => {
    const edge = await inEmergency();
    const client = edge.connect().send(`${requestText("/form", ["Content-Length: 2"], "POST")}ab`);
    (await edge.origin.call(2)).reply(201, "made");
    const response = await client.response();
    expect([response.status, String(response.body)]).toEqual([201, "made"]);
    expect(counted(edge, "TCP_CLIENT_REFRESH_MISS")).toBe(1);
  });

  it("OPT-64 refuses what was never stored with 503, OPT-66 and asks no origin for it", async () => {
    const edge = await inEmergency();
    const response = await edge.connect().get("/new").response();
    expect([response.status, response.reason]).toEqual([503, "Service Unavailable"]);
    expect(String(response.body)).toContain("Memory is short at the moment.");
    expect(counted(edge, "TCP_ERROR")).toBe(1);
    await turns(10);
    expect(edge.origin.calls).toHaveLength(1);
    expect(edge.index.findVariants(HOST, "/new")).toEqual([]);
    expect(edge.defects).toEqual([]);
  });

  it.each([
    ["that the page cache could give at once", TEXT.length, true],
    ["that has to be read", TEXT.length, false],
    ["with a file of its own", 600 * 1024, false],
  ])("OPT-64 refuses stored content that is not in memory: %s", async (_, bodyBytes, isQuick) => {
    const edge = new TestEdge();
    await edge.store("/b", Buffer.alloc(bodyBytes));
    edge.tier.clear();
    edge.bodies.isQuick = isQuick;
    edge.server.setEmergency(true);
    expect((await edge.connect().get("/b").response()).status).toBe(503);
    expect(counted(edge, "TCP_ERROR")).toBe(1);
    edge.server.setEmergency(false);
    expect((await edge.connect().get("/b").response()).status).toBe(200);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("OPT-64 refuses content whose head alone is in memory", async () => {
    const edge = await inEmergency();
    for (const object of objectsOf(edge)) object.body = undefined;
    expect((await edge.connect().get("/a").response()).status).toBe(503);
    expect((await edge.connect().get("/a", [], "HEAD").response("HEAD")).status).toBe(200);
  });

  it("OPT-64 refuses purged content, although it is in memory", async () => {
    const edge = await inEmergency();
    for (const object of objectsOf(edge)) object.purged = true;
    expect((await edge.connect().get("/a").response()).status).toBe(503);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("OPT-65 closes idle clients at the next sweep, those of running requests not", async () => {
    const edge = new TestEdge();
    await edge.store("/a", Buffer.alloc(200_000));
    const idle = edge.connect().get("/a");
    const waiting = edge.connect().get("/slow");
    const call = await edge.origin.call(2);
    const slow = edge.connect();
    slow.socket.room = 1000;
    slow.get("/a");
    edge.advanceSeconds(0.5);
    expect(idle.socket.hasEnded).toBe(false);

    edge.server.setEmergency(true);
    edge.advanceSeconds(0.5);
    expect([idle, waiting, slow].map(({ socket }) => socket.isEnding)).toEqual([true, false, false]);

    call.reply(200, "late");
    expect((await waiting.response()).field("connection")).toBe("close");
    slow.socket.take(MIB);
    expect(slow.all()[0]?.isComplete).toBe(true);
    edge.advanceSeconds(0.5);
    expect([waiting, slow].map(({ socket }) => socket.hasEnded)).toEqual([true, true]);
  });

  it("OPT-65 gives a client a second for its first request, and closes after the answer", async () => {
    const edge = await inEmergency();
    const quick = edge.connect();
    const silent = edge.connect();
    edge.advanceSeconds(0.5);
    edge.advanceSeconds(0.4);
    const response = await quick.get("/a").response();
    expect([response.status, response.field("connection")]).toEqual([200, "close"]);
    expect(quick.socket.hasEnded).toBe(true);
    edge.advanceSeconds(0.5);
    expect(silent.socket.isEnding).toBe(false);
    edge.advanceSeconds(0.5);
    expect([silent.socket.isEnding, silent.socket.received.length]).toEqual([true, 0]);
  });

  it("OPT-66 lets a fill that had begun go on, and keeps what it brings", async () => {
    const edge = new TestEdge();
    const client = edge.connect().get("/a");
    const call = await edge.origin.call();
    edge.server.setEmergency(true);
    call.reply(200, TEXT);
    expect((await client.response()).status).toBe(200);
    expect((await edge.connect().get("/a").response()).status).toBe(200);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("OPT-66 fetches no missing part of a long body, but serves a part that memory holds", async () => {
    const edge = new TestEdge({ vhost: "<OriginOptions><PartSize>1</PartSize></OriginOptions>" });
    const part = async (...fields: string[]): Promise<number> => {
      const response = await edge.connect().get("/video", fields).response();
      return response.status;
    };
    const first = part("Range: bytes=0-99");
    const call = await edge.origin.call();
    call.head(200, ["Content-Length", String(3 * MIB), "Last-Modified", LAST_MODIFIED]);
    call.data(Buffer.alloc(MIB, "x"));
    expect(await first).toBe(206);
    const missing = (): number | undefined => edge.index.findVariants(HOST, "/video")[0]?.missingBytes;
    await until(() => call.aborted && missing() === 2 * MIB, "the end of the first part");
    const isLoaded = (): boolean => {
      let isThere = false;
      edge.tier.forEach((entry) => {
        isThere ||= !(entry instanceof CachedObject) && entry.from(100) !== undefined;
      });
      return isThere;
    };
    for (let time = 0; time < 5 && !isLoaded(); time++) expect(await part("Range: bytes=100-199")).toBe(206);
    expect(isLoaded()).toBe(true);
    edge.server.setEmergency(true);
    expect(await part("Range: bytes=100-199")).toBe(206);
    expect(await part(`Range: bytes=${MIB}-`)).toBe(503);
    expect(await part(`Range: bytes=0-${MIB}`)).toBe(503);
    expect(await part()).toBe(503);
    await turns(10);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("OPT-66 makes no compressed copy, but serves one that is loaded, expired too", async () => {
    const edge = new TestEdge({
      vhost: "<Options><Compression>ON</Compression></Options>",
      files: { [`svc/${HOST}/compression.txt`]: "*.css\n" },
    });
    const encoding = async (path: string): Promise<string | undefined> =>
      (await edge.connect().get(path, ["Accept-Encoding: gzip"]).response()).field("content-encoding");
    for (const path of ["/a.css", "/b.css"]) await edge.store(path, "compressible ".repeat(1000));
    expect(await encoding("/a.css")).toBe("gzip");
    edge.server.setEmergency(true);
    expect([await encoding("/a.css"), await encoding("/b.css")]).toEqual(["gzip", undefined]);
    edge.clock.advanceSeconds(1_000_000);
    expect(await encoding("/a.css")).toBe("gzip");
    expect(edge.deriveCalls).toBe(1);
    expect(edge.origin.calls).toHaveLength(2);
  });

  it.each([
    ["ON", "TCP_HIT"],
    ["OFF", "TCP_HIT"],
  ] as const)("OPT-67 serves expired content as it is, RefreshExpired %s", async (setting, result) => {
    const edge = await inEmergency(`<Options><RefreshExpired>${setting}</RefreshExpired></Options>`);
    edge.clock.advanceSeconds(1_000_000);
    const response = await edge.connect().get("/a").response();
    expect([response.status, String(response.body)]).toEqual([200, TEXT]);
    await turns(10);
    expect(edge.origin.calls).toHaveLength(1);
    expect(counted(edge, result)).toBe(1);

    edge.server.setEmergency(false);
    const refreshed = edge.connect().get("/a");
    (await edge.origin.call(2)).reply(304, "");
    expect((await refreshed.response()).status).toBe(200);
  });

  it("OPT-67 lets no client force a refresh (TTL-37)", async () => {
    const edge = await inEmergency("<Options><NoCacheRequestExpire>ON</NoCacheRequestExpire></Options>");
    expect((await edge.connect().get("/a", ["Cache-Control: no-cache"]).response()).status).toBe(200);
    edge.server.setEmergency(false);
    expect((await edge.connect().get("/a").response()).status).toBe(200);
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("OPT-61 leaves no trace once it is over: the refused is fetched, and connections stay open", async () => {
    const edge = await inEmergency();
    expect((await edge.connect().get("/new").response()).status).toBe(503);
    edge.server.setEmergency(false);
    const client = edge.connect().get("/new");
    (await edge.origin.call(2)).reply(200, "new");
    const response = await client.response();
    expect([String(response.body), response.field("connection")]).toEqual(["new", "keep-alive"]);
    await until(() => edge.index.findVariants(HOST, "/new").length > 0);
    edge.advanceSeconds(0.5);
    expect(client.socket.isEnding).toBe(false);
    expect(edge.counters.get(edge.vhostCounters() + VHOST_SLOT.fills)).toBe(2);
  });
});
