import { setTimeout as pause } from "node:timers/promises";
import { describe, expect } from "vitest";
import { patternBody } from "../../src/index.ts";
import { scenario, useEdge } from "../../src/scenario/index.ts";

useEdge({ workers: 2 });

const MEGABIT = 125_000;

/** A box of an MP4 file. */
const box = (type: string, content: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, content]);
};

/** So many bytes of header in front of the media. */
const mp4File = (headerBytes: number, mediaBytes: number): Buffer => {
  const ftyp = box("ftyp", Buffer.from("isom\0\0\0\0isommp41", "latin1"));
  const moov = box("moov", box("trak", Buffer.alloc(headerBytes - ftyp.length - 16)));
  return Buffer.concat([ftyp, moov, box("mdat", patternBody(mediaBytes - 8, 7).slice(0, mediaBytes - 8))]);
};

/** 4 Mbps after one second of them. */
const throttling = (queryString = "OFF"): string => `<Options><BandwidthThrottling>
    <Settings><Bandwidth Unit="kbps">4000</Bandwidth><Boost>1</Boost></Settings>
    <Throttling QueryString="${queryString}">ON</Throttling>
  </BandwidthThrottling></Options>`;
const RATE = 4 * MEGABIT;

describe("the cap of a virtual host", () => {
  scenario(
    "BW-01 (spec 16, TrafficCap 8 for 4 clients): workers share the cap, and every client gets something",
    { xml: "<Options><TrafficCap>8</TrafficCap></Options>" },
    async ({ origin, edge, client }) => {
      const body = patternBody(40 * MEGABIT, 7);
      origin.on("/a").reply(200, {}, body.slice(0, body.size));
      await edge.get("/a", { headers: { Range: "bytes=0-9" } });
      const clients = await Promise.all([client(), client(), client(), client()]);
      const startedMs = performance.now();
      for (const each of clients) await each.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
      await pause(2_500);
      const received = clients.map(({ bytesReceived }) => bytesReceived);
      const seconds = (performance.now() - startedMs) / 1000;
      const total = received.reduce((sum, each) => sum + each, 0);
      expect(total).toBeLessThanOrEqual(8 * MEGABIT * (seconds + 0.2) * 1.1);
      expect(Math.min(...received)).toBeGreaterThan(0);
    },
  );

  scenario(
    "BW-02 BW-04: no client connection gets more than Session, whatever the throttling says",
    {
      xml: `<Options><TrafficCap Session="4000">0</TrafficCap><BandwidthThrottling>
        <Throttling>ON</Throttling></BandwidthThrottling></Options>`,
      conditions: { "throttling.txt": "/a, 80000, 100, 10\n" },
    },
    async ({ origin, edge }) => {
      const body = patternBody(8 * MEGABIT, 7);
      origin.on("/a").reply(200, {}, body.slice(0, body.size));
      const startedMs = performance.now();
      const { body: received } = await edge.get("/a");
      expect(received.equals(body.slice(0, body.size))).toBe(true);
      expect(performance.now() - startedMs).toBeGreaterThan(1_700);
    },
  );
});

describe("throttling", () => {
  scenario(
    "BW-14 BW-16 (spec 16, file with and without media header): header and boost leave before the rest, which takes its time",
    { xml: throttling(), conditions: { "throttling.txt": "$URL[*.mp4]\n" } },
    async ({ origin, edge, client }) => {
      const plain = Buffer.from(patternBody(3 * RATE, 7).slice(0, 3 * RATE));
      plain.write("none", 4, "latin1");
      const movie = mp4File(300_000, 3 * RATE);
      origin.on("/plain.mp4").reply(200, {}, plain);
      origin.on("/movie.mp4").reply(200, {}, movie);
      const take = async (path: string, freeBytes: number, whole: Buffer): Promise<void> => {
        const session = await client();
        const startedMs = performance.now();
        const response = await session.request({ path, host: edge.host });
        expect(response.body.equals(whole)).toBe(true);
        const leastMs = ((whole.length - freeBytes - RATE / 10) / RATE) * 1_000;
        expect(performance.now() - startedMs).toBeGreaterThan(leastMs * 0.98);
      };
      await Promise.all([take("/plain.mp4", RATE, plain), take("/movie.mp4", RATE + 300_000, movie)]);
    },
  );

  scenario(
    "BW-30 BW-34 (spec 16, two requests with different keys): one request to the origin, the second is a hit",
    { xml: throttling("ON"), conditions: { "throttling.txt": "$URL[*.m4a], no\n" } },
    async ({ origin, edge }) => {
      origin.on("/a?tag=1").reply(200, {}, "v1");
      origin.on("/a.m4a").reply(200, {}, patternBody(2 * RATE, 7).slice(0, 2 * RATE));
      await edge.get("/a?tag=1&bandwidth=50").expect(200, "v1");
      await edge.stored("/a?tag=1");
      await edge.get("/a?boost=10&tag=1&bandwidth=70").expect(200, "v1");
      // Would take half an hour.
      const exempt = await edge.get("/a.m4a?bandwidth=1&boost=1");
      expect(exempt.body.length).toBe(2 * RATE);
      expect([origin.saw("/a?tag=1"), origin.requests.length]).toEqual([1, 2]);
      await edge.counted({ TCP_HIT: 1, TCP_MISS: 2 });
    },
  );
});

describe("the configuration in service", () => {
  scenario(
    "BW-20: throttling.txt is shown by /conf",
    { conditions: { "throttling.txt": "/a, 500x, 120, 5\n" } },
    async ({ edge }) => {
      const { text } = await edge.cluster.api(`/conf/throttling.txt?vhost=${edge.host}`);
      expect(text).toBe("/a, 500x, 120, 5\n");
    },
  );
});
