import { ROW_FLAG } from "@basalt/store";
import { describe, expect, it } from "vitest";
import {
  type CachedObject,
  type Derived,
  type DerivedRequest,
  derivedSelector,
  FIRST_PART_BYTES,
  type Obtained,
  VARIANT,
  variantText,
} from "../src/index.ts";
import { madeBy, storedAs } from "./support/deriving.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { TestHost, type TestWorker, VHOST } from "./support/host.ts";
import { bodyOf, partOriginOf, patternBytes } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const FIRST = FIRST_PART_BYTES;
const VALIDATORS = ["ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT", "Accept-Ranges", "bytes"];

const asked = ({ request }: OriginCall): string | undefined => request.fields[request.fields.indexOf("Range") + 1];

const rangeOf = (call: OriginCall): readonly [number, number] | undefined => {
  const match = /^bytes=(\d+)-(\d+)$/.exec(call.request.fields.includes("Range") ? (asked(call) ?? "") : "");
  return match === null ? undefined : [Number(match[1]), Number(match[2]) + 1];
};

/** An origin that has the body and understands ranges. */
const serve = (call: OriginCall, whole: Buffer, fields: readonly string[] = VALIDATORS): void => {
  const range = rangeOf(call);
  if (range === undefined) {
    call.reply(200, whole, fields);
    return;
  }
  const part = whole.subarray(...range);
  call.reply(206, part, [
    ...fields,
    "Content-Range",
    `bytes ${range[0]}-${range[0] + part.length - 1}/${whole.length}`,
  ]);
};

const film = async (worker: TestWorker, whole: Buffer, fields?: readonly string[]): Promise<Obtained> => {
  worker.origin.answer = (call) => serve(call, whole, fields);
  return await worker.obtain("/film.mp4", { firstBytes: FIRST });
};

const partOf = async (worker: TestWorker, obtained: Obtained, start: number, end: number): Promise<void> => {
  if (obtained.kind !== "object") throw new Error(obtained.kind);
  const body = await worker.cache.stored.openBody(worker.vhost, VARIANT.PLAIN, obtained.object);
  if (body === undefined) throw new Error("the body is gone");
  await body.whenPresent({ start, end }, partOriginOf(worker, "/film.mp4"));
};

const rangesOf = (worker: TestWorker): (readonly [number, number] | undefined)[] => worker.origin.calls.map(rangeOf);

describe("a source of which only parts are wanted", () => {
  it("MEDIA-04 MEDIA-41: its first bytes come with its head, whatever else is wanted by range", async () => {
    const worker = new TestHost().worker(1);
    const obtained = await film(worker, patternBytes(6 * MIB));
    expect(rangesOf(worker)).toEqual([[0, FIRST]]);
    expect(obtained).toMatchObject({ kind: "object", object: { status: 200, bodyBytes: 6 * MIB, isPartial: true } });
    if (obtained.kind === "object") expect(obtained.object.fields).not.toContain("Content-Range");
    await partOf(worker, obtained, 4 * MIB + 5, 4 * MIB + 10);
    expect(rangesOf(worker).at(-1)).toEqual([4 * MIB, 4 * MIB + 64 * 1024]);
    await partOf(worker, obtained, 4 * MIB + 5, 4 * MIB + 10);
    expect(worker.origin.calls).toHaveLength(2);
  });

  it("MEDIA-03: a plain request fetches what is absent, and nothing twice", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(5 * MIB + 100);
    const obtained = await film(worker, whole);
    await partOf(worker, obtained, 3 * MIB, 4 * MIB);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    let bytes = 0;
    for (const [start, end] of rangesOf(worker).filter((range) => range !== undefined)) {
      bytes += Math.min(end, whole.length) - start;
    }
    expect(bytes).toBe(whole.length);
  });

  it("MEDIA-07: a file that is shorter than that comes whole", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(1000);
    const obtained = await film(worker, whole);
    expect(obtained).toMatchObject({ kind: "object", object: { status: 200, bodyBytes: 1000 } });
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    expect(worker.origin.calls).toHaveLength(1);
  });

  it("REG-216 MEDIA-07: of a file under 1 MB the rest follows, and no byte comes twice", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(700_000);
    const obtained = await film(worker, whole);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    expect(rangesOf(worker)).toEqual([
      [0, FIRST],
      [FIRST, 700_000],
    ]);
    await until(() => worker.find("/film.mp4") !== undefined);
    expect(worker.find("/film.mp4")?.isFresh(worker.clock.now())).toBe(true);
    expect(worker.origin.calls).toHaveLength(2);
  });

  it("MEDIA-54: a short file whose rest is of another version is none", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(700_000);
    worker.origin.answer = (call) =>
      serve(call, whole, worker.origin.calls.length === 1 ? VALIDATORS : ["ETag", '"v2"']);
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST });
    if (obtained.kind === "body") await until(() => obtained.source.state === "failed");
    else expect(obtained.kind).toBe("failed");
    await until(() => worker.cache.filling.inProgress === 0);
    worker.clock.advanceSeconds(3_600);
    worker.origin.answer = (call) => serve(call, whole);
    expect((await bodyOf(worker, await worker.obtain("/film.mp4", { firstBytes: FIRST }))).equals(whole)).toBe(true);
  });

  it("MEDIA-08: an origin without ranges is downloaded in order, once", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(3 * MIB);
    worker.origin.answer = (call) => call.reply(200, whole, VALIDATORS);
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST });
    expect(obtained).toMatchObject({ kind: "object", object: { bodyBytes: 3 * MIB } });
    await partOf(worker, obtained, 2 * MIB, 3 * MIB);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    expect(worker.origin.calls).toHaveLength(1);
  });

  it("MEDIA-08: FullRangeInit and PartSize do not cut the first request", async () => {
    const content = "<OriginOptions><FullRangeInit>ON</FullRangeInit><PartSize>1</PartSize></OriginOptions>";
    const worker = new TestHost({ vhost: content }).worker(1);
    const whole = patternBytes(3 * MIB);
    worker.origin.answer = (call) => {
      const first = asked(call) === "bytes=0-";
      if (first)
        call.reply(206, whole, [...VALIDATORS, "Content-Range", `bytes 0-${whole.length - 1}/${whole.length}`]);
      else serve(call, whole);
    };
    const obtained = await worker.obtain("/film.mp4", { firstBytes: FIRST });
    expect(worker.origin.calls.map(asked)).toEqual(["bytes=0-"]);
    await partOf(worker, obtained, 2 * MIB + 1, 2 * MIB + 2);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
  });

  it("a response that cannot come in parts is asked for again as a whole", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(3 * MIB);
    const obtaining = film(worker, whole, ["Content-Type", "video/mp4"]);
    const obtained = await obtaining;
    expect(rangesOf(worker)).toEqual([[0, FIRST], undefined]);
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
  });

  it("an empty file, of which no range can be had, is asked for again", async () => {
    const worker = new TestHost().worker(1);
    worker.origin.answer = (call) => {
      if (rangeOf(call) === undefined) call.reply(200, Buffer.alloc(0), VALIDATORS);
      else call.reply(416, Buffer.alloc(0), ["Content-Range", "bytes */0"]);
    };
    expect(await worker.obtain("/film.mp4", { firstBytes: FIRST })).toMatchObject({ object: { bodyBytes: 0 } });
  });

  it("MEDIA-54: a part that the origin does not give is an error for who waits, and nothing else", async () => {
    const worker = new TestHost().worker(1);
    const whole = patternBytes(4 * MIB);
    const obtained = await film(worker, whole);
    worker.origin.answer = (call) => call.reply(500, Buffer.from("no"), []);
    await expect(partOf(worker, obtained, 2 * MIB, 3 * MIB)).rejects.toMatchObject({ code: "ORIGIN_MALFORMED" });
    worker.origin.answer = (call) => serve(call, whole);
    await partOf(worker, obtained, 2 * MIB, 3 * MIB);
  });

  it("a part that another worker is being sent is seen as soon as it is on the disk", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(8 * MIB);
    const here = await film(first, whole);
    await until(() => host.row("/film.mp4") !== undefined);
    const there = await second.obtain("/film.mp4", { firstBytes: FIRST });
    first.origin.answer = undefined;
    const filling = partOf(first, here, 2 * MIB, 8 * MIB);
    const call = await first.origin.call(2);
    call.head(206, [...VALIDATORS, "Content-Range", `bytes ${2 * MIB}-${8 * MIB - 1}/${8 * MIB}`]);
    const waiting = partOf(second, there, 3 * MIB, 4 * MIB);
    for (let at = 2 * MIB; at < 5 * MIB; at += MIB / 4) {
      call.data(whole.subarray(at, at + MIB / 4));
      await turns(5);
    }
    await waiting;
    expect(second.origin.calls).toHaveLength(0);
    call.data(whole.subarray(5 * MIB));
    call.complete();
    await filling;
  });
});

const SEGMENT = { kind: "media", format: "mp4", task: { kind: "relocate" } } as const;

const segmentOf = (worker: TestWorker, source: CachedObject, bring?: DerivedRequest["bring"]): DerivedRequest => ({
  ...madeBy(worker, source, "/mp4hls/0.ts"),
  operation: SEGMENT,
  ...(bring === undefined ? {} : { bring }),
});

const make = (worker: TestWorker, request: DerivedRequest): Promise<Derived> =>
  worker.cache.derivations.obtain(request).result;

const rowsOf = (host: TestHost) => host.index.findVariants(VHOST, "/film.mp4/mp4hls/0.ts");

describe("what is known of a source", () => {
  it("MEDIA-40: is kept with it, and is no object of its own to count", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    host.derive = (request) => storedAs(worker, request, Buffer.from("index"));
    const source = await worker.fill("/film.mp4", "film");
    const selector = derivedSelector(source, "index-1");
    const derived = await make(worker, {
      ...madeBy(worker, source, ""),
      selector,
      head: { ...madeBy(worker, source, "").head, variant: variantText(VARIANT.DERIVED, selector) },
      operation: { kind: "mediaIndex", format: "mp4" },
    });
    expect(derived.kind).toBe("object");
    await until(() => host.index.findVariants(VHOST, "/film.mp4").length === 2);
    expect(host.index.objectsOf(VHOST).objects).toBe(1);
    expect((await host.purge("/film.mp4")).count).toBe(1);
  });
});

describe("what is made of a source, and kept only while it is in use", () => {
  const made = async (workers = 1) => {
    const host = new TestHost({ workers });
    const worker = host.worker(1);
    host.derive = (request) => storedAs(worker, request, patternBytes(2 * MIB));
    const source = await worker.fill("/film.mp4", "film");
    const derived = await make(worker, segmentOf(worker, source));
    if (derived.kind !== "object") throw new Error(derived.kind);
    await until(() => rowsOf(host).length === 1);
    return { host, worker, source, object: derived.object };
  };
  const pass = (host: TestHost, seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      host.clock.advanceSeconds(1);
      for (const worker of host.workers) worker.cache.reportTouched();
    }
  };

  it("MEDIA-01 MEDIA-40: it is no object of its own to count, and MEDIA-44: it goes when nobody uses it", async () => {
    const { host, worker, object } = await made();
    const [row] = rowsOf(host);
    expect((row?.flags ?? 0) & (ROW_FLAG.TRANSIENT | ROW_FLAG.DERIVED)).toBe(ROW_FLAG.TRANSIENT | ROW_FLAG.DERIVED);
    expect(host.index.objectsOf(VHOST).objects).toBe(1);
    worker.cache.noteTransient(worker.vhost, object);
    pass(host, 16);
    host.coordinator.dropUnused();
    expect(rowsOf(host)).toEqual([]);
    expect(worker.cache.find(worker.vhost, VARIANT.DERIVED, object.name)).toBeUndefined();
  });

  it("MEDIA-44: one that is used, or still being sent, stays", async () => {
    const { host, worker, object } = await made();
    for (let round = 0; round < 4; round++) {
      worker.cache.noteTransient(worker.vhost, object);
      pass(host, 8);
      await turns(20);
      host.coordinator.dropUnused();
      expect(rowsOf(host)).toHaveLength(1);
    }
    const body = await worker.cache.stored.openBody(worker.vhost, VARIANT.DERIVED, object);
    const view = body?.view(0, 10, partOriginOf(worker, "/film.mp4"));
    view?.retain();
    view?.watch(() => {});
    for (let round = 0; round < 4; round++) {
      pass(host, 8);
      await turns(20);
      host.coordinator.dropUnused();
    }
    expect(rowsOf(host)).toHaveLength(1);
    view?.release();
  });

  it("MEDIA-44: nothing of it is left behind by a stop", async () => {
    const { host } = await made();
    host.coordinator.stop();
    expect(rowsOf(host)).toEqual([]);
  });

  it("MEDIA-42: what the job finds lacking is brought, and the job asked again", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/film.mp4", "film");
    const wanted = [{ start: 1, end: 3 }];
    host.derive = (request) =>
      host.deriveCalls < 3
        ? Promise.resolve({ kind: "lacking", ranges: wanted })
        : storedAs(worker, request, Buffer.from("segment"));
    const brought: unknown[] = [];
    const derived = await make(
      worker,
      segmentOf(worker, source, async (ranges) => void brought.push(ranges)),
    );
    expect(derived.kind === "object" && String(derived.object.body)).toBe("segment");
    expect(brought).toEqual([wanted, wanted]);
  });

  it("one that no disk takes answers whoever asked, and the next is made anew", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/film.mp4", "film");
    host.derive = async ({ head }) => ({ kind: "made", head, body: Buffer.from("segment") });
    for (let calls = 1; calls < 3; calls++) {
      const derived = await make(worker, segmentOf(worker, source));
      expect(derived.kind === "object" && String(derived.object.body)).toBe("segment");
      expect(host.deriveCalls).toBe(calls);
    }
    expect(rowsOf(host)).toEqual([]);
    expect(host.coordinator.fillsInProgress).toBe(0);
  });

  it("MEDIA-54: a source that cannot be brought fails the request, and is tried again by the next", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const source = await worker.fill("/film.mp4", "film");
    host.derive = () => Promise.resolve({ kind: "lacking", ranges: [{ start: 1, end: 3 }] });
    const refuse = async (): Promise<void> => {
      throw new Error("no");
    };
    expect((await make(worker, segmentOf(worker, source, refuse))).kind).toBe("failed");
    host.derive = (request) => storedAs(worker, request, Buffer.from("segment"));
    expect((await make(worker, segmentOf(worker, source, refuse))).kind).toBe("object");
    expect(host.coordinator.fillsInProgress).toBe(0);
  });
});
