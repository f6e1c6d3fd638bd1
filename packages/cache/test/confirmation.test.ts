import { describe, expect, it } from "vitest";
import { TestHost } from "./support/host.ts";
import { turns, until } from "./support/waiting.ts";

const RULES = "<Options><CachingProfile>rfc9111</CachingProfile></Options>";

describe("when the origin confirmed a response (RFC 9111 4.2.3)", () => {
  const confirmed = async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    const worker = host.worker(1);
    await worker.fill("/a", "body", ["ETag", '"1"', "Cache-Control", "max-age=10"]);
    host.clock.advanceSeconds(11);
    const renewing = worker.obtain("/a");
    (await worker.origin.call(2)).head(304, ["ETag", '"1"']).complete();
    await renewing;
    const confirmedAtMs = host.clock.now();
    await until(() => host.row("/a")?.freshUntil === confirmedAtMs + 10_000, "the row");
    await host.index.sync();
    return { host, confirmedAtMs };
  };

  it("is known to other workers, too", async () => {
    const { host, confirmedAtMs } = await confirmed();
    host.clock.advanceSeconds(3);
    const obtained = await host.worker(2).obtain("/a");
    if (obtained.kind !== "object") throw new Error(obtained.kind);
    expect([obtained.object.validatedAtMs, obtained.object.initialAgeSeconds]).toEqual([confirmedAtMs, 0]);
  });

  it("does not move with failures that extend what is stored", async () => {
    const { host, confirmedAtMs } = await confirmed();
    host.clock.advanceSeconds(20);
    const worker = host.worker(1);
    worker.origin.answer = (call) => call.fail("ORIGIN_CONNECT_FAILED");
    expect(await worker.obtain("/a")).toMatchObject({
      result: "TCP_REF_FAIL_HIT",
      object: { validatedAtMs: confirmedAtMs },
    });
    await until(() => (host.row("/a")?.updatedAt ?? 0) > confirmedAtMs, "the row");
    await host.index.sync();
    host.clock.advanceSeconds(1);
    const obtained = await host.worker(2).obtain("/a");
    if (obtained.kind !== "object") throw new Error(obtained.kind);
    expect(obtained.object.validatedAtMs).toBeLessThanOrEqual(confirmedAtMs);
  });
});

describe("whoever comes while a response still arrives", () => {
  it("fetches by himself when it is out of date already, in the same worker and in another", async () => {
    const host = new TestHost({ vhost: RULES, workers: 2 });
    const [first, second] = [host.worker(1), host.worker(2)];
    const asked = first.obtain("/a");
    const call = await first.origin.call();
    call
      .head(200, ["Content-Length", "600000", "ETag", '"1"', "Cache-Control", "max-age=5"])
      .data(Buffer.alloc(300_000));
    const obtained = await asked;
    if (obtained.kind !== "body") throw new Error(obtained.kind);
    obtained.source.retain();
    first.origin.answer = (each) => each.reply(200, "new", ["Cache-Control", "max-age=5"]);
    second.origin.answer = (each) => each.reply(200, "new", ["Cache-Control", "max-age=5"]);
    const early = await first.obtain("/a");
    expect(early).toMatchObject({ kind: "body" });
    host.clock.advanceSeconds(6);
    await turns(5);
    expect(await first.obtain("/a")).toMatchObject({ kind: "object" });
    expect(first.origin.calls.length).toBe(2);
    call.fail("ORIGIN_CLOSED");
    obtained.source.release();
  });
});
