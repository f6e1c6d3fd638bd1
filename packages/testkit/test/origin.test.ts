import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  fetchAll,
  fetchOnce,
  patternBody,
  rawClient,
  startOrigin,
  type TestOrigin,
  tallyOutcomes,
} from "../src/index.ts";

let origin: TestOrigin;

beforeEach(async () => {
  origin = await startOrigin();
});
afterEach(() => origin.close());

const get = (path: string, headers: Record<string, string> = {}) => fetchOnce(origin.port, { path, headers });

describe("replies", () => {
  it("come in sequence, the last one repeats, and a later rule wins", async () => {
    origin.on("/a").reply(200, { "Cache-Control": "max-age=1" }, "v1").reply(200, {}, "v2");
    const bodies = [await get("/a"), await get("/a?x=1"), await get("/a")].map((response) => response.text);
    expect(bodies).toEqual(["v1", "v2", "v2"]);
    origin.on("/a").reply(503);
    expect((await get("/a")).status).toBe(503);
    expect((await get("/other")).status).toBe(404);
  });

  it("can be computed from the request", async () => {
    origin.on((request) => request.method === "POST").reply((request) => ({ status: 201, body: request.body }));
    const response = await fetchOnce(origin.port, { method: "POST", path: "/p", body: ["ab", "cd"] });
    expect([response.status, response.text]).toEqual([201, "abcd"]);
    expect(origin.lastSeen("/p")).toMatchObject({ bodyBytes: 4, bodyComplete: true, method: "POST" });
  });

  it("are chunked in the sizes asked for, also byte by byte with pauses", async () => {
    origin.on("/c").reply(200, {}, "abcdefghij").chunked([3, 1]);
    const client = await rawClient(origin.port);
    await client.send("GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const raw = (await client.readUntilClose()).toString();
    expect(raw.slice(raw.indexOf("\r\n\r\n") + 4)).toBe(
      "3\r\nabc\r\n1\r\nd\r\n3\r\nefg\r\n1\r\nh\r\n2\r\nij\r\n0\r\n\r\n",
    );
    client.close();
    origin.on("/drip").reply(200, {}, "abc").drip(50);
    expect((await get("/drip")).text).toBe("abc");
  });

  it("may end with the connection instead of a length", async () => {
    origin.on("/u").reply(200, {}, "all").untilClose();
    const response = await get("/u");
    expect([response.text, response.head.framing.kind]).toEqual(["all", "close"]);
  });

  it("send an interim response and 100 Continue when told", async () => {
    origin.on("/e").reply(200, {}, "x").interim(103, { Link: "</a>" });
    const response = await fetchOnce(origin.port, {
      method: "POST",
      path: "/e",
      headers: { Expect: "100-continue" },
      body: "b",
    });
    expect(response.head.interim.map((interim) => interim.status)).toEqual([100, 103]);
  });
});

describe("faults", () => {
  it("close and reset leave the body short", async () => {
    origin.on("/close").reply(200, {}, "0123456789").closeAfter(4);
    origin.on("/chunks").reply(200, {}, "0123456789").chunked([3]).closeAfter(4);
    origin.on("/reset").reply(200, {}, "0123456789").resetAfter(4);
    await expect(get("/close")).rejects.toThrow(/closed 6 bytes before/);
    await expect(get("/chunks")).rejects.toThrow(/last chunk/);
    await expect(get("/reset")).rejects.toThrow();
  });

  it("a stall sends so much and nothing more", async () => {
    origin.on("/s").reply(200, {}, "0123456789").stallAfter(4);
    const client = await rawClient(origin.port, { silenceLimitMs: 100 });
    await client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
    await expect(client.readResponse()).rejects.toThrow(/nothing for 100 ms/);
    client.close();
  });

  it("garbage is sent as it is", async () => {
    origin.on("/g").garbage("\x00\x01 no http\r\n\r\n");
    await expect(get("/g")).rejects.toThrow(/status line/);
  });

  it("refused connections come back after listen, on the same port", async () => {
    origin.on("/a").reply(200);
    await origin.refuse();
    await expect(get("/a")).rejects.toThrow(/ECONNREFUSED/);
    await origin.listen();
    expect((await get("/a")).status).toBe(200);
  });
});

describe("files", () => {
  const lastModified = "Tue, 01 Jan 2019 00:00:00 GMT";
  it.each([
    [{}, 200, "0123456789", undefined],
    [{ "If-None-Match": 'W/"x"' }, 304, "", undefined],
    [{ "If-None-Match": '"y"' }, 200, "0123456789", undefined],
    [{ "If-Modified-Since": lastModified }, 304, "", undefined],
    [{ "If-Modified-Since": "Mon, 31 Dec 2018 23:59:59 GMT" }, 200, "0123456789", undefined],
    [{ Range: "bytes=2-4" }, 206, "234", "bytes 2-4/10"],
    [{ Range: "bytes=8-99" }, 206, "89", "bytes 8-9/10"],
    [{ Range: "bytes=-3" }, 206, "789", "bytes 7-9/10"],
    [{ Range: "bytes=10-" }, 416, "", "bytes */10"],
    [{ Range: "lines=1-2" }, 200, "0123456789", undefined],
  ])("%j → %i", async (headers, status, body, contentRange) => {
    origin.on("/f").file("0123456789", { etag: '"x"', lastModified });
    const response = await fetchOnce(origin.port, { path: "/f", headers });
    expect([response.status, response.text, response.field("content-range")]).toEqual([status, body, contentRange]);
  });

  it("a large pattern is streamed and arrives whole on many connections", async () => {
    const body = patternBody(5_000_000, 4);
    origin.on("/big").file(body);
    const outcomes = await fetchAll(origin.port, 6, { path: "/big" }, { concurrency: 3 });
    expect(tallyOutcomes(outcomes)).toEqual({ "200": 6 });
    for (const outcome of outcomes) expect(outcome).toMatchObject({ bytes: 5_000_000, sha256: body.digest() });
  });
});

describe("records", () => {
  it("count requests, connections and bytes, and tell keep-alive from new connections", async () => {
    origin.on("/a").reply(200, {}, "x");
    const client = await rawClient(origin.port);
    await client.request({ path: "/a", headers: { A: "1" } });
    await client.request({ path: "/a?q" });
    await get("/a");
    expect(origin.saw("/a")).toBe(3);
    expect(origin.saw("/a?q")).toBe(1);
    expect(origin.requests.map((request) => request.connection)).toEqual([1, 1, 2]);
    expect(origin.requests[0]?.field("a")).toBe("1");
    expect(origin.bytes.in).toBeGreaterThan(60);
    client.close();
    origin.reset();
    expect(origin.saw()).toBe(0);
  });

  it("sawAtLeast waits for what is still to come and gives up in the end", async () => {
    origin.on("/a").reply(200);
    const waiting = origin.sawAtLeast("/a", 2);
    await Promise.all([get("/a"), get("/a")]);
    await waiting;
    await expect(origin.sawAtLeast("/a", 3, 20)).rejects.toThrow(/saw 2 of 3/);
  });

  it("notes what breaks the protocol", async () => {
    const client = await rawClient(origin.port);
    await client.send("GET /a HTTP/1.1\nHost: h\n\n");
    expect(await client.closedByPeer()).toBe(true);
    expect(origin.violations).toEqual([expect.stringContaining("bare LF")]);
  });
});

describe("gates", () => {
  it("hold a reply before its head or within its body until released", async () => {
    const gate = origin.on("/a").reply(200, {}, "0123456789").hold(4);
    const client = await rawClient(origin.port);
    await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    await gate.arrived();
    const head = await client.readHead();
    const parts: string[] = [];
    await client.readBody(head, (bytes) => {
      parts.push(bytes.toString());
      if (parts.join("") === "0123") gate.release();
    });
    expect(parts.join("")).toBe("0123456789");
    client.close();

    const early = origin.on("/b").reply(200, {}, "b").hold();
    const answers = [get("/b"), get("/b")];
    await early.arrived(2);
    expect(early.waiting).toBe(2);
    await expect(early.arrived(3, 10)).rejects.toThrow("2 of 3 exchanges");
    early.release();
    expect((await Promise.all(answers)).map((answer) => answer.text)).toEqual(["b", "b"]);
  });
});

describe("upgrades", () => {
  it("are accepted with 101 and every byte comes back", async () => {
    origin.on("/ws").echoUpgrade("chat");
    const client = await rawClient(origin.port);
    await client.send("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\nearly");
    const head = await client.readHead();
    expect(head.status).toBe(101);
    expect((await client.readSome())?.toString()).toBe("early");
    await client.send("later");
    expect((await client.readSome())?.toString()).toBe("later");
    client.close();
  });
});
