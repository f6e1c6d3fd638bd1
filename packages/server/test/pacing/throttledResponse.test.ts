import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { requestText } from "../support/edge.ts";
import { turns, until } from "../support/waiting.ts";
import { mp4File } from "./mediaFile.ts";
import { bodyBytesOf, ThrottledEdge } from "./throttledEdge.ts";

/** 100 Kbps, 2 s in front: 25000 bytes, then 12500 bytes a second. */
const LINES = "$URL[/slow/*], 100, 100, 2\n";
const BOOST = 25_000;
const RATE = 12_500;

/** No byte of it looks like the end of a head. */
const body = (byteCount: number): Buffer => Buffer.alloc(byteCount, "0123456789abcdef");

const isAbout = (byteCount: number, wanted: number): void => {
  expect(byteCount).toBeGreaterThanOrEqual(wanted * 0.9);
  expect(byteCount).toBeLessThanOrEqual(wanted * 1.1);
};

type PacedClient = ReturnType<ThrottledEdge["connect"]>;

/** One client takes all 50,000 bytes, which lasts two seconds; the other leaves after the first. */
const expectLoggedAsSent = async (edge: ThrottledEdge, whole: PacedClient, leaving: PacedClient): Promise<void> => {
  await edge.paceMs(1_000);
  const sent = bodyBytesOf(leaving);
  leaving.socket.destroy();
  await edge.paceMs(1_500);
  expect(bodyBytesOf(whole)).toBe(50_000);
  expect(edge.logged).toMatchObject([
    { isComplete: false, bodyBytesSent: sent },
    { isComplete: true, bodyBytesSent: 50_000 },
  ]);
  isAbout(edge.logged[1]?.elapsedMs ?? 0, 2_000);
};

describe("a throttled response", () => {
  it.each([
    ["from memory", 100_000],
    ["from a file of its own", 1_300_000],
  ])("BW-14 BW-15 sends the boost at once and the rest at its rate, %s", async (_, byteCount) => {
    const edge = new ThrottledEdge({ lines: LINES });
    await edge.storeSlowly("/slow/a", body(byteCount));
    const client = edge.connect().get("/slow/a");
    await until(() => bodyBytesOf(client) >= BOOST, "the boost");
    await turns(5);
    expect(bodyBytesOf(client)).toBe(BOOST);
    await edge.paceMs(4_000);
    isAbout(bodyBytesOf(client) - BOOST, RATE * 4);
  });

  it("BW-14 BW-15 slows down what has just arrived from the origin, without its length too", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    const client = edge.connect().get("/slow/a");
    const call = await edge.origin.call(1);
    call.head(200, []).data(body(100_000));
    await until(() => client.socket.received.length >= BOOST, "the boost");
    await edge.paceMs(2_000);
    isAbout(client.socket.received.length - BOOST, RATE * 2);
    call.complete();
    await edge.paceMs(5_000);
    const [response] = client.all();
    expect([response?.isComplete, response?.body.length]).toEqual([true, 100_000]);
  });

  it("BW-15 does not slow down what no line is about", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    await edge.storeSlowly("/fast/a", body(200_000));
    const client = edge.connect().get("/fast/a");
    await client.responses(1);
    expect(edge.logged.at(-1)).toMatchObject({ elapsedMs: 0, bodyBytesSent: 200_000 });
  });

  it("BW-15 slows down only the response that a line is about, of those on a connection", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    await edge.storeSlowly("/slow/a", body(50_000));
    await edge.storeSlowly("/fast/a", body(200_000));
    const client = edge.connect().send(`${requestText("/fast/a")}${requestText("/slow/a")}${requestText("/fast/a")}`);
    await turns(5);
    await edge.paceMs(1_000);
    expect(client.all().filter(({ isComplete }) => isComplete).length).toBe(1);
    await edge.paceMs(2_000);
    expect((await client.responses(3)).map(({ body }) => body.length)).toEqual([200_000, 50_000, 200_000]);
    expect(client.socket.lateBytes).toBe(0);
  });

  it("slows down a bypassed response", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    const client = edge
      .connect()
      .send(requestText("/slow/a", ["Content-Length: 1"], "POST"))
      .send("x");
    const call = await edge.origin.call(1);
    call.head(200, ["Content-Length", "100000"]);
    expect(call.data(body(100_000))).toBe(false);
    expect(bodyBytesOf(client)).toBe(BOOST);
    await edge.paceMs(2_000);
    isAbout(bodyBytesOf(client) - BOOST, RATE * 2);
    await edge.paceMs(5_000);
    expect([bodyBytesOf(client), call.resumed]).toEqual([100_000, 1]);
  });

  it("BW-15 logs the time and the bytes of a bypassed response as its client has got it", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    const [leaving, whole] = [edge.connect(), edge.connect()];
    for (const [index, client] of [leaving, whole].entries()) {
      client.send(requestText("/slow/a", ["Content-Length: 1"], "POST")).send("x");
      const call = await edge.origin.call(index + 1);
      call.head(200, ["Content-Length", "50000"]);
      call.data(body(50_000));
      call.complete();
    }
    await expectLoggedAsSent(edge, whole, leaving);
  });

  it("BW-15 slows down what the origin says in a tunnel", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    const client = edge.connect().get("/slow/a", ["Connection: Upgrade", "Upgrade: websocket"]);
    await edge.origin.call(1);
    const [ours, theirs] = duplexPair();
    edge.origin.acceptUpgrade({
      head: { status: 101, reason: "", fields: ["Upgrade", "websocket"], address: "10.0.0.1" },
      socket: ours,
      moved: () => {},
    });
    await until(() => client.socket.received.length > 0, "the 101");
    theirs.write(body(100_000));
    await until(() => bodyBytesOf(client) >= BOOST, "the boost");
    await edge.paceMs(2_000);
    isAbout(bodyBytesOf(client) - BOOST, RATE * 2);
  });

  it("logs the time that it took, and of a client that has left what it was sent", async () => {
    const edge = new ThrottledEdge({ lines: LINES });
    await edge.storeSlowly("/slow/a", body(50_000));
    const whole = edge.connect().get("/slow/a");
    const leaving = edge.connect().get("/slow/a");
    edge.logged.length = 0;
    await expectLoggedAsSent(edge, whole, leaving);
  });

  it("leaves a client alone that is slow by our will, and cuts one that takes nothing", async () => {
    const edge = new ThrottledEdge({ lines: "/slow/a, 1, 100, 1" });
    await edge.storeSlowly("/slow/a", body(60_000));
    const client = edge.connect().get("/slow/a");
    const dead = edge.connect();
    dead.socket.room = 100;
    dead.get("/slow/a");
    for (let minute = 0; minute < 4; minute++) {
      await edge.paceMs(200);
      edge.advanceSeconds(61);
    }
    expect([client.socket.isDestroyed, dead.socket.isDestroyed]).toEqual([false, true]);
  });
});

describe("the header of a media file", () => {
  const LIMITS = { lines: "$URL[/slow/*], 100, 100, 2\n$URL[/rated/*], 100x, 100, 2\n" };
  const HEADER = 30_000;
  /** 80 Kbps. */
  const file = mp4File(HEADER, 200_000, 20);
  const MEDIA_RATE = 10_000;

  it("BW-16 REG-175 leaves without limit, and the boost is counted behind it", async () => {
    const edge = new ThrottledEdge(LIMITS);
    await edge.storeSlowly("/slow/a.mp4", file);
    await edge.storeSlowly("/slow/a.bin", file);
    const [movie, other] = [edge.connect().get("/slow/a.mp4"), edge.connect().get("/slow/a.bin")];
    await turns(5);
    expect([bodyBytesOf(movie), bodyBytesOf(other)]).toEqual([HEADER + BOOST, BOOST]);
  });

  it("BW-16 counts as far as a range holds of it (OPEN 2 of spec 16)", async () => {
    const edge = new ThrottledEdge(LIMITS);
    await edge.storeSlowly("/slow/a.mp4", file);
    const asked = ["bytes=0-", "bytes=20000-", `bytes=${HEADER + 5_000}-`];
    const clients = asked.map((range) => edge.connect().get("/slow/a.mp4", [`Range: ${range}`]));
    await turns(5);
    expect(clients.map(bodyBytesOf)).toEqual([HEADER + BOOST, HEADER - 20_000 + BOOST, BOOST]);
  });

  it("BW-24 BW-26 tells the bit rate, at once where the file is there and as it comes from the origin", async () => {
    const edge = new ThrottledEdge(LIMITS);
    const first = edge.connect().get("/rated/a.mp4");
    (await edge.origin.call(1)).reply(200, file);
    await until(() => bodyBytesOf(first) >= HEADER + 2 * MEDIA_RATE, "header and boost");
    await edge.paceMs(3_000);
    isAbout(bodyBytesOf(first) - HEADER - 2 * MEDIA_RATE, 3 * MEDIA_RATE);
    const later = edge.connect().get("/rated/a.mp4", ["Range: bytes=100000-"]);
    await turns(5);
    expect(bodyBytesOf(later)).toBe(2 * MEDIA_RATE);
  });

  it("BW-26 tells it also to a worker that has not sent the file from its beginning", async () => {
    const edge = new ThrottledEdge(LIMITS);
    const first = edge.connect().get("/rated/a.mp4", ["Range: bytes=150000-"]);
    (await edge.origin.call(1)).reply(200, file);
    await edge.paceMs(10_000);
    first.socket.destroy();
    const later = edge.connect().get("/rated/a.mp4", ["Range: bytes=100000-"]);
    await turns(5);
    expect(bodyBytesOf(later)).toBe(2 * MEDIA_RATE);
  });

  it("BW-24 takes the number of the line where the file says nothing", async () => {
    const edge = new ThrottledEdge(LIMITS);
    await edge.storeSlowly("/rated/a.mp4", body(200_000));
    const client = edge.connect().get("/rated/a.mp4");
    await turns(5);
    expect(bodyBytesOf(client)).toBe(BOOST);
  });
});

describe("the query string", () => {
  const BY_URL = { queryString: true, settings: '<Bandwidth Param="bw">100</Bandwidth><Boost Param="bo">2</Boost>' };

  it("BW-30 BW-34 makes no other object of a URL: two keys, one request to the origin, and a hit", async () => {
    const edge = new ThrottledEdge(BY_URL);
    const first = edge.connect().get("/a?bw=200&tag=1");
    const call = await edge.origin.call(1);
    expect(call.request.target).toBe("/a?tag=1");
    call.reply(200, body(100_000));
    await until(() => bodyBytesOf(first) >= 50_000, "the boost");
    const second = edge.connect().get("/a?tag=1&bw=400");
    await until(() => bodyBytesOf(second) === 100_000, "the second response");
    expect([bodyBytesOf(first), edge.origin.calls.length]).toEqual([50_000, 1]);
    expect(edge.logged.at(-1)).toMatchObject({ result: "TCP_HIT", target: "/a?tag=1&bw=400" });
  });

  it("BW-23 BW-33 does not slow down what the list exempts", async () => {
    const edge = new ThrottledEdge({ ...BY_URL, lines: "$URL[*.m4a], no" });
    const client = edge.connect().get("/a.m4a?bw=1");
    (await edge.origin.call(1)).reply(200, body(300_000));
    expect((await client.response()).body.length).toBe(300_000);
  });
});

describe("the cap of a client connection", () => {
  it("BW-02 BW-04 holds over all its responses, in their boosts and headers too", async () => {
    const options = '<TrafficCap Session="800">0</TrafficCap>';
    const edge = new ThrottledEdge({ lines: "$URL[*.mp4], 8000, 100, 60", options });
    await edge.storeSlowly("/a.mp4", mp4File(150_000, 150_000, 10));
    await edge.storeSlowly("/b", body(150_000));
    const client = edge.connect().send(`${requestText("/a.mp4")}${requestText("/b")}`);
    await edge.paceMs(2_000);
    isAbout(client.socket.received.length, 200_000);
    await edge.paceMs(2_000);
    isAbout(client.socket.received.length, 400_000);
    await edge.paceMs(1_000);
    expect((await client.responses(2)).map(({ body }) => body.length)).toEqual([300_000, 150_000]);
  });

  it("BW-01 BW-04 is no way round the cap of the host", async () => {
    const edge = new ThrottledEdge({ options: '<TrafficCap Session="8000">1</TrafficCap>' });
    await edge.storeSlowly("/a", body(900_000));
    const clients = [edge.connect().get("/a"), edge.connect().get("/a"), edge.connect().get("/a")];
    await edge.paceMs(3_000);
    const sent = clients.map(({ socket }) => socket.received.length);
    isAbout(
      sent.reduce((sum, each) => sum + each, 0),
      375_000,
    );
    for (const each of sent) isAbout(each, 125_000);
  });

  it("takes effect, and ends, with the configuration", async () => {
    const edge = new ThrottledEdge({});
    await edge.storeSlowly("/a", body(100_000));
    edge.configure({ vhost: '<Options><TrafficCap Session="80">0</TrafficCap></Options>' }, 2);
    const client = edge.connect().get("/a");
    await edge.paceMs(1_000);
    isAbout(client.socket.received.length, 11_000);
    edge.configure({}, 3);
    const free = edge.connect().get("/a");
    expect((await free.response()).body.length).toBe(100_000);
  });
});
