import { rmSync } from "node:fs";
import type { IndexRow } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { describe, expect, it, vi } from "vitest";
import { VARIANT } from "../src/index.ts";
import { compressed, storedAs } from "./support/deriving.ts";
import { TestHost, type TestWorker, VHOST } from "./support/host.ts";
import { bodyOf, patternBytes } from "./support/reading.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const DATED = ["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT"];

/** Row of a URL that must be there. */
const rowOf = (host: TestHost, url: string): IndexRow => {
  const row = host.row(url);
  if (row === undefined) throw new Error(`${url} has no row`);
  return row;
};

describe("a stored body of moderate length whose file is gone", () => {
  it("is fetched anew, not looked for again and again", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const whole = patternBytes(600 * 1024);
    const object = await worker.fill("/a", whole, DATED);
    for (const path of host.bodyFilePaths()) rmSync(path);
    expect(await worker.cache.stored.promote(worker.vhost, VARIANT.PLAIN, object)).toBe(false);
    const again = worker.obtain("/a", { held: undefined });
    (await worker.origin.call(2)).reply(200, whole, DATED);
    expect((await bodyOf(worker, await again)).equals(whole)).toBe(true);
  });

  it("is fetched anew when that is found while it is loaded", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const whole = patternBytes(600 * 1024);
    await first.fill("/a", whole, DATED);
    await until(() => host.row("/a") !== undefined);
    for (const path of host.bodyFilePaths()) rmSync(path);
    const again = second.obtain("/a");
    (await second.origin.call()).reply(200, whole, DATED);
    expect((await bodyOf(second, await again)).equals(whole)).toBe(true);
  });
});

describe("a renewed object", () => {
  it("keeps the place to which it was moved meanwhile", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const object = await worker.fill("/a", "hello", [...DATED, "Cache-Control", "max-age=1"]);
    await until(() => host.row("/a") !== undefined);
    const row = rowOf(host, "/a");
    const moved = { ...row.location, segment: row.location.segment + 100 };
    host.index.update(row.key, { location: moved });
    host.clock.advanceSeconds(2);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    await renewing;
    await until(() => host.row("/a")?.version === object.version);
    expect(rowOf(host, "/a").location).toEqual(moved);
    expect(rowOf(host, "/a").freshUntil).toBeGreaterThan(host.clock.now());
  });

  it("does not come back to the index when it was given up there meanwhile", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    await worker.fill("/a", "hello", [...DATED, "Cache-Control", "max-age=1"]);
    await until(() => host.row("/a") !== undefined);
    host.index.remove(rowOf(host, "/a").key);
    host.clock.advanceSeconds(2);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304).complete();
    expect(await renewing).toMatchObject({ result: "TCP_REFRESH_HIT" });
    await until(() => host.coordinator.fillsInProgress === 0);
    expect(host.row("/a")).toBeUndefined();
  });
});

describe("CFG-56 a virtual host that is gone and comes again", () => {
  it("gets nothing of what was being fetched for the one before", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const early = first.obtain("/a");
    const call = (await first.origin.call()).head(200, DATED);
    call.data("old");
    const obtained = await early;
    host.coordinator.setVhosts(new Set(["other.example.com"]));
    host.coordinator.setVhosts(new Set([VHOST]));
    const late = second.obtain("/a");
    (await second.origin.call()).reply(200, "new", DATED);
    expect(String(await bodyOf(second, await late))).toBe("new");
    await until(() => host.row("/a") !== undefined);
    const { version } = rowOf(host, "/a");
    const reading = bodyOf(first, obtained);
    call.complete();
    expect(String(await reading)).toBe("old");
    await until(() => host.coordinator.fillsInProgress === 0);
    expect(rowOf(host, "/a").version).toBe(version);
  });

  it("keeps nothing that ends when it has come again", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const obtaining = worker.obtain("/a");
    const call = await worker.origin.call();
    host.coordinator.setVhosts(new Set(["other.example.com"]));
    host.coordinator.setVhosts(new Set([VHOST]));
    call.reply(200, "old", DATED);
    await obtaining;
    await until(() => host.coordinator.fillsInProgress === 0);
    expect(host.row("/a")).toBeUndefined();
  });
});

describe("a shared body", () => {
  it.each(["failed", "dead"] as const)("gives its room on the disk back when its fill is over: %s", async (how) => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const obtaining = first.obtain("/a");
    const call = (await first.origin.call()).head(200);
    call.data(patternBytes(MIB));
    await obtaining;
    void second.obtain("/a");
    await until(() => host.growing.size === 1, "the shared file");
    await until(() => [...host.growing.values()][0] === MIB, "all that was sent");
    second.origin.answer = (later) => later.fail("ORIGIN_CONNECT_FAILED");
    if (how === "dead") first.die(host);
    else call.fail("ORIGIN_CLOSED");
    await until(() => [...host.growing.values()].every((bytes) => bytes === 0), "the room");
  });
});

describe("a question for the body of a fill", () => {
  it("is not remembered when the fill is a derivation, or over", async () => {
    const host = new TestHost({ workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    host.derive = async (request) => {
      await finished;
      return await storedAs(first, request, Buffer.from("small"));
    };
    await first.fill("/a", "text".repeat(100), DATED);
    await until(() => host.row("/a") !== undefined);
    await second.obtain("/a");
    const derive = async (worker: TestWorker) => {
      const source = worker.find("/a");
      if (source === undefined) throw new Error("nothing to derive from");
      return await compressed(worker, source);
    };
    const derivations = [derive(first), derive(second)];
    await until(() => first.cache.filling.sharesAsked + second.cache.filling.sharesAsked === 1, "the question");
    finish();
    await Promise.all(derivations);
    for (let fillId = 1000; fillId < 9000; fillId++) first.cache.filling.share(fillId);
    expect(first.cache.filling.sharesAsked).toBeLessThanOrEqual(1024);
    expect(second.cache.filling.sharesAsked).toBe(0);
  });
});

describe("a compressed copy that is long itself", () => {
  it("is kept and served from its own file", async () => {
    const host = new TestHost();
    const worker = host.worker(1);
    const copy = patternBytes(700 * 1024);
    host.derive = (request) => storedAs(worker, request, copy);
    const source = await worker.fill("/a", "text".repeat(100), DATED);
    const made = await compressed(worker, source);
    expect(made?.bodyBytes).toBe(copy.length);
    if (made === undefined) return;
    expect(await worker.cache.stored.promote(worker.vhost, VARIANT.GZIP, made)).toBe(true);
    expect(made.body?.equals(copy)).toBe(true);
    await until(() => host.index.findVariants(VHOST, "/a").length === 2);
  });
});

describe("invalidations", () => {
  it("OPT-83: need not be repeated again once they were repeated", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "hello", DATED);
    await until(() => host.row("/a") !== undefined);
    const version = rowOf(host, "/a").version + 1;
    const target = { kind: "url", url: "/a" } as const;
    await host.coordinator.replay([{ version, vhost: VHOST, target, action: { kind: "hardpurge" } }]);
    expect(host.row("/a")).toBeUndefined();
    await until(() => host.coordinator.settledVersion === version, "the flush");
  });

  it("are forgotten although the index could not be written once", async () => {
    const host = new TestHost();
    await host.worker(1).fill("/a", "hello", DATED);
    const defects: unknown[] = [];
    host.onDefect = (error) => defects.push(error);
    vi.spyOn(host.index, "flush").mockRejectedValueOnce(new EdgeError("STORE_UNAVAILABLE"));
    await host.purge("/a");
    await until(() => defects.length === 1, "the failure");
    await host.purge("/b");
    await until(() => host.coordinator.settledVersion === host.coordinator.newestVersion, "both are settled");
  });
});
