import { type IndexRow, ROW_FLAG } from "@basalt/store";
import { EdgeError, epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { Fallbacks } from "../../src/fallbacks.ts";
import { TestHost } from "../support/host.ts";
import { bodyOf, patternBytes } from "../support/reading.ts";
import { TestClock } from "../support/testClock.ts";
import { until } from "../support/waiting.ts";

const MIB = 1024 * 1024;
const URL = "/film.mp4";
const BY_TAG = "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>";
const CLOSED = new EdgeError("ORIGIN_CLOSED");

const fieldsOf = (tag: string): readonly string[] => ["ETag", `"${tag}"`, "Accept-Ranges", "bytes"];

/** A stale object whose renewal has brought the head and the first block of a longer body. */
const brokenRenewal = async (workers = 1, newFields: readonly string[] = [], oldFields: readonly string[] = []) => {
  const host = new TestHost({ vhost: BY_TAG, workers });
  const worker = host.worker(1);
  const old = patternBytes(2 * MIB);
  const filling = worker.obtain(URL);
  (await worker.origin.call()).reply(200, old, [...fieldsOf("v1"), "Cache-Control", "max-age=60", ...oldFields]);
  expect((await bodyOf(worker, await filling)).equals(old)).toBe(true);
  await until(() => host.row(URL)?.missingBytes === 0, "the old body is whole");
  const before = host.row(URL);
  host.clock.advanceSeconds(61);
  const renewing = worker.obtain(URL);
  const call = await worker.origin.call(2);
  call.head(200, ["Content-Length", String(4 * MIB), ...fieldsOf("v2"), ...newFields]);
  call.data(patternBytes(MIB));
  const obtained = await renewing;
  if (obtained.kind !== "object" || before === undefined) throw new Error("no renewal in parts");
  await until(() => host.row(URL)?.location.file !== before.location.file, "the new row");
  return { host, worker, old, before, call, object: obtained.object };
};

describe("a renewal in parts that breaks off", () => {
  it("TTL-27: the object that it replaced answers again, in the index too", async () => {
    const { host, worker, old, before, call, object } = await brokenRenewal();
    expect(host.coordinator.keepsFile(before.location.file)).toBe(true);
    call.fail("ORIGIN_CLOSED");
    const previous = await worker.cache.stored.fallBack(worker.vhost, 0, object, CLOSED);
    if (previous === undefined) throw new Error("nothing to fall back to");
    expect(previous.isFresh(host.clock.now())).toBe(true);
    expect((await bodyOf(worker, { kind: "object", object: previous, result: "TCP_REF_FAIL_HIT" })).equals(old)).toBe(
      true,
    );
    expect(host.row(URL)?.location.file).toBe(before.location.file);
    expect(worker.find(URL)?.location?.file).toBe(before.location.file);
  });

  it("every worker that asks later gets the same row", async () => {
    const { host, call, object, before } = await brokenRenewal(2);
    call.fail("ORIGIN_CLOSED");
    const file = object.location?.file ?? 0;
    const request = { key: object.key, file, freshUntilMs: host.clock.now() + 3_000 };
    const [first, second] = [host.coordinator.fallBack(request), host.coordinator.fallBack(request)];
    expect([first?.location.file, second?.location.file]).toEqual([before.location.file, before.location.file]);
    expect(second?.version).toBe(first?.version);
  });

  it("what was hardpurged meanwhile does not come back", async () => {
    const { host, worker, before, call, object } = await brokenRenewal();
    await host.coordinator.invalidate(worker.vhost.name, { kind: "url", url: URL }, { kind: "hardpurge" });
    expect(host.coordinator.keepsFile(before.location.file)).toBe(false);
    call.fail("ORIGIN_CLOSED");
    expect(await worker.cache.stored.fallBack(worker.vhost, 0, object, CLOSED)).toBeUndefined();
    expect(host.row(URL)).toBeUndefined();
  });

  it.each([
    ["a pattern", { kind: "pattern", pattern: "/*" }],
    ["a tag of the new head", { kind: "tag", tags: ["new"] }],
  ] as const)("PRG-23: nor what was hardpurged by %s, before the rows show it", async (_, target) => {
    const { host, worker, call, object } = await brokenRenewal(1, ["Surrogate-Key", "new"]);
    const calling = host.coordinator.invalidate(worker.vhost.name, target, { kind: "hardpurge" });
    const request = { key: object.key, file: object.location?.file ?? 0, freshUntilMs: host.clock.now() + 3_000 };
    expect(host.coordinator.fallBack(request)).toBeUndefined();
    await calling;
    call.fail("ORIGIN_CLOSED");
    await host.coordinator.finishSweeps();
    expect(host.row(URL)).toBeUndefined();
  });

  it.each([
    ["purge", ROW_FLAG.PURGED],
    ["expire", ROW_FLAG.EXPIRED_BY_FORCE],
  ] as const)("PRG-13: what a %s has met meanwhile comes back as that has left it", async (kind, flag) => {
    const { host, worker, before, object } = await brokenRenewal();
    await host.coordinator.invalidate(worker.vhost.name, { kind: "pattern", pattern: "/*" }, { kind });
    const request = { key: object.key, file: object.location?.file ?? 0, freshUntilMs: host.clock.now() + 3_000 };
    const row = host.coordinator.fallBack(request);
    expect([row?.location.file, row?.flags, Number(row?.freshUntil)]).toEqual([before.location.file, flag, 0]);
    await host.coordinator.finishSweeps();
    expect(host.row(URL)?.flags).toBe(flag);
  });

  it.each(["purge", "hardpurge"] as const)("a %s by a tag that only it had reaches what is kept", async (kind) => {
    const { host, worker, object } = await brokenRenewal(1, [], ["Surrogate-Key", "old"]);
    await host.coordinator.invalidate(worker.vhost.name, { kind: "tag", tags: ["old"] }, { kind });
    await host.coordinator.finishSweeps();
    await host.index.flush();
    const row = host.coordinator.fallBack({ key: object.key, file: object.location?.file ?? 0, freshUntilMs: 1 });
    expect((row?.flags ?? ROW_FLAG.PURGED) & ROW_FLAG.PURGED).toBe(ROW_FLAG.PURGED);
  });

  it("a purge by tag reaches what has come back by its own tags", async () => {
    const { host, worker, object } = await brokenRenewal(1, ["Surrogate-Key", "new"], ["Surrogate-Key", "old"]);
    await host.index.flush();
    host.coordinator.fallBack({ key: object.key, file: object.location?.file ?? 0, freshUntilMs: 1 });
    const purge = (tag: string) =>
      host.coordinator.invalidate(worker.vhost.name, { kind: "tag", tags: [tag] }, { kind: "purge" });
    expect((await purge("new")).count).toBe(0);
    expect((await purge("old")).count).toBe(1);
  });

  it("a body that has become whole leaves nothing behind", async () => {
    const { host, worker, before, call, object } = await brokenRenewal();
    call.data(patternBytes(4 * MIB).subarray(MIB));
    call.complete();
    await until(() => host.row(URL)?.missingBytes === 0, "the new body is whole");
    expect(host.coordinator.keepsFile(before.location.file)).toBe(false);
    expect(await worker.cache.stored.fallBack(worker.vhost, 0, object, CLOSED)).toBeUndefined();
  });
});

describe("Fallbacks", () => {
  const rowIn = (file: number, missingBytes = 0): IndexRow => ({
    key: Buffer.alloc(16, file),
    vhost: "www.example.com",
    url: URL,
    version: file,
    freshUntil: epochMs(0),
    ttl: 1,
    updatedAt: epochMs(0),
    lastAccess: epochMs(0),
    flags: 0,
    missingBytes,
    location: { disk: 1, segment: 1, offset: file * 100, headBytes: 100, bodyBytes: 10, file },
  });

  it("keeps the last whole object over several renewals that break off", () => {
    const fallbacks = new Fallbacks(new TestClock());
    fallbacks.replace(rowIn(1), 2);
    fallbacks.replace(rowIn(2, 5), 3);
    expect([fallbacks.keeps(1), fallbacks.keeps(2)]).toEqual([true, false]);
    expect(fallbacks.take(2)).toBeUndefined();
    expect(fallbacks.take(3)?.previous.location.file).toBe(1);
    expect([fallbacks.take(3), fallbacks.keeps(1)]).toEqual([undefined, false]);
  });

  it("has nothing for a partial object that replaced nothing whole", () => {
    const fallbacks = new Fallbacks(new TestClock());
    fallbacks.replace(rowIn(2, 5), 3);
    expect(fallbacks.take(3)).toBeUndefined();
  });

  it("gives up what nobody completes in five minutes", () => {
    const clock = new TestClock();
    const fallbacks = new Fallbacks(clock);
    fallbacks.replace(rowIn(1), 2);
    clock.advanceSeconds(300);
    expect([fallbacks.keeps(1), fallbacks.take(2)]).toEqual([false, undefined]);
  });
});
