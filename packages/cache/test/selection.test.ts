import { describe, expect, it } from "vitest";
import { type CachedObject, nameOf, type ObtainRequest, selectorFor } from "../src/index.ts";
import { TestHost, type TestWorker } from "./support/host.ts";
import { bodyOf } from "./support/reading.ts";
import { turns, until } from "./support/waiting.ts";

const RULES = "<Options><CachingProfile>rfc9111</CachingProfile></Options>";
const VARY = ["Vary", "Accept-Language", "Cache-Control", "max-age=100"];

/** A request with that Accept-Language, as the server makes it: under the name of what is known to be selected. */
const speaking = (worker: TestWorker, language: string, selection = ""): Partial<ObtainRequest> => {
  const get = (name: string): string | undefined => (name === "accept-language" ? language : undefined);
  const name = selection === "" ? "/a" : nameOf("/a", selectorFor(selection, get));
  const held: CachedObject | undefined = worker.cache.find(worker.vhost, 0, name);
  return { get, name, held };
};

describe("one URL, several responses (KEY-10, RFC 9111 4.1)", () => {
  it("the first keeps the plain name, and sends other requests elsewhere", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    worker.origin.answer = (call) => call.reply(200, "deutsch", VARY);
    await worker.obtain("/a", speaking(worker, "de"));
    const stored = worker.find("/a");
    await until(() => stored?.isStored === true, "a place on disk");

    const other = await worker.obtain("/a", { ...speaking(worker, "fr"), held: undefined });
    expect(other).toEqual({ kind: "elsewhere", selection: stored?.selection });
    worker.origin.answer = (call) => call.reply(200, "français", VARY);
    const french = await worker.obtain("/a", speaking(worker, "fr", stored?.selection));
    expect(String(await bodyOf(worker, french))).toBe("français");
    expect(String(worker.find("/a")?.body)).toBe("deutsch");
    expect(worker.origin.calls.length).toBe(2);
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2, "two rows of one URL");
  });

  it("who waits for a response that is not for him is told where his is", async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const german = first.obtain("/a", speaking(first, "de"));
    const call = await first.origin.call();
    const sameWorker = first.obtain("/a", speaking(first, "fr"));
    const otherWorker = second.obtain("/a", speaking(second, "fr"));
    const sameLanguage = second.obtain("/a", speaking(second, "de"));
    await turns(5);
    call.reply(200, "deutsch", VARY);
    expect(String(await bodyOf(first, await german))).toBe("deutsch");
    expect(await sameWorker).toMatchObject({ kind: "elsewhere" });
    expect(await otherWorker).toMatchObject({ kind: "elsewhere" });
    expect(String(await bodyOf(second, await sameLanguage))).toBe("deutsch");
    expect(first.origin.calls.length + second.origin.calls.length).toBe(1);
  });

  it("a purge of the URL takes all of them", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    worker.origin.answer = (call) => call.reply(200, "x", VARY);
    await worker.obtain("/a", speaking(worker, "de"));
    const selection = worker.find("/a")?.selection ?? "";
    await worker.obtain("/a", speaking(worker, "fr", selection));
    await until(() => host.index.findVariants("www.example.com", "/a").length === 2, "two rows");
    expect(await host.purge("/a")).toMatchObject({ count: 2 });
    expect(worker.find("/a")?.purged).toBe(true);
    expect(speaking(worker, "fr", selection).held?.purged).toBe(true);
  });
});

describe("responses that are for one request alone", () => {
  const PRIVATE = ["Cache-Control", "private, max-age=100"];

  it("those who waited in vain fetch by themselves, all at once", async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const asked = [first.obtain("/a"), first.obtain("/a"), second.obtain("/a"), second.obtain("/a")];
    const call = await first.origin.call();
    await turns(5);
    first.origin.answer = (each) => each.reply(200, "another", PRIVATE);
    second.origin.answer = (each) => each.reply(200, "a third", PRIVATE);
    call.reply(200, "one", PRIVATE);
    const obtained = await Promise.all(asked);
    const bodies = await Promise.all(
      obtained.map(async (each, index) => String(await bodyOf(index < 2 ? first : second, each))),
    );
    expect(bodies).toEqual(["one", "another", "a third", "a third"]);
    for (const each of obtained) expect(each).toMatchObject({ passed: "private" });
    expect(first.origin.calls.length + second.origin.calls.length).toBe(4);
    expect(first.find("/a")).toBeUndefined();
    expect(host.row("/a")).toBeUndefined();
  });

  it("a long one passes through memory at the pace of its reader, and nothing is written", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    const asked = worker.obtain("/a");
    const call = await worker.origin.call();
    const piece = Buffer.alloc(1024 * 1024, "x");
    call.head(200, ["Content-Length", String(8 * piece.length), ...PRIVATE]);
    call.data(piece);
    const obtained = await asked;
    expect(obtained).toMatchObject({ kind: "body", passed: "private" });
    const reading = bodyOf(worker, obtained);
    for (let sent = 1; sent < 8; sent++) {
      call.data(piece);
      await turns(5);
    }
    call.complete();
    expect((await reading).length).toBe(8 * piece.length);
    expect(host.bodyFileCount()).toBe(0);
    expect(worker.cache.filling.inProgress).toBe(0);
  });

  it("ends at the origin when its reader leaves", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    const asked = worker.obtain("/a");
    const call = await worker.origin.call();
    call.head(200, ["Content-Length", "1000", ...PRIVATE]).data("x");
    const obtained = await asked;
    if (obtained.kind !== "body") throw new Error("complete already");
    obtained.source.retain();
    await turns(5);
    expect(call.aborted).toBe(false);
    obtained.source.release();
    await until(() => call.aborted, "the end of the exchange");
  });

  it("a response that may be stored again is shared again", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    worker.origin.answer = (call) => call.reply(200, "mine", PRIVATE);
    await worker.obtain("/a");
    worker.origin.answer = (call) => call.reply(200, "ours", ["Cache-Control", "max-age=100"]);
    const shared = await worker.obtain("/a");
    expect(shared.kind === "object" && shared.passed).toBe(undefined);
    expect(String(worker.find("/a")?.body)).toBe("ours");
  });
});

describe("what a 304 says of the stored response (RFC 9111 3.2)", () => {
  it("takes the place of what was said before, in memory and on disk, the body stays", async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    const worker = host.worker(1);
    const old = await worker.fill("/a", "body", ["ETag", '"1"', "X-Version", "1", "Cache-Control", "max-age=10"]);
    host.clock.advanceSeconds(11);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2))
      .head(304, ["ETag", '"1"', "X-Version", "2", "Cache-Control", "max-age=60"])
      .complete();
    const renewed = await renewing;
    if (renewed.kind !== "object") throw new Error(renewed.kind);
    expect(renewed.object.fields).toEqual(expect.arrayContaining(["X-Version", "2"]));
    expect(renewed.object.fields).not.toContain("1");
    expect(String(renewed.object.body)).toBe("body");
    expect(renewed.object.freshUntilMs).toBe(host.clock.now() + 60_000);
    expect(renewed.object.bodyVersion).not.toBe(old.bodyVersion);
    await until(() => host.row("/a")?.version === renewed.object.version, "the row");
    const elsewhere = await host.worker(2).obtain("/a");
    if (elsewhere.kind !== "object") throw new Error(elsewhere.kind);
    expect(elsewhere.object.fields).toEqual(renewed.object.fields);
    expect(String(await bodyOf(host.worker(2), elsewhere))).toBe("body");
  });

  it("HTTP-12: the age counts from the confirmation", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", "max-age=10"]);
    host.clock.advanceSeconds(11);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304, ["ETag", '"1"', "Age", "3"]).complete();
    const now = host.clock.now();
    const object = { validatedAtMs: now, initialAgeSeconds: 3, freshUntilMs: now + 7000 };
    expect(await renewing).toMatchObject({ kind: "object", object });
  });
});

describe("an origin that fails (RFC 9111 4.2.4, RFC 5861)", () => {
  it.each([
    ["without a word against it, stale is served", "max-age=10", true],
    ["must-revalidate forbids it", "max-age=10, must-revalidate", false],
    ["s-maxage forbids it", "s-maxage=10", false],
    ["stale-if-error limits it", "max-age=10, stale-if-error=5", false],
    ["stale-if-error allows it", "max-age=10, stale-if-error=60", true],
  ])("%s", async (_, cacheControl, serves) => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", cacheControl]);
    host.clock.advanceSeconds(20);
    worker.origin.answer = (call) => call.fail("ORIGIN_CONNECT_FAILED");
    const obtained = await worker.obtain("/a");
    expect(obtained.kind).toBe(serves ? "object" : "failed");
    expect(obtained).toMatchObject({ result: serves ? "TCP_REF_FAIL_HIT" : "TCP_ERROR" });
  });

  it("a 503 to a renewal is a failure while stale may be served, and the answer when it may not", async () => {
    const host = new TestHost({ vhost: RULES });
    const worker = host.worker(1);
    await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", "max-age=10"]);
    await worker.fill("/b", "body", ["ETag", '"1"', "Cache-Control", "max-age=10, must-revalidate"]);
    host.clock.advanceSeconds(20);
    worker.origin.answer = (call) => call.reply(503, "sorry");
    expect(await worker.obtain("/a")).toMatchObject({ kind: "object", result: "TCP_REF_FAIL_HIT" });
    const refused = await worker.obtain("/b");
    expect(refused).toMatchObject({ kind: "object", object: { status: 503 } });
  });
});

describe("what is stored and nothing else (RFC 9111 5.2.1.7)", () => {
  it("comes from the disk, or there is no answer, and the origin is not asked", async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    await host.worker(1).fill("/a", "body", ["Cache-Control", "max-age=10"]);
    await until(() => host.row("/a") !== undefined, "the row");
    const other = host.worker(2);
    await host.index.sync();
    host.clock.advanceSeconds(1);
    expect(await other.obtain("/a", { mayFetch: false })).toMatchObject({ kind: "object", result: "TCP_HIT" });
    expect(await other.obtain("/b", { mayFetch: false })).toMatchObject({
      kind: "failed",
      error: { code: "NOT_CACHED" },
    });
    expect(other.origin.calls.length).toBe(0);
  });
});
