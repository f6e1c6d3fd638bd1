import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { FIRST_PART_BYTES, type Obtained } from "@basalt/cache";
import { BLOCK_BYTES, STRETCH_BYTES } from "@basalt/store";
import { describe, expect, it } from "vitest";
import type { OriginCall } from "../support/fakeOrigin.ts";
import { TestHost, type TestWorker } from "../support/host.ts";
import { bodyOf, partOriginOf, patternBytes, type readSource } from "../support/reading.ts";
import { turns, until } from "../support/waiting.ts";

const MIB = 1024 * 1024;
const TAG = '"v1"';
const BY_TAG = "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>";
const VALIDATORS = ["ETag", TAG, "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT", "Accept-Ranges", "bytes"];

const rangeOf = (call: OriginCall): { readonly start: number; readonly end: number } | undefined => {
  const { fields } = call.request;
  const value = fields[fields.indexOf("Range") + 1];
  const match = /^bytes=(\d+)-(\d+)$/.exec(value ?? "");
  return match === null ? undefined : { start: Number(match[1]), end: Number(match[2]) + 1 };
};

/** Answers as an origin that has the body and understands ranges. */
const serve = (call: OriginCall, whole: Buffer, fields: readonly string[] = VALIDATORS): void => {
  const range = rangeOf(call);
  if (range === undefined) {
    call.reply(200, whole, fields);
    return;
  }
  const part = whole.subarray(range.start, range.end);
  const contentRange = `bytes ${range.start}-${range.start + part.length - 1}/${whole.length}`;
  call.reply(206, part, [...fields, "Content-Range", contentRange]);
};

const begin = (call: OriginCall, whole: Buffer): OriginCall =>
  call.head(200, ["Content-Length", String(whole.length), ...VALIDATORS]);

const openBodyOf = async (worker: TestWorker, obtained: Obtained) => {
  if (obtained.kind !== "object") throw new Error(`not an object but ${obtained.kind}`);
  const body = await worker.cache.stored.openBody(worker.vhost, 0, obtained.object);
  if (body === undefined) throw new Error("the body is gone");
  return body;
};

const readPart = async (worker: TestWorker, obtained: Obtained, start: number, end: number, partBytes = 0) => {
  const body = await openBodyOf(worker, obtained);
  const view = body.view(start, end, partOriginOf(worker, "/film.mp4", partBytes));
  return await readRange(view, start, end);
};

const readRange = async (view: Parameters<typeof readSource>[0], start: number, end: number): Promise<Buffer> => {
  view.retain();
  let position = start;
  let wake = (): void => {};
  const unwatch = view.watch(
    () => wake(),
    () => position,
  );
  const pieces: Buffer[] = [];
  try {
    while (position < end) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (view.state === "failed") throw view.error ?? new Error("failed");
      if (position < view.availableBytes) {
        const inMemory = view.peek(position);
        const piece = inMemory === undefined ? Buffer.alloc(100_000) : Buffer.from(inMemory);
        const count = inMemory === undefined ? await view.read(piece, piece.length, position) : piece.length;
        const taken = piece.subarray(0, Math.min(count, end - position));
        pieces.push(taken);
        position += taken.length;
      } else await woken;
    }
    return Buffer.concat(pieces);
  } finally {
    unwatch();
    view.release();
  }
};

const idle = (host: TestHost): Promise<void> =>
  until(() => host.coordinator.fillsInProgress === 0, "no fill in progress");

describe("a long body of known length", () => {
  it("is an object from its first byte on, and read by every worker while it grows", async () => {
    const host = new TestHost({ workers: 2, vhost: BY_TAG });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(5 * MIB + 12_345);
    const obtaining = first.obtain("/film.mp4");
    const call = begin(await first.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_MISS" });
    const readings = [bodyOf(first, obtained), bodyOf(second, await second.obtain("/film.mp4"))];
    for (let at = MIB; at < whole.length; at += 300_000) {
      call.data(whole.subarray(at, at + 300_000));
      await turns(3);
    }
    call.complete();
    for (const body of await Promise.all(readings)) expect(body.equals(whole)).toBe(true);
    await idle(host);
    expect([first.origin.calls.length, second.origin.calls.length]).toEqual([1, 0]);
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
  });

  it("is not kept in parts when nothing tells it from later versions", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const whole = patternBytes(3 * MIB);
    const obtaining = host.worker(1).obtain("/film.mp4");
    (await host.worker(1).origin.call()).reply(200, whole);
    expect((await bodyOf(host.worker(1), await obtaining)).equals(whole)).toBe(true);
    await idle(host);
    expect(host.row("/film.mp4")).toMatchObject({ missingBytes: 0 });
  });

  it("goes on where it broke off: the origin sends the rest only", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(6 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    for (let at = 0; at < 3.5 * MIB; at += 0.5 * MIB) call.data(whole.subarray(at, at + 0.5 * MIB));
    call.data(whole.subarray(3.5 * MIB, 3.5 * MIB + 100_000));
    const reading = bodyOf(worker, await obtaining);
    await turns(20);
    call.fail("ORIGIN_CLOSED");
    const second = await worker.origin.call(2);
    expect(rangeOf(second)).toEqual({ start: 3.5 * MIB + BLOCK_BYTES, end: 6 * MIB });
    serve(second, whole);
    expect((await reading).equals(whole)).toBe(true);
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
  });

  it("is given up by its readers when the origin brings nothing twice", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(3 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, 100_000));
    worker.origin.answer = (later) => later.fail("ORIGIN_CONNECT_FAILED");
    const reading = bodyOf(worker, await obtaining);
    const failed = expect(reading).rejects.toMatchObject({ code: "ORIGIN_CONNECT_FAILED" });
    call.fail("ORIGIN_CLOSED");
    await failed;
    expect(worker.origin.calls.length).toBe(3);
    await idle(host);
  });

  it("is filled on by another worker when the first one dies", async () => {
    const host = new TestHost({ workers: 2, vhost: BY_TAG });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(5 * MIB);
    const obtaining = first.obtain("/film.mp4");
    const call = begin(await first.origin.call(), whole);
    call.data(whole.subarray(0, 2.5 * MIB + 100_000));
    await obtaining;
    const reading = bodyOf(second, await second.obtain("/film.mp4"));
    await until(() => second.cache.parted.fillsRunning === 0 && host.coordinator.fillsInProgress === 1);
    await until(() => (second.find("/film.mp4")?.openBody?.availableTo(0) ?? 0) >= 2.5 * MIB, "all whole blocks");
    first.die(host);
    const rest = await second.origin.call();
    expect(rangeOf(rest)).toEqual({ start: 2.5 * MIB + BLOCK_BYTES, end: 5 * MIB });
    serve(rest, whole);
    expect((await reading).equals(whole)).toBe(true);
  });

  it("takes what it lacks from a 200 of an origin that ignores ranges", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(4 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, 2.25 * MIB));
    const reading = bodyOf(worker, await obtaining);
    await turns(20);
    call.fail("ORIGIN_CLOSED");
    (await worker.origin.call(2)).reply(200, whole, VALIDATORS);
    expect((await reading).equals(whole)).toBe(true);
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
  });

  it.each([
    ["another tag", ["ETag", '"v2"']],
    ["another date", ["ETag", TAG, "Last-Modified", "Sat, 03 Jan 2026 03:04:05 GMT"]],
  ])("ORG-47 fails for its readers and is fetched anew when the origin has changed it: %s", async (_, validators) => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(3 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const reading = bodyOf(worker, await obtaining);
    const failed = expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await turns(20);
    call.fail("ORIGIN_CLOSED");
    serve(await worker.origin.call(2), patternBytes(3 * MIB, 2), validators);
    await failed;
    await until(() => host.row("/film.mp4") === undefined);
    const changed = patternBytes(3 * MIB, 2);
    const again = worker.obtain("/film.mp4");
    serve(await worker.origin.call(3), changed, validators);
    expect((await bodyOf(worker, await again)).equals(changed)).toBe(true);
  });

  it("passes through where no file can be made", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    worker.bodies.failsToCreate = true;
    const whole = patternBytes(3 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    for (let at = 0; at < whole.length; at += MIB) call.data(whole.subarray(at, at + MIB));
    const reading = bodyOf(worker, await obtaining);
    call.complete();
    expect((await reading).equals(whole)).toBe(true);
    await idle(host);
    expect(host.row("/film.mp4")).toBeUndefined();
  });

  it("passes through to its readers when the disk fails in the middle", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(8 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const reading = bodyOf(worker, await obtaining);
    await turns(30);
    worker.bodies.failsToWrite = true;
    for (let at = MIB; at < whole.length; at += 256 * 1024) {
      const before = call.resumed;
      const goesOn = call.data(whole.subarray(at, at + 256 * 1024));
      if (!goesOn) await until(() => call.resumed > before, "the origin is resumed");
      await turns(2);
    }
    call.complete();
    expect((await reading).equals(whole)).toBe(true);
    await idle(host);
    expect(worker.origin.calls.length).toBe(1);
    expect(host.row("/film.mp4")?.missingBytes).toBeGreaterThan(0);
  });
});

describe("parts of a long body", () => {
  const PARTS = "<OriginOptions><OriginalETag>ON</OriginalETag><PartSize>1</PartSize></OriginOptions>";

  it("ORG-35 ORG-36 A8 of spec 05: the first download ends after PartSize, others are asked for by range", async () => {
    const host = new TestHost({ vhost: PARTS });
    const worker = host.worker(1);
    const whole = patternBytes(10 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    expect(call.request.fields).not.toContain("Range");
    for (let at = 0; at < 4 * MIB && !call.aborted; at += 0.25 * MIB) {
      call.data(whole.subarray(at, at + 0.25 * MIB));
      await turns(10);
    }
    const obtained = await obtaining;
    await until(() => call.aborted, "the end of the first download");
    const reading = readPart(worker, obtained, 5_242_880, 5_242_890, MIB);
    const part = await worker.origin.call(2);
    expect(rangeOf(part)).toEqual({ start: 5_242_880, end: 6_291_456 });
    serve(part, whole);
    expect((await reading).equals(whole.subarray(5_242_880, 5_242_890))).toBe(true);
    await idle(host);
    expect(await readPart(worker, obtained, 100, 200, MIB)).toEqual(whole.subarray(100, 200));
    expect(worker.origin.calls.length).toBe(2);
    await until(() => (host.row("/film.mp4")?.missingBytes ?? 0) <= 8 * MIB);
  });

  it("ORG-35 fetches a long read part by part, as its reader goes on", async () => {
    const host = new TestHost({ vhost: PARTS });
    const worker = host.worker(1);
    const whole = patternBytes(5 * MIB + 7);
    worker.origin.answer = (call) => {
      if (rangeOf(call) === undefined) begin(call, whole).data(whole.subarray(0, MIB));
      else serve(call, whole);
    };
    const obtained = await worker.obtain("/film.mp4");
    const body = await readPart(worker, obtained, 0, whole.length, MIB);
    expect(body.equals(whole)).toBe(true);
    const asked = worker.origin.calls.slice(1).map((call) => rangeOf(call)?.start);
    expect(asked).toEqual([MIB, 2 * MIB, 3 * MIB, 4 * MIB, 5 * MIB]);
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
  });

  it("goes on behind a part that another read of the same worker has just been granted", async () => {
    const host = new TestHost({ vhost: PARTS });
    const worker = host.worker(1);
    const whole = patternBytes(6 * MIB);
    worker.origin.answer = (call) => {
      if (rangeOf(call) === undefined) begin(call, whole).data(whole.subarray(0, MIB));
      else serve(call, whole);
    };
    const obtained = await worker.obtain("/film.mp4");
    const ranges = [
      [2 * MIB, 2 * MIB + 10],
      [4 * MIB - 10, 4 * MIB + 10],
    ] as const;
    const reads = ranges.map(([start, end]) => readPart(worker, obtained, start, end, 2 * MIB));
    expect(await Promise.all(reads)).toEqual(ranges.map(([start, end]) => whole.subarray(start, end)));
  });

  it("goes on behind a part that another read of the same worker has just been granted", async () => {
    const host = new TestHost({ vhost: PARTS });
    const worker = host.worker(1);
    const whole = patternBytes(6 * MIB);
    worker.origin.answer = (call) => {
      if (rangeOf(call) === undefined) begin(call, whole).data(whole.subarray(0, MIB));
      else serve(call, whole);
    };
    const obtained = await worker.obtain("/film.mp4");
    const ranges = [
      [2 * MIB, 2 * MIB + 10],
      [4 * MIB - 10, 4 * MIB + 10],
    ] as const;
    const reads = ranges.map(([start, end]) => readPart(worker, obtained, start, end, 2 * MIB));
    expect(await Promise.all(reads)).toEqual(ranges.map(([start, end]) => whole.subarray(start, end)));
  });

  it("fetches no block twice for readers in several workers", async () => {
    const host = new TestHost({ workers: 3, vhost: PARTS });
    const whole = patternBytes(8 * MIB);
    let sentBytes = 0;
    for (const worker of host.workers) {
      worker.origin.answer = (call) => {
        const range = rangeOf(call);
        if (range === undefined) begin(call, whole).data(whole.subarray(0, MIB));
        else {
          sentBytes += range.end - range.start;
          serve(call, whole);
        }
      };
    }
    await host.worker(1).obtain("/film.mp4");
    const reads = Array.from({ length: 60 }, async (_, number) => {
      const worker = host.worker((number % 3) + 1);
      const start = MIB + ((number * 7_919_771) % (6 * MIB));
      const known = worker.find("/film.mp4");
      const obtained: Obtained =
        known === undefined ? await worker.obtain("/film.mp4") : { kind: "object", object: known, result: "TCP_HIT" };
      const part = await readPart(worker, obtained, start, start + 65_536, MIB);
      expect(part.equals(whole.subarray(start, start + 65_536))).toBe(true);
    });
    await Promise.all(reads);
    expect(sentBytes).toBeLessThanOrEqual(7 * MIB);
  });

  it("cuts a download that is far behind what somebody wants", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(50 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const obtained = await obtaining;
    const reading = readPart(worker, obtained, 45 * MIB, 45 * MIB + 1000);
    const ahead = await worker.origin.call(2);
    expect(rangeOf(ahead)).toEqual({ start: 45 * MIB, end: 50 * MIB });
    serve(ahead, whole);
    expect((await reading).equals(whole.subarray(45 * MIB, 45 * MIB + 1000))).toBe(true);
    for (let at = MIB; at < 46 * MIB && !call.aborted; at += MIB) {
      call.data(whole.subarray(at, at + MIB));
      await turns(5);
    }
    await until(() => call.aborted);
    await idle(host);
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
    expect(worker.origin.calls.length).toBe(2);
  });

  it("a stretch that is read twice is kept in memory, one pass leaves nothing", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(3 * MIB + 10);
    worker.origin.answer = (call) => serve(call, whole);
    const obtained = await worker.obtain("/film.mp4");
    await idle(host);
    const body = await openBodyOf(worker, obtained);
    expect(body.peek(MIB + 5)).toBeUndefined();
    await readPart(worker, obtained, MIB + 5, MIB + 10);
    expect(body.peek(MIB + 5)).toBeUndefined();
    await readPart(worker, obtained, MIB + 5, MIB + 10);
    expect(body.peek(MIB + 5)?.equals(whole.subarray(MIB + 5, MIB + STRETCH_BYTES))).toBe(true);
    for (let time = 0; time < 2; time++) await readPart(worker, obtained, 3 * MIB, 3 * MIB + 5);
    expect(body.peek(3 * MIB)?.length).toBe(10);
  });

  it("of a stretch that is not whole, memory has what is there, and more when more has come", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(3 * MIB);
    worker.origin.answer = (call) => serve(call, whole);
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST_PART_BYTES });
    const body = await openBodyOf(worker, obtained);
    const origin = partOriginOf(worker, "/film.mp4");
    const edge = MIB + 2 * BLOCK_BYTES;
    await body.whenPresent({ start: edge + 5, end: edge + 10 }, origin);
    // What has arrived and is not on the disk yet is read from where it arrives, and is no use of the stretch.
    const inMemory = async (start: number): Promise<number | undefined> => {
      await readPart(worker, obtained, start, start + 5);
      return body.peek(start - (start % BLOCK_BYTES))?.length;
    };
    await expect.poll(() => inMemory(edge + 5)).toBe(BLOCK_BYTES);
    expect(body.peek(edge)?.equals(whole.subarray(edge, edge + BLOCK_BYTES))).toBe(true);
    expect([body.peek(edge - 1), body.peek(edge + BLOCK_BYTES)]).toEqual([undefined, undefined]);
    await body.whenPresent({ start: MIB, end: MIB + STRETCH_BYTES }, origin);
    expect((await readPart(worker, obtained, MIB, MIB + 10)).equals(whole.subarray(MIB, MIB + 10))).toBe(true);
    await expect.poll(() => inMemory(MIB)).toBe(STRETCH_BYTES);
    expect(body.peek(MIB)?.equals(whole.subarray(MIB, MIB + STRETCH_BYTES))).toBe(true);
    const asked = worker.origin.calls.map(rangeOf);
    expect(asked.reduce((sum, range) => sum + (range === undefined ? 0 : range.end - range.start), 0)).toBe(
      FIRST_PART_BYTES + STRETCH_BYTES,
    );
  });

  it("of a stretch with a damaged block, that block alone is fetched anew while the reader waits", async () => {
    const host = new TestHost({ workers: 2, vhost: BY_TAG });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(3 * MIB);
    for (const worker of [first, second]) worker.origin.answer = (call) => serve(call, whole);
    await first.obtain("/film.mp4");
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
    const damaged = MIB + 2 * BLOCK_BYTES;
    for (const path of host.bodyFilePaths()) {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, Buffer.alloc(100, 0xee), 0, 100, damaged + 50);
      closeSync(descriptor);
    }
    const obtained = await second.obtain("/film.mp4");
    expect((await bodyOf(second, obtained)).equals(whole)).toBe(true);
    expect(second.origin.calls.map(rangeOf)).toEqual([{ start: damaged, end: damaged + BLOCK_BYTES }]);
    expect(first.origin.calls).toHaveLength(1);
    expect(host.row("/film.mp4")).toBeDefined();
  });

  it("a file that was cut off is done without by its readers, and fetched anew for the next", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(3 * MIB);
    worker.origin.answer = (call) => serve(call, whole);
    const obtained = await worker.obtain("/film.mp4");
    await until(() => host.row("/film.mp4")?.missingBytes === 0);
    for (const path of host.bodyFilePaths()) truncateSync(path, MIB);
    const rest = await readPart(worker, obtained, 2 * MIB, 2 * MIB + 10);
    expect(rest.equals(whole.subarray(2 * MIB, 2 * MIB + 10))).toBe(true);
    await until(() => host.row("/film.mp4") === undefined && worker.find("/film.mp4") === undefined);
    const again = await worker.obtain("/film.mp4");
    expect((await bodyOf(worker, again)).equals(whole)).toBe(true);
    expect(worker.origin.calls.map(rangeOf)).toEqual([
      undefined,
      { start: 2 * MIB, end: 2 * MIB + BLOCK_BYTES },
      undefined,
    ]);
  });

  it("an object that has taken its place ends what nobody reads of the old one", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const old = patternBytes(4 * MIB);
    const obtaining = worker.obtain("/film.mp4");
    const call = begin(await worker.origin.call(), old);
    call.data(old.subarray(0, MIB));
    await obtaining;
    await host.purge("/film.mp4");
    const again = worker.obtain("/film.mp4");
    const changed = patternBytes(3 * MIB, 2);
    serve(await worker.origin.call(2), changed, ["ETag", '"v2"', "Last-Modified", "Sat, 03 Jan 2026 03:04:05 GMT"]);
    expect((await bodyOf(worker, await again)).equals(changed)).toBe(true);
    await until(() => call.aborted, "the end of the old download");
    await idle(host);
  });
});
