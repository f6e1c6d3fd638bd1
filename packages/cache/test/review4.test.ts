import { describe, expect, it, vi } from "vitest";
import { Followers } from "../src/followers.ts";
import {
  type CachedObject,
  type Invalidation,
  nameOf,
  ObjectCoordinator,
  type ObtainRequest,
  selectorFor,
} from "../src/index.ts";
import { RecentPasses } from "../src/recentPasses.ts";
import { TestHost, type TestWorker, VHOST } from "./support/host.ts";
import { bodyOf } from "./support/reading.ts";
import { TestClock } from "./support/testClock.ts";
import { until } from "./support/waiting.ts";

const RULES = "<Options><CachingProfile>rfc9111</CachingProfile></Options>";

const FRESH = ["Cache-Control", "max-age=100"];

/** A request with these fields, under the name that a selection gives it. */
const asking = (
  worker: TestWorker,
  fields: Readonly<Record<string, string>>,
  selection = "",
): Partial<ObtainRequest> => {
  const get = (name: string): string | undefined => fields[name];
  const name = selection === "" ? "/a" : nameOf("/a", selectorFor(selection, get));
  const found: CachedObject | undefined = worker.cache.find(worker.vhost, 0, name);
  return { get, name, held: found };
};

describe("responses of other requests", () => {
  it("KEY-10: one that an origin's failure leaves stored is no answer for a request that it does not match", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    worker.origin.answer = (call) =>
      call.reply(200, "any", ["Vary", "Accept-Language", "Cache-Control", "max-age=100"]);
    await worker.obtain("/a", asking(worker, { "accept-language": "de" }));
    const selection = worker.find("/a")?.selection ?? "";
    const vary = ["Vary", "Accept-Language, Cookie", "Cache-Control", "max-age=100"];
    worker.origin.answer = (call) => call.reply(200, "of one", vary);
    await worker.obtain("/a", asking(worker, { "accept-language": "fr", cookie: "user=1" }, selection));
    await until(() => host.index.findVariants(VHOST, "/a").length === 2, "two rows");
    worker.origin.answer = (call) => call.fail("ORIGIN_CONNECT_FAILED");
    const other = asking(worker, { "accept-language": "fr", cookie: "user=2" }, selection);
    const obtained = await worker.obtain("/a", { ...other, held: undefined });
    expect(obtained).toMatchObject({ kind: "failed" });
  });

  it("RFC 9111 4.1: a 304 that brings a Vary binds the response to the request that was answered", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", "max-age=10"]);
    host.clock.advanceSeconds(11);
    worker.origin.answer = (call) =>
      call.head(304, ["ETag", '"1"', "Vary", "Cookie", "Cache-Control", "max-age=60"]).complete();
    await worker.obtain("/a", asking(worker, { cookie: "user=1" }));
    const others = await worker.obtain("/a", { ...asking(worker, { cookie: "user=2" }), held: undefined });
    expect(others).toMatchObject({ kind: "elsewhere" });
  });

  it.each([
    ["private", ["Cache-Control", "private, max-age=60"]],
    ["no-store", ["Cache-Control", "no-store"]],
    ["vary-any", ["Cache-Control", "max-age=60", "Vary", "*"]],
  ])(
    "RFC 9111 3: a 304 by which it is not to be shared (%s) renews it for its own request alone",
    async (passed, says) => {
      const host = new TestHost({ vhost: RULES, workers: 2 });
      const worker = host.worker(1);
      const stored = await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", "max-age=10"]);
      host.clock.advanceSeconds(11);
      worker.origin.answer = (call) => call.head(304, ["ETag", '"1"', ...says]).complete();
      host.worker(2).origin.answer = worker.origin.answer;
      const obtained = await worker.obtain("/a");
      expect(obtained).toMatchObject({ kind: "object", passed });
      expect(String(await bodyOf(worker, obtained))).toBe("body");
      if (obtained.kind === "object") expect(obtained.object.fields).toEqual(expect.arrayContaining(says));
      expect(worker.find("/a")).toBe(stored);
      expect(stored.isFresh(host.clock.now())).toBe(false);
      expect(await host.worker(2).obtain("/a")).toMatchObject({ passed });
    },
  );
});

describe("what is remembered of responses that were passed", () => {
  it("has a limit in bytes, however long the URLs", () => {
    const passes = new RecentPasses(new TestClock());
    const url = (index: number): string => `/${index}${"x".repeat(60_000)}`;
    for (let index = 0; index < 500; index++) passes.note(url(index));
    expect([passes.has(url(0)), passes.has(url(499))]).toEqual([false, true]);
  });
});

describe("invalidations that any client can cause (RFC 9111 4.4)", () => {
  it("cost one look at all of memory in a while, however many there are", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/a", "x", FRESH);
    const looks = vi.spyOn(worker.tier, "forEach");
    for (let number = 1; number <= 20; number++) {
      await worker.cache.invalidateUrls(worker.vhost, [`/${number}`]);
      await host.settled();
    }
    expect(looks.mock.calls.length).toBe(1);
  });

  it("are written down only where a crash could undo them", async () => {
    const journaled: string[] = [];
    const journal = {
      append: ({ target }: Invalidation) => {
        if (target.kind === "url") journaled.push(target.url);
        return undefined;
      },
    };
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/stored", "x", FRESH);
    await until(() => host.row("/stored") !== undefined, "the row");
    const { index, clock } = host;
    const parts = { clock, index, journal, hasDisk: () => true, onDefect: host.onDefect };
    const coordinator = new ObjectCoordinator({
      ...parts,
      derive: (request) => host.derive(request),
      abandonDerivation: () => {},
    });
    coordinator.addWorker(1, { call: () => Promise.resolve(null), tell: () => {} });
    const key = Buffer.alloc(16, 1);
    coordinator.acquire(1, { key, vhost: VHOST, url: "/coming", heldVersion: 0, isAlone: false });
    await coordinator.outdated(VHOST, ["/stored", "/unknown", "/coming"]);
    expect(journaled).toEqual(["/stored", "/coming"]);
  });
});

describe("two who follow one fill", () => {
  it("learn of its end both", async () => {
    const followers = new Followers();
    const outcomes = [followers.outcome(1), followers.outcome(1)];
    followers.receive({ fillId: 1, kind: "orphaned" });
    expect(await Promise.all(outcomes)).toMatchObject([{ kind: "orphaned" }, { kind: "orphaned" }]);
  });
});
