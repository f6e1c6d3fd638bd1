import { computeCacheKey } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { BodySource, Obtained, PartedBody } from "../../src/index.ts";
import type { OriginCall } from "../support/fakeOrigin.ts";
import { TestHost, type TestWorker, VHOST } from "../support/host.ts";
import { bodyOf, partOriginOf, patternBytes, readSource } from "../support/reading.ts";
import { turns, until } from "../support/waiting.ts";

const MIB = 1024 * 1024;
const URL = "/film.mp4";
const BY_TAG = "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>";
const PARTS = "<OriginOptions><OriginalETag>ON</OriginalETag><PartSize>1</PartSize></OriginOptions>";
const VALIDATORS = ["ETag", '"v1"', "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT", "Accept-Ranges", "bytes"];

const rangeOf = (call: OriginCall): { readonly start: number; readonly end: number } | undefined => {
  const { fields } = call.request;
  const match = /^bytes=(\d+)-(\d+)$/.exec(fields[fields.indexOf("Range") + 1] ?? "");
  return match === null ? undefined : { start: Number(match[1]), end: Number(match[2]) + 1 };
};

/** Answers as an origin that understands ranges, up to a position where it breaks off. */
const serve = (call: OriginCall, whole: Buffer, breaksAt = whole.length): void => {
  const { start, end } = rangeOf(call) ?? { start: 0, end: whole.length };
  const isRange = rangeOf(call) !== undefined;
  const range = isRange ? ["Content-Range", `bytes ${start}-${end - 1}/${whole.length}`] : [];
  call.head(isRange ? 206 : 200, ["Content-Length", String(end - start), ...VALIDATORS, ...range]);
  const sent = whole.subarray(start, Math.max(start, Math.min(end, breaksAt)));
  if (sent.length > 0) call.data(sent);
  if (start + sent.length < end) call.fail("ORIGIN_CLOSED");
  else call.complete();
};

const begin = (call: OriginCall, whole: Buffer): OriginCall =>
  call.head(200, ["Content-Length", String(whole.length), ...VALIDATORS]);

const openBodyOf = async (worker: TestWorker, obtained: Obtained): Promise<PartedBody> => {
  if (obtained.kind !== "object") throw new Error(`not an object but ${obtained.kind}`);
  const body = await worker.cache.stored.openBody(worker.vhost, 0, obtained.object);
  if (body === undefined) throw new Error("the body is gone");
  return body;
};

/** A reader that goes on only when it is told to. */
class SlowReader {
  readonly #source: BodySource;
  readonly #unwatch: () => void;
  position: number;
  wakes = 0;

  constructor(source: BodySource, position = 0) {
    this.#source = source;
    this.position = position;
    source.retain();
    this.#unwatch = source.watch(
      () => {
        this.wakes++;
      },
      () => this.position,
    );
  }

  /** Takes what is in memory. */
  takeAll(): void {
    for (let data = this.#source.peek(this.position); data !== undefined; data = this.#source.peek(this.position)) {
      this.position += data.length;
    }
  }

  leave(): void {
    this.#unwatch();
    this.#source.release();
  }
}

const gate = (): { readonly shut: Promise<void>; readonly open: () => void } => {
  let open = (): void => {};
  const shut = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { shut, open };
};

const settled = async (promise: Promise<unknown>): Promise<void> => {
  let isOver = false;
  promise.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  await until(() => isOver, "an end of the waiting");
};

const quiet = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "whole",
    (cause: unknown) => EdgeError.from(cause).code,
  );

describe("a part that the disk cannot keep up with", () => {
  it("gives a reader behind it nothing that has not been written", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(8 * MIB);
    const first = gate();
    worker.bodies.beforeWrite = first.shut;
    const obtaining = worker.obtain(URL);
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const body = await openBodyOf(worker, await obtaining);
    await turns(5);
    for (let at = MIB; at < 4 * MIB; at += 64 * 1024) call.data(whole.subarray(at, at + 64 * 1024));
    worker.bodies.beforeWrite = gate().shut;
    first.open();
    await until(() => body.peek(MIB - 1) === undefined, "the first write");
    const target = Buffer.alloc(256 * 1024);
    const count = await body.read(target, target.length, MIB - 64 * 1024);
    expect(count).toBe(64 * 1024);
    expect(target.subarray(0, count).equals(whole.subarray(MIB - 64 * 1024, MIB))).toBe(true);
  });
});

describe("a part that cannot begin", () => {
  it("is given back, so that another worker may fill it", async () => {
    const host = new TestHost({ vhost: BY_TAG, workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(4 * MIB);
    const obtaining = first.obtain(URL);
    const call = begin(await first.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const obtained = await obtaining;
    await until(() => host.row(URL) !== undefined);
    first.bodies.failsToRefresh = true;
    call.fail("ORIGIN_CLOSED");
    await until(() => host.coordinator.fillsInProgress === 0);
    first.origin.answer = (later) => serve(later, whole);
    expect((await bodyOf(first, obtained)).equals(whole)).toBe(true);
    await turns(20);
    expect(host.coordinator.fillsInProgress).toBe(0);
    second.origin.answer = (later) => serve(later, whole);
    expect((await bodyOf(second, await second.obtain(URL))).equals(whole)).toBe(true);
  });

  it("does not keep the primary from granting it when its end and a question cross on their way", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(4 * MIB);
    const obtaining = worker.obtain(URL);
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const body = await openBodyOf(worker, await obtaining);
    await turns(20);
    worker.origin.answer = (later) => serve(later, whole);
    const refreshing = gate();
    worker.bodies.beforeRefresh = refreshing.shut;
    const replying = gate();
    worker.beforePartReply = replying.shut;
    call.fail("ORIGIN_CLOSED");
    const reading = readSource(body.view(0, whole.length, partOriginOf(worker, URL)));
    await turns(10);
    worker.bodies.beforeRefresh = Promise.resolve();
    refreshing.open();
    await until(() => host.coordinator.fillsInProgress === 0);
    await turns(5);
    replying.open();
    await settled(reading);
    expect((await reading).equals(whole)).toBe(true);
  });

  it("is not received when nobody wants it any more", async () => {
    const host = new TestHost({ vhost: PARTS });
    const worker = host.worker(1);
    const whole = patternBytes(6 * MIB);
    const obtaining = worker.obtain(URL);
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    const body = await openBodyOf(worker, await obtaining);
    const reader = new SlowReader(body.view(3 * MIB, 4 * MIB, partOriginOf(worker, URL, MIB)), 3 * MIB);
    const part = await worker.origin.call(2);
    body.supersede();
    reader.leave();
    await until(() => host.coordinator.fillsInProgress === 0);
    part.head(206, [...VALIDATORS, "Content-Range", `bytes ${3 * MIB}-${4 * MIB - 1}/${whole.length}`]);
    await turns(2);
    expect(part.aborted).toBe(true);
  });
});

describe("an origin that always breaks off at the same place", () => {
  it("is given up, although each attempt brings something", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const worker = host.worker(1);
    const whole = patternBytes(4 * MIB);
    worker.origin.answer = (call) => serve(call, whole, 3.5 * MIB);
    expect(await quiet(bodyOf(worker, await worker.obtain(URL)))).toBe("ORIGIN_CLOSED");
    expect(worker.origin.calls.length).toBeLessThan(6);
  });
});

describe("a body that passes through a worker whose disk has failed", () => {
  const pass = async (host: TestHost, whole: Buffer) => {
    const worker = host.worker(1);
    const obtaining = worker.obtain(URL);
    const call = begin(await worker.origin.call(), whole);
    call.data(whole.subarray(0, 64 * 1024));
    const body = await openBodyOf(worker, await obtaining);
    await turns(10);
    worker.bodies.failsToWrite = true;
    return { worker, call, body, origin: partOriginOf(worker, URL) };
  };

  /** Sends until the receiver asks for a pause. */
  const sendUntilPaused = async (call: OriginCall, whole: Buffer, from: number): Promise<number> => {
    let at = from;
    while (call.data(whole.subarray(at, at + 64 * 1024))) {
      at += 64 * 1024;
      if (at >= whole.length) throw new Error("it never asked for a pause");
      await turns(1);
    }
    return at + 64 * 1024;
  };

  it("goes on for a reader that keeps up when a slow one leaves", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const whole = patternBytes(16 * MIB);
    const { call, body, origin } = await pass(host, whole);
    const slow = new SlowReader(body.view(0, whole.length, origin));
    const quick = new SlowReader(body.view(0, whole.length, origin));
    await sendUntilPaused(call, whole, 64 * 1024);
    quick.position = 64 * 1024;
    quick.takeAll();
    const before = call.resumed;
    slow.leave();
    await until(() => call.resumed > before, "the origin is let go on");
    quick.leave();
  });

  it("ends when it has no reader at all", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const whole = patternBytes(16 * MIB);
    const { worker, call } = await pass(host, whole);
    for (let at = 64 * 1024; at < whole.length && !call.aborted; at += 64 * 1024) {
      if (!call.data(whole.subarray(at, at + 64 * 1024))) break;
      await turns(2);
    }
    await until(() => call.aborted, "the end of the download");
    await until(() => worker.cache.filling.inProgress === 0);
  });

  it("is no complete body for whoever waits for one", async () => {
    const host = new TestHost({ vhost: BY_TAG });
    const whole = patternBytes(3 * MIB);
    const { call, body, origin } = await pass(host, whole);
    const waiting = body.whenComplete(origin);
    for (let at = 64 * 1024; at < whole.length; at += 64 * 1024) {
      call.data(whole.subarray(at, at + 64 * 1024));
      await turns(2);
    }
    call.complete();
    await settled(waiting);
    expect(await waiting).toBe(false);
  });
});

describe("news of parts", () => {
  it("is not kept for a worker that does not read the body any more", async () => {
    const host = new TestHost({ vhost: BY_TAG, workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(6 * MIB);
    const obtaining = first.obtain(URL);
    const call = begin(await first.origin.call(), whole);
    call.data(whole.subarray(0, MIB));
    await obtaining;
    const body = await openBodyOf(second, await second.obtain(URL));
    const reader = new SlowReader(body.view(0, whole.length, partOriginOf(second, URL)));
    await turns(20);
    reader.leave();
    host.clock.advanceSeconds(60);
    second.cache.stored.closeUnusedBodies();
    for (let at = MIB; at < whole.length; at += 256 * 1024) {
      call.data(whole.subarray(at, at + 256 * 1024));
      await turns(10);
    }
    call.complete();
    await until(() => host.coordinator.fillsInProgress === 0);
    first.cache.parted.share(12_345);
    const news = [first, second].map((worker) => worker.cache.parted.newsKept);
    expect(news).toEqual([0, 0]);
  });
});

describe("a worker that is gone", () => {
  it("is granted nothing by messages that come behind its end", () => {
    const host = new TestHost({ workers: 2 });
    const { coordinator } = host;
    host.worker(1).die(host);
    const key = computeCacheKey(VHOST, URL, "");
    const request = { key, vhost: VHOST, url: URL, heldVersion: 0, isAlone: false };
    expect(() => coordinator.acquire(1, request)).toThrow(EdgeError);
    expect(() => coordinator.acquirePart(1, { key, file: 7, first: 0, end: 3 })).toThrow(EdgeError);
    expect(coordinator.acquire(2, request).kind).toBe("granted");
    expect(coordinator.acquirePart(2, { key, file: 7, first: 0, end: 3 }).kind).toBe("granted");
  });
});
