import { closeSync, openSync, writeSync } from "node:fs";
import { BLOCK_BYTES } from "@basalt/store";
import { describe, expect, it } from "vitest";
import { FIRST_PART_BYTES, type Obtained, VARIANT } from "../src/index.ts";
import { madeBy, storedAs } from "./support/deriving.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { TestHost, type TestWorker } from "./support/host.ts";
import { bodyOf, partOriginOf, patternBytes } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const FIRST = FIRST_PART_BYTES;
const VALIDATORS = ["ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT", "Accept-Ranges", "bytes"];

const rangeOf = ({ request: { fields } }: OriginCall): readonly [number, number] | undefined => {
  const at = fields.indexOf("Range");
  const match = at < 0 ? null : /^bytes=(\d+)-(\d+)$/.exec(fields[at + 1] ?? "");
  return match === null ? undefined : [Number(match[1]), Number(match[2]) + 1];
};

const serve = (call: OriginCall, whole: Buffer): void => {
  const range = rangeOf(call);
  if (range === undefined) {
    call.reply(200, whole, VALIDATORS);
    return;
  }
  const part = whole.subarray(...range);
  const contentRange = `bytes ${range[0]}-${range[0] + part.length - 1}/${whole.length}`;
  call.reply(206, part, [...VALIDATORS, "Content-Range", contentRange]);
};

const film = async (worker: TestWorker, whole: Buffer): Promise<Obtained> => {
  worker.origin.answer = (call) => serve(call, whole);
  return await worker.obtain("/film.mp4", { firstBytes: FIRST });
};

const bring = async (worker: TestWorker, obtained: Obtained, start: number, end: number): Promise<void> => {
  if (obtained.kind !== "object") throw new Error(obtained.kind);
  const body = await worker.cache.stored.openBody(worker.vhost, VARIANT.PLAIN, obtained.object);
  if (body === undefined) throw new Error("the body is gone");
  await body.whenPresent({ start, end }, partOriginOf(worker, "/film.mp4"));
};

describe("parts of a source that do not come as they should", () => {
  it("MEDIA-54: an origin that breaks off behind the wanted bytes, in their last block, is asked again", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(4 * MIB);
    const obtained = await film(worker, whole);
    worker.origin.answer = undefined;
    const brought = bring(worker, obtained, 2 * MIB + 10, 2 * MIB + 1000);
    const call = await worker.origin.call(2);
    const [start, end] = rangeOf(call) ?? [0, 0];
    call.head(206, [...VALIDATORS, "Content-Range", `bytes ${start}-${end - 1}/${whole.length}`]);
    call.data(whole.subarray(start, start + 5000));
    await turns(20);
    worker.origin.answer = (again) => serve(again, whole);
    call.fail("ORIGIN_CLOSED");
    await brought;
  });

  it("MEDIA-54: as does the death of the worker that fetches them", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(4 * MIB);
    const here = await film(first, whole);
    await until(() => host.row("/film.mp4") !== undefined);
    const there = await second.obtain("/film.mp4", { firstBytes: FIRST });
    second.origin.answer = (call) => serve(call, whole);
    first.origin.answer = undefined;
    void bring(first, here, 2 * MIB, 3 * MIB).catch(() => undefined);
    const call = await first.origin.call(2);
    call.head(206, [...VALIDATORS, "Content-Range", `bytes ${2 * MIB}-${3 * MIB - 1}/${whole.length}`]);
    const brought = bring(second, there, 2 * MIB, 2 * MIB + 1000);
    await turns(50);
    call.data(whole.subarray(2 * MIB, 2 * MIB + 5000));
    await turns(50);
    first.die(host);
    await brought;
  });

  it("MEDIA-54: a disk that takes no more is an error for who waits", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(16 * MIB);
    const obtained = await film(worker, whole);
    await turns(50);
    worker.bodies.failsToWrite = true;
    for (const end of [2 * MIB + 1000, 12 * MIB]) {
      const brought = bring(worker, obtained, 2 * MIB, end);
      brought.catch(() => undefined);
      await expect(brought).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
    worker.bodies.failsToWrite = false;
    await bring(worker, obtained, 2 * MIB, 3 * MIB);
  });

  it("a range of many blocks, of which some are there", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(20 * MIB + 77);
    const obtained = await film(worker, whole);
    await bring(worker, obtained, 9 * MIB, 10 * MIB);
    await bring(worker, obtained, 0, whole.length);
    let bytes = 0;
    for (const call of worker.origin.calls) {
      const [start, end] = rangeOf(call) ?? [0, 0];
      bytes += Math.min(end, whole.length) - start;
    }
    expect(bytes).toBe(whole.length);
    if (obtained.kind === "object") expect(obtained.object.isPartial).toBe(false);
  });
});

describe("a block that another process has found damaged", () => {
  it("MEDIA-54: is fetched anew by who believes that it is there", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(4 * MIB);
    const obtained = await film(first, whole);
    const range = { start: 2 * MIB, end: 2 * MIB + 1000 };
    await bring(first, obtained, range.start, range.end);
    if (obtained.kind !== "object") throw new Error(obtained.kind);
    const body = await first.cache.stored.openBody(first.vhost, VARIANT.PLAIN, obtained.object);
    const { location } = obtained.object;
    if (body === undefined || location === undefined) throw new Error("the body is gone");
    for (const path of host.bodyFilePaths()) {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, Buffer.alloc(100, 0xee), 0, 100, range.start + 50);
      closeSync(descriptor);
    }
    const file = await second.bodies.openParted(location);
    const target = Buffer.alloc(BLOCK_BYTES);
    await expect(file?.read(target, 0, target.length, range.start)).rejects.toThrow();
    file?.release();
    const calls = first.origin.calls.length;
    await bring(first, obtained, range.start, range.end);
    expect(first.origin.calls).toHaveLength(calls);
    await body.recheck(range);
    await bring(first, obtained, range.start, range.end);
    expect(first.origin.calls).toHaveLength(calls + 1);
    const again = await second.bodies.openParted(location);
    await again?.read(target, 0, target.length, range.start);
    again?.release();
    expect(target.equals(whole.subarray(range.start, range.start + BLOCK_BYTES))).toBe(true);
  });

  it("a job that finds the same bytes lacking again says so", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/film.mp4", "film");
    const wanted = [{ start: 1, end: 3 }];
    host.derive = (request) =>
      host.deriveCalls < 4
        ? Promise.resolve({ kind: "lacking", ranges: host.deriveCalls === 1 ? [{ start: 0, end: 1 }] : wanted })
        : storedAs(worker, request, Buffer.from("segment"));
    const brought: boolean[] = [];
    const derived = await worker.cache.derivations.obtain({
      ...madeBy(worker, source, "/mp4hls/0.ts"),
      operation: { kind: "media", format: "mp4", task: { kind: "relocate" } },
      bring: async (_ranges, isAgain) => void brought.push(isAgain),
    }).result;
    expect(derived.kind).toBe("object");
    expect(brought).toEqual([false, false, true]);
  });
});

describe("a source of which the first bytes are not kept", () => {
  it("OPT-75: where no disk takes it, it comes whole and passes through", async () => {
    const worker = new TestHost().worker(1);
    worker.bodies.failsToCreate = true;
    const whole = patternBytes(3 * MIB);
    const obtained = await film(worker, whole);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    await until(() => worker.cache.filling.inProgress === 0);
  });

  it("TTL-27: what is stored answers where the rest of a short film does not come", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/film.mp4", "what was stored", ["Cache-Control", "max-age=1"]);
    host.clock.advanceSeconds(100_000);
    const whole = patternBytes(600_000);
    worker.origin.answer = (call) => {
      if (rangeOf(call)?.[0] === 0) serve(call, whole);
      else call.fail("ORIGIN_CLOSED");
    };
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST });
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_REF_FAIL_HIT" });
    expect(String(await bodyOf(worker, obtained))).toBe("what was stored");
  });

  it("RFC 9110 15.3.7: an origin that gives less than was asked for is asked for the whole", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(3 * MIB);
    worker.origin.answer = (call) => {
      if (rangeOf(call) === undefined) call.reply(200, whole, VALIDATORS);
      else
        call.reply(206, whole.subarray(0, 100_000), [
          ...VALIDATORS,
          "Content-Range",
          `bytes 0-${99_999}/${whole.length}`,
        ]);
    };
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST });
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
  });
});
