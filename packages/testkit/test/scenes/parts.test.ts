import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import {
  allocatedBytes,
  damageFile,
  fetchAll,
  filesBelow,
  type PatternBody,
  patternBody,
  patternBytes,
  type RawResponse,
  type TestOrigin,
  verifyPattern,
} from "../../src/index.ts";
import { type SceneEdge, scenario } from "../../src/scenario/index.ts";

const MB = 1 << 20;
/** Of a body file: what is fetched and verified as one. */
const BLOCK = MB / 16;
const LAST_MODIFIED = "Tue, 01 Jan 2019 00:00:00 GMT";
const CHANGED = "Wed, 02 Jan 2019 00:00:00 GMT";

const inParts = { xml: "<OriginOptions><PartSize>1</PartSize><OriginalETag>ON</OriginalETag></OriginOptions>" };
const comparing = { xml: `<Options><IfRange>ON</IfRange></Options>${inParts.xml}` };
const whole = {
  xml: "<OriginOptions><OriginalETag>ON</OriginalETag><Exclusion>1000</Exclusion></OriginOptions>",
};
const original = { etag: '"v1"', lastModified: LAST_MODIFIED };

const rangeText = (start: number, end: number): string => `bytes=${start}-${end - 1}`;

/** Asks for bytes `[start, end)` and checks each of them. */
const getRange = async (
  edge: SceneEdge,
  path: string,
  body: PatternBody,
  start: number,
  end: number,
): Promise<RawResponse> => {
  const answer = await edge.get(path, { headers: { Range: rangeText(start, end) } });
  expect([answer.status, answer.field("content-range"), answer.body.length]).toEqual([
    206,
    `bytes ${start}-${end - 1}/${body.size}`,
    end - start,
  ]);
  expect(verifyPattern(body.seed, start, answer.body)).toBeUndefined();
  return answer;
};

const expectWhole = async (edge: SceneEdge, path: string, body: PatternBody): Promise<void> => {
  const answer = await edge.get(path);
  expect([answer.status, answer.body.length, answer.sha256]).toEqual([200, body.size, body.digest()]);
};

const rangesSeen = (origin: TestOrigin, path: string): (string | undefined)[] =>
  origin.seen(path).map((request) => request.field("range"));

const sentBytes = (origin: TestOrigin, path: string): number =>
  origin.seen(path).reduce((sum, request) => sum + request.sentBytes, 0);

const bodyFiles = (edge: SceneEdge): Promise<string[]> => filesBelow(join(edge.cluster.home, "disk1"), ".body");

const diskBytes = async (edge: SceneEdge): Promise<number> => allocatedBytes(await bodyFiles(edge));

/** Waits until the blocks that were received are on the disk, each with its checksum. */
const onDisk = async (edge: SceneEdge, path: string, presentBytes: number): Promise<void> => {
  await expect.poll(() => diskBytes(edge)).toBeGreaterThanOrEqual(presentBytes);
  await edge.stored(path);
};

describe("PartSize", () => {
  scenario(
    "ORG-35, ORG-36, AWS-48, A8 of spec 05: a plain GET is ended after the part, a range of the known object costs its part",
    { ...inParts, ownEdge: {} },
    async ({ origin, edge }) => {
      const body = patternBody(10 * MB, 101);
      const gate = origin.on("/a").file(body, original).hold(MB);
      await getRange(edge, "/a", body, 0, 100);
      await gate.arrived();
      await expect.poll(() => origin.openConnections).toBe(0);
      gate.release();
      await getRange(edge, "/a", body, 5_242_880, 5_242_890);
      expect(rangesSeen(origin, "/a")).toEqual([undefined, "bytes=5242880-6291455"]);
      await onDisk(edge, "/a", 2 * MB);
      for (const [start, end] of [
        [0, 65_536],
        [MB - 1, MB],
        [5_242_880, 6_291_456],
        [6_000_000, 6_000_001],
      ] as const) {
        await getRange(edge, "/a", body, start, end);
      }
      await edge.head("/a").expect(200, "", { "content-length": String(body.size) });
      expect(origin.saw("/a")).toBe(2);
      expect(await diskBytes(edge)).toBeLessThan(2 * MB + 65_536);
    },
  );

  scenario(
    "ORG-35: a pass over the whole body brings every byte once, a part at a time, the short last block too",
    inParts,
    async ({ origin, edge }) => {
      const body = patternBody(3 * MB + 524_287, 102);
      origin.on("/a").file(body, original);
      await expectWhole(edge, "/a", body);
      expect(rangesSeen(origin, "/a")).toEqual([
        undefined,
        rangeText(MB, 2 * MB),
        rangeText(2 * MB, 3 * MB),
        rangeText(3 * MB, body.size),
      ]);
      for (let round = 0; round < 3; round++) await expectWhole(edge, "/a", body);
      expect(origin.saw("/a")).toBe(4);
    },
  );

  scenario(
    "HTTP-29, ORG-35: suffixes, open ends, If-Range and what lies behind the end",
    comparing,
    async ({ origin, edge }) => {
      const body = patternBody(4 * MB + 1, 103);
      origin.on("/a").file(body, original);
      const ask = (headers: Record<string, string>) => edge.get("/a", { headers });
      const suffix = await ask({ Range: "bytes=-1" });
      expect([suffix.status, suffix.field("content-range")]).toEqual([206, `bytes ${4 * MB}-${4 * MB}/${body.size}`]);
      expect(verifyPattern(103, 4 * MB, suffix.body)).toBeUndefined();
      const open = await ask({ Range: `bytes=${3 * MB + 5}-` });
      expect([open.status, open.body.length]).toEqual([206, MB - 4]);
      expect(verifyPattern(103, 3 * MB + 5, open.body)).toBeUndefined();
      await ask({ Range: `bytes=${body.size}-` }).expect(416);
      expect(rangesSeen(origin, "/a")).toEqual([undefined, rangeText(4 * MB, 4 * MB + 1), rangeText(3 * MB, 4 * MB)]);
      const etag = open.field("etag") ?? "";
      const same = await ask({ Range: "bytes=10-19", "If-Range": etag });
      expect([same.status, same.body.equals(patternBytes(103, 10, 20))]).toEqual([206, true]);
      const other = await ask({ Range: "bytes=10-19", "If-Range": '"other"' });
      expect([other.status, other.sha256]).toEqual([200, body.digest()]);
      expect(rangesSeen(origin, "/a").slice(3)).toEqual([rangeText(MB, 2 * MB), rangeText(2 * MB, 3 * MB)]);
    },
  );

  scenario(
    "ORG-35: random ranges of many clients in all workers cost no more than the parts that they lie in, on the disk too",
    { ...inParts, ownEdge: {} },
    async ({ origin, edge }) => {
      const body = patternBody(64 * MB, 104);
      origin.on("/a").file(body, original);
      await getRange(edge, "/a", body, 0, 10);
      const ranges = Array.from({ length: 40 }, () => {
        const start = randomInt(body.size - 65_536);
        return { start, end: start + 65_536 };
      });
      const megabytes = new Set([0]);
      for (const { start, end } of ranges) for (let at = Math.floor(start / MB); at * MB < end; at++) megabytes.add(at);
      for (let round = 0; round < 2; round++) {
        const outcomes = await fetchAll(edge.port, 120, (index) => {
          const { start, end } = ranges[index % ranges.length] ?? { start: 0, end: 10 };
          return { path: "/a", host: edge.host, headers: { Range: rangeText(start, end) } };
        });
        const tally = new Map<string, number>();
        for (const outcome of outcomes) {
          const key = outcome.kind === "failed" ? outcome.error : `${outcome.status} ${outcome.bytes}`;
          tally.set(key, (tally.get(key) ?? 0) + 1);
        }
        expect(Object.fromEntries(tally)).toEqual({ "206 65536": 120 });
      }
      for (const { start, end } of ranges.slice(0, 10)) await getRange(edge, "/a", body, start, end);
      const asked = rangesSeen(origin, "/a").filter((range) => range !== undefined);
      const fetched = asked.flatMap((range) => {
        const [start = 0, last = 0] = (range ?? "").slice("bytes=".length).split("-").map(Number);
        return Array.from({ length: (last + 1 - start) / BLOCK }, (_, index) => start / BLOCK + index);
      });
      expect(new Set(fetched).size).toBe(fetched.length);
      expect(fetched.every((block) => megabytes.has(Math.floor((block * BLOCK) / MB)))).toBe(true);
      const bytes = MB + fetched.length * BLOCK;
      await onDisk(edge, "/a", bytes);
      expect(await diskBytes(edge)).toBeLessThan(bytes + 65_536);
    },
  );

  scenario(
    "REG-92: a body of which parts are stored keeps them when a 304 renews it and when the edge starts again",
    { ...inParts, ownEdge: {} },
    async ({ origin, edge, clock }) => {
      const body = patternBody(8 * MB, 105);
      origin.on("/a").file(body, original);
      await getRange(edge, "/a", body, 0, 10);
      await getRange(edge, "/a", body, 5 * MB, 5 * MB + 10);
      await onDisk(edge, "/a", 2 * MB);
      await clock.advance(1_801);
      await getRange(edge, "/a", body, 5 * MB + 100, 6 * MB);
      expect(origin.saw("/a")).toBe(3);
      expect(origin.lastSeen("/a").field("if-none-match")).toBe('"v1"');
      expect(origin.lastSeen("/a").field("range")).toBeUndefined();
      await getRange(edge, "/a", body, 7 * MB, 7 * MB + 10);
      expect(rangesSeen(origin, "/a").slice(3)).toEqual([rangeText(7 * MB, 8 * MB)]);
      await onDisk(edge, "/a", 3 * MB);
      await edge.cluster.restartEverything();
      for (const start of [0, 5 * MB, 7 * MB]) await getRange(edge, "/a", body, start, start + MB);
      expect(origin.saw("/a")).toBe(4);
      await expectWhole(edge, "/a", body);
      expect(sentBytes(origin, "/a")).toBeLessThan(body.size + 8 * MB);
    },
  );

  scenario(
    "an object that has changed at the origin: a part of it brings the new one",
    inParts,
    async ({ origin, edge }) => {
      const before = patternBody(6 * MB, 106);
      const after = patternBody(7 * MB, 107);
      for (const [path, changed] of [
        ["/tag", { etag: '"v2"', lastModified: LAST_MODIFIED }],
        ["/date", { lastModified: CHANGED }],
      ] as const) {
        origin.on(path).file(before, path === "/tag" ? original : { lastModified: LAST_MODIFIED });
        await getRange(edge, path, before, 0, 10);
        origin.on(path).file(after, changed);
        await getRange(edge, path, after, 5 * MB, 5 * MB + 10);
        await expectWhole(edge, path, after);
      }
    },
  );

  scenario(
    "an object that changes while a client reads it: nobody gets bytes of both",
    inParts,
    async ({ origin, edge, client }) => {
      const before = patternBody(4 * MB, 108);
      const after = patternBody(4 * MB, 109);
      const gate = origin.on("/a").file(before, original).file(before, original).hold(1000);
      const reader = await client();
      await reader.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
      const head = await reader.readHead();
      let received = 0;
      const reading = reader.readBody(head, (bytes) => {
        expect(verifyPattern(108, received, bytes)).toBeUndefined();
        received += bytes.length;
      });
      reading.catch(() => {});
      await gate.arrived();
      origin.on("/a").file(after, { etag: '"v2"', lastModified: CHANGED });
      gate.release();
      await expect(reading).rejects.toThrow();
      expect(received).toBeGreaterThanOrEqual(MB);
      await expectWhole(edge, "/a", after);
    },
  );

  scenario(
    "a part that the origin does not give is an error page, not a torn answer, and the object stays",
    inParts,
    async ({ origin, edge, clock }) => {
      const body = patternBody(6 * MB, 113);
      origin.on("/a").file(body, original);
      await getRange(edge, "/a", body, 0, 10);
      const headers = { Range: rangeText(4 * MB, 4 * MB + 10) };
      origin.on("/a").reply(503, {}, "busy");
      expect((await edge.get("/a", { headers })).status).toBeGreaterThanOrEqual(500);
      await getRange(edge, "/a", body, 10, 20);
      await origin.refuse();
      expect((await edge.get("/a", { headers })).status).toBeGreaterThanOrEqual(500);
      await getRange(edge, "/a", body, 20, 30);
      await origin.listen();
      origin.on("/a").file(body, original);
      await clock.advance(40);
      await getRange(edge, "/a", body, 4 * MB, 4 * MB + 10);
    },
  );

  scenario("an origin that ignores Range: the part is cut out of what it sends", inParts, async ({ origin, edge }) => {
    const body = patternBody(6 * MB, 110);
    origin.on("/a").reply(200, { ETag: '"v1"', "Last-Modified": LAST_MODIFIED }, body);
    await getRange(edge, "/a", body, 4 * MB + 10, 4 * MB + 20);
    expect(rangesSeen(origin, "/a")).toEqual([undefined, rangeText(4 * MB, 5 * MB)]);
    await getRange(edge, "/a", body, 4 * MB, 5 * MB);
    expect(origin.saw("/a")).toBe(2);
    await expectWhole(edge, "/a", body);
  });

  scenario(
    "REG-43: with RefreshExpired OFF a part of an expired object is answered at once and renewed behind it",
    {
      xml: `<Options><RefreshExpired>OFF</RefreshExpired></Options>${inParts.xml}`,
    },
    async ({ origin, edge, clock }) => {
      const body = patternBody(5 * MB, 111);
      origin.on("/a").file(body, original);
      await getRange(edge, "/a", body, 0, 10);
      await edge.stored("/a");
      await clock.advance(1_801);
      await getRange(edge, "/a", body, 0, 10);
      await origin.sawAtLeast("/a", 2);
      expect(origin.lastSeen("/a").field("if-none-match")).toBe('"v1"');
      await expect.poll(() => edge.ttlLeft("/a")).toBeGreaterThan(1_000);
    },
  );

  scenario("HEAD comes first: it costs no more than the first part", inParts, async ({ origin, edge }) => {
    const body = patternBody(5 * MB, 112);
    origin.on("/a").file(body, original);
    await edge.head("/a").expect(200, "", { "content-length": String(body.size), "accept-ranges": "bytes" });
    await edge.stored("/a");
    await edge.head("/a").expect(200, "");
    expect(origin.saw("/a")).toBe(1);
    await getRange(edge, "/a", body, 100, 200);
    await getRange(edge, "/a", body, 4 * MB, 5 * MB);
    expect(rangesSeen(origin, "/a").at(-1)).toBe(rangeText(4 * MB, 5 * MB));
  });
});

describe("a long body on its way", () => {
  scenario(
    "a far range of a cold body is answered while the first download still runs",
    whole,
    async ({ origin, edge }) => {
      const body = patternBody(48 * MB, 120);
      const gate = origin
        .on("/a")
        .file(body, original)
        .hold(2 * MB);
      origin.on((request) => request.path === "/a" && request.field("range") !== undefined).file(body, original);
      const first = fetchAll(edge.port, 2, { path: "/a", host: edge.host });
      await origin.sawAtLeast("/a", 1);
      await getRange(edge, "/a", body, 40 * MB + 7, 40 * MB + 1_007);
      expect(rangesSeen(origin, "/a")).toEqual([undefined, rangeText(40 * MB, 48 * MB)]);
      gate.release();
      const sha256 = body.digest();
      for (const outcome of await first) expect(outcome).toMatchObject({ status: 200, bytes: body.size, sha256 });
      expect(origin.saw("/a")).toBe(2);
      await expectWhole(edge, "/a", body);
      expect(origin.saw("/a")).toBe(2);
    },
  );

  for (const fault of ["closeAfter", "resetAfter"] as const) {
    scenario(
      `an origin that breaks off at 60 % (${fault}): the rest is asked for, the client gets a whole body`,
      whole,
      async ({ origin, edge }) => {
        const body = patternBody(10 * MB, 121);
        origin
          .on("/a")
          .file(body, original)
          [fault](6 * MB + 300_000)
          .file(body, original);
        await expectWhole(edge, "/a", body);
        expect(origin.saw("/a")).toBe(2);
        expect(origin.lastSeen("/a").field("range")).toMatch(/^bytes=[1-6]?\d{1,7}-10485759$/);
        if (fault === "closeAfter")
          expect(origin.lastSeen("/a").field("range")).toBe(rangeText(6 * MB + 4 * BLOCK, 10 * MB));
        await expectWhole(edge, "/a", body);
        expect(origin.saw("/a")).toBe(2);
      },
    );
  }

  for (const purged of [false, true]) {
    const was = purged ? "purged" : "stale";
    scenario(
      `TTL-27: the renewal of a long ${was} body breaks off and the origin is down: the old one answers, whole`,
      whole,
      async ({ origin, edge, clock }) => {
        const [old, next] = [patternBody(3 * MB, 124), patternBody(5 * MB, 125)];
        origin
          .on("/a")
          .file(old, { ...original, fields: { "Cache-Control": "max-age=60" } })
          .file(next, { etag: '"v2"', lastModified: CHANGED })
          .closeAfter(2 * MB + 70_000)
          .reply(500);
        await expectWhole(edge, "/a", old);
        await edge.stored("/a");
        if (purged) await edge.purge("/a");
        else await clock.advance(61);
        const [cut] = await fetchAll(edge.port, 1, { path: "/a", host: edge.host });
        expect(cut?.kind).toBe("failed");
        // The other worker reads it from the index, some milliseconds later.
        const isOld = async (): Promise<boolean> => {
          const [answer] = await fetchAll(edge.port, 1, { path: "/a", host: edge.host });
          return answer?.kind === "answer" && answer.bytes === old.size;
        };
        for (let round = 0; round < 4; round++) await expect.poll(isOld).toBe(true);
        for (let round = 0; round < 4; round++) await expectWhole(edge, "/a", old);
        origin.on("/a").file(next, { etag: '"v2"', lastModified: CHANGED });
        await clock.advance(61);
        await expectWhole(edge, "/a", next);
      },
    );
  }

  scenario(
    "an origin that always breaks off a little later: the body still becomes whole, and one that brings nothing is an end",
    whole,
    async ({ origin, edge, clock }) => {
      const body = patternBody(5 * MB, 122);
      origin
        .on("/a")
        .file(body, original)
        .closeAfter(MB + 70_000);
      await expectWhole(edge, "/a", body);
      expect(origin.saw("/a")).toBe(5);
      origin
        .on("/b")
        .file(body, original)
        .closeAfter(2 * MB)
        .reply(500);
      const [cut] = await fetchAll(edge.port, 1, { path: "/b", host: edge.host });
      expect(cut?.kind).toBe("failed");
      origin.on("/b").file(body, original);
      await clock.advance(40);
      await expectWhole(edge, "/b", body);
    },
  );

  scenario(
    "kill -9 of the worker that fills: the other goes on and the origin sends at most a block more",
    { ...whole, ownEdge: {} },
    async ({ origin, edge, client }) => {
      const body = patternBody(12 * MB, 123);
      const gate = origin
        .on("/a")
        .file(body, original)
        .hold(5 * MB + 300_000);
      const served = async (worker: number): Promise<number> =>
        (await edge.cluster.status()).workers[worker]?.connections ?? 0;
      const ask = async (): Promise<{ received: number; done: Promise<unknown> }> => {
        const reader = await client();
        await reader.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
        const head = await reader.readHead();
        const state = { received: 0, done: Promise.resolve<unknown>(undefined) };
        state.done = reader
          .readBody(head, (bytes) => {
            expect(verifyPattern(123, state.received, bytes)).toBeUndefined();
            state.received += bytes.length;
          })
          .catch((error: unknown) => error);
        return state;
      };
      const readers = [await ask()];
      await gate.arrived();
      await expect.poll(async () => (await served(0)) + (await served(1)), { interval: 100 }).toBeGreaterThan(0);
      const filling = (await served(0)) > 0 ? 0 : 1;
      // Which worker takes a connection is left to the system.
      const askOnce = async (): Promise<number> => {
        readers.push(await ask());
        return served(1 - filling);
      };
      await expect.poll(askOnce, { interval: 50 }).toBeGreaterThan(0);
      const killed = (await edge.cluster.workers())[filling] ?? 0;
      edge.cluster.signal(killed, "SIGKILL");
      // The next worker may take longer to start than an origin may be silent; its end reaches the origin at once.
      await pause(200);
      gate.release();
      await edge.cluster.waitUntilServing(({ workers }) => workers.every(({ pid }) => pid !== killed));
      await Promise.all(readers.map(({ done }) => done));
      const completed = readers.filter(({ received }) => received === body.size).length;
      expect(completed).toBeGreaterThan(0);
      await expectWhole(edge, "/a", body);
      expect(origin.saw("/a")).toBe(2);
      expect(sentBytes(origin, "/a")).toBeLessThanOrEqual(body.size + MB);
    },
  );

  scenario("a purge within a part: who reads goes on, who comes later gets the new body", whole, async (scene) => {
    const { origin, edge } = scene;
    for (const verb of ["purge", "hardpurge", "expire"]) {
      const path = `/${verb}`;
      const before = patternBody(6 * MB, 124);
      const after = patternBody(6 * MB, 125);
      const gate = origin
        .on(path)
        .file(before, original)
        .hold(3 * MB);
      const reading = fetchAll(edge.port, 4, { path, host: edge.host });
      await gate.arrived();
      await edge.stored(path);
      expect([verb, await edge.purge(path, verb)]).toEqual([verb, 1]);
      origin.on(path).file(after, { etag: '"v2"', lastModified: CHANGED });
      await expectWhole(edge, path, after);
      gate.release();
      const sha256 = before.digest();
      for (const outcome of await reading) expect(outcome).toMatchObject({ status: 200, bytes: before.size, sha256 });
      await expectWhole(edge, path, after);
      expect([verb, origin.saw(path)]).toEqual([verb, 2]);
    }
  });

  scenario(
    "PRG-23: parts of a body that a purge has put out of the way still come for who began to read it",
    inParts,
    async ({ origin, edge }) => {
      for (const verb of ["purge", "hardpurge"]) {
        const path = `/${verb}`;
        const body = patternBody(5 * MB, 126);
        const gate = origin.on(path).file(body, original).file(body, original).hold(1_000);
        const reading = fetchAll(edge.port, 1, { path, host: edge.host });
        await gate.arrived();
        origin.on(path).file(body, original);
        expect([verb, await edge.purge(path, verb)]).toEqual([verb, 1]);
        await expectWhole(edge, path, body);
        gate.release();
        expect(await reading).toMatchObject([{ status: 200, bytes: body.size, sha256: body.digest() }]);
      }
    },
  );

  scenario(
    "HTTP-54: a long text of which only a part is stored is compressed as a whole",
    {
      xml: `<Options><Compression SourceSize="2-10240">ON</Compression></Options>${inParts.xml}`,
      conditions: { "compression.txt": "*.txt\n" },
    },
    async ({ origin, edge }) => {
      const line = "All that is gold does not glitter, not all those who wander are lost.\n";
      const text = Buffer.from(Array.from({ length: 45_000 }, (_, index) => `${index} ${line}`).join(""));
      expect(text.length).toBeGreaterThan(3 * MB);
      origin.on("/long.txt").file(text, { ...original, type: "text/plain" });
      const ranged = await edge.get("/long.txt", { headers: { Range: "bytes=0-9" } });
      expect([ranged.status, ranged.body.equals(text.subarray(0, 10))]).toEqual([206, true]);
      const headers = { "Accept-Encoding": "gzip" };
      const askOften = async (times: number): Promise<(string | undefined)[]> => {
        const codings: (string | undefined)[] = [];
        for (let time = 0; time < times; time++) {
          const answer = await edge.get("/long.txt", { headers });
          const coding = answer.field("content-encoding");
          const body = coding === "gzip" ? gunzipSync(answer.body) : answer.body;
          expect([answer.status, body.equals(text)]).toEqual([200, true]);
          codings.push(coding);
        }
        return codings;
      };
      const gzipped = (times: number): string[] => Array.from({ length: times }, () => "gzip");
      await expect.poll(() => askOften(4)).toEqual(gzipped(4));
      expect(await askOften(8)).toEqual(gzipped(8));
      const plain = await edge.get("/long.txt");
      expect([plain.status, plain.body.equals(text)]).toEqual([200, true]);
      expect(sentBytes(origin, "/long.txt")).toBeLessThan(text.length + 8 * MB);
      const asked = rangesSeen(origin, "/long.txt");
      expect(new Set(asked).size).toBe(asked.length);
    },
  );
});

describe("parts and the end of everything", () => {
  scenario(
    "after SIGKILL of everything parts that were there are hits, others are fetched",
    { ...inParts, ownEdge: {} },
    async ({ origin, edge }) => {
      const body = patternBody(9 * MB + 77, 130);
      origin.on("/a").file(body, original);
      const present = [
        [0, MB],
        [5 * MB, 6 * MB],
        [9 * MB, body.size],
      ] as const;
      for (const [start, end] of present) await getRange(edge, "/a", body, start, end);
      await onDisk(edge, "/a", 2 * MB);
      await edge.cluster.crash();
      await edge.cluster.start();
      for (const [start, end] of present) await getRange(edge, "/a", body, start, end);
      expect(origin.saw("/a")).toBe(3);
      await getRange(edge, "/a", body, 3 * MB + 1, 3 * MB + 2);
      expect(rangesSeen(origin, "/a").slice(3)).toEqual([rangeText(3 * MB, 4 * MB)]);
      await expectWhole(edge, "/a", body);
      expect(sentBytes(origin, "/a")).toBeLessThan(body.size + 8 * MB);
    },
  );

  scenario(
    "after SIGKILL of everything within a fill what had arrived is not asked for again",
    { ...whole, ownEdge: {} },
    async ({ origin, edge }) => {
      const body = patternBody(12 * MB, 131);
      const gate = origin
        .on("/a")
        .file(body, original)
        .hold(8 * MB + 500);
      const cut = fetchAll(edge.port, 3, { path: "/a", host: edge.host });
      await gate.arrived();
      await onDisk(edge, "/a", 8 * MB);
      await edge.cluster.crash();
      gate.release();
      for (const outcome of await cut) expect(outcome.kind).toBe("failed");
      await edge.cluster.start();
      await getRange(edge, "/a", body, MB, 7 * MB);
      expect(origin.saw("/a")).toBe(1);
      await expectWhole(edge, "/a", body);
      const [, rest] = rangesSeen(origin, "/a");
      expect([rangeText(7 * MB, 12 * MB), rangeText(8 * MB, 12 * MB)]).toContain(rest);
      expect(origin.saw("/a")).toBe(2);
    },
  );

  scenario(
    "a long body is sent from its file: whole and in ranges, to clients of any pace, after a restart and a change of the file",
    { ...whole, ownEdge: {} },
    async ({ origin, edge, client }) => {
      const body = patternBody(20 * MB + 77, 133);
      origin.on("/a").file(body, original);
      await expectWhole(edge, "/a", body);
      await edge.stored("/a");
      const ask = async (): Promise<void> => {
        const slow = await client();
        await slow.send(`GET /a HTTP/1.1\r\nHost: ${edge.host}\r\n\r\n`);
        const head = await slow.readHead();
        await Promise.all([1, 2, 3].map(() => expectWhole(edge, "/a", body)));
        for (let round = 0; round < 20; round++) {
          const start = randomInt(body.size - 1);
          await getRange(edge, "/a", body, start, randomInt(start + 1, body.size));
        }
        let received = 0;
        await slow.readBody(head, (bytes) => {
          expect(verifyPattern(body.seed, received, bytes)).toBeUndefined();
          received += bytes.length;
        });
        expect(received).toBe(body.size);
      };
      await ask();
      await ask();
      await edge.cluster.stop();
      await edge.cluster.start();
      await ask();
      await ask();
      const [path = ""] = await bodyFiles(edge);
      await damageFile(path, 7 * MB + 12_345);
      // What was compared before the change may be sent for as long as that counts.
      await pause(10_500);
      for (let round = 0; round < 4; round++) await ask();
      // Each of the workers may find out for itself.
      const [first, ...again] = rangesSeen(origin, "/a");
      expect(first).toBeUndefined();
      expect(new Set(again)).toEqual(new Set([rangeText(7 * MB, 7 * MB + BLOCK)]));
      expect(again.length).toBeLessThanOrEqual(2);
      await expect
        .poll(async () => (await edge.cluster.metrics()).sum("basalt_store_damaged_total"))
        .toBeGreaterThan(0);
    },
  );

  scenario(
    "a flipped bit on the disk: the client gets the right bytes, that block is fetched again and counted",
    { ...whole, ownEdge: {} },
    async ({ origin, edge }) => {
      const body = patternBody(6 * MB + 1000, 132);
      origin.on("/a").file(body, original);
      await expectWhole(edge, "/a", body);
      await edge.stored("/a");
      await edge.cluster.stop();
      const [path = ""] = await bodyFiles(edge);
      await damageFile(path, 2 * MB + 12_345);
      await damageFile(path, 6 * MB + 999);
      await edge.cluster.start();
      await expectWhole(edge, "/a", body);
      expect(rangesSeen(origin, "/a")).toEqual([
        undefined,
        rangeText(2 * MB, 2 * MB + BLOCK),
        rangeText(6 * MB, body.size),
      ]);
      for (let round = 0; round < 6; round++) await expectWhole(edge, "/a", body);
      expect(origin.saw("/a")).toBe(3);
      await edge.cluster.counted({ store_damaged: 2 });
    },
  );
});
