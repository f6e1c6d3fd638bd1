import { describe, expect, it } from "vitest";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { TestHost } from "./support/host.ts";
import { bodyOf, patternBytes } from "./support/reading.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const MODIFIED = ["Last-Modified", "Sat, 29 Oct 1994 19:43:31 GMT"];
/** What `requestFor` of the test host says of every stored object. */
const RENEWED = "Fri, 02 Jan 2026 03:04:05 GMT";
const FULL_RANGE = "<OriginOptions><FullRangeInit>ON</FullRangeInit></OriginOptions>";

const asked = (call: OriginCall, name: string): string | undefined => {
  const { fields } = call.request;
  return fields.includes(name) ? fields[fields.indexOf(name) + 1] : undefined;
};

/** All of a body as the answer to a range from 0. */
const replyAll = (call: OriginCall, body: Buffer | string, fields: readonly string[] = MODIFIED): void =>
  call.reply(206, body, [...fields, "Content-Range", `bytes 0-${body.length - 1}/${body.length}`]);

describe("FullRangeInit", () => {
  it("ORG-37, ORG-38 asks for everything by range and stores the 206 as a 200", async () => {
    const host = new TestHost({ vhost: FULL_RANGE });
    const worker = host.worker(1);
    const obtaining = worker.obtain("/f");
    const call = await worker.origin.call();
    expect(asked(call, "Range")).toBe("bytes=0-");
    replyAll(call, "content");
    const obtained = await obtaining;
    expect(obtained).toMatchObject({ kind: "object", result: "TCP_MISS", object: { status: 200, bodyBytes: 7 } });
    if (obtained.kind !== "object") return;
    expect(obtained.object.fields.map((text) => text.toLowerCase())).not.toContain("content-range");
    await until(() => host.row("/f") !== undefined);
  });

  it("ORG-37, A7 of spec 05 renews with Range and If-Modified-Since: 304, then a new 206", async () => {
    const host = new TestHost({ vhost: FULL_RANGE });
    const worker = host.worker(1);
    const first = worker.obtain("/f");
    replyAll(await worker.origin.call(), "old");
    await first;
    for (const [number, expected] of [
      [2, "TCP_REFRESH_HIT"],
      [3, "TCP_REFRESH_MISS"],
    ] as const) {
      await until(() => host.row("/f") !== undefined && host.coordinator.fillsInProgress === 0);
      host.clock.advanceSeconds(100_000);
      const obtaining = worker.obtain("/f");
      const call = await worker.origin.call(number);
      expect([asked(call, "Range"), asked(call, "If-Modified-Since")]).toEqual(["bytes=0-", RENEWED]);
      if (number === 2) call.head(304).complete();
      else replyAll(call, "newer");
      expect(await obtaining).toMatchObject({ kind: "object", result: expected, object: { status: 200 } });
    }
  });

  it("ORG-38 accepts a 200 as well", async () => {
    const worker = new TestHost({ vhost: FULL_RANGE }).worker(1);
    const obtaining = worker.obtain("/f");
    (await worker.origin.call()).reply(200, "content");
    expect(await obtaining).toMatchObject({ kind: "object", object: { status: 200, bodyBytes: 7 } });
  });

  it.each(["bytes 0-6/8", "bytes 1-7/8", "bytes 0-6/*"])("ORG-38 a 206 of `%s` is no answer", async (range) => {
    const worker = new TestHost({ vhost: FULL_RANGE }).worker(1);
    const obtaining = worker.obtain("/f");
    (await worker.origin.call()).reply(206, "content", ["Content-Range", range]);
    expect(await obtaining).toMatchObject({ kind: "failed", error: { code: "ORIGIN_MALFORMED" } });
  });

  it("a 206 that nobody asked for is none either", async () => {
    const worker = new TestHost().worker(1);
    const obtaining = worker.obtain("/f");
    const call = await worker.origin.call();
    expect(asked(call, "Range")).toBeUndefined();
    replyAll(call, "content");
    expect(await obtaining).toMatchObject({ kind: "failed", error: { code: "ORIGIN_MALFORMED" } });
  });

  it("ORG-35 works with PartSize: parts are asked for by their own range alone", async () => {
    const host = new TestHost({
      vhost: "<OriginOptions><FullRangeInit>ON</FullRangeInit><PartSize>1</PartSize></OriginOptions>",
    });
    const worker = host.worker(1);
    const whole = patternBytes(4 * MIB);
    const obtaining = worker.obtain("/f");
    const call = await worker.origin.call();
    call.head(206, [
      "Content-Length",
      `${whole.length}`,
      ...MODIFIED,
      "Content-Range",
      `bytes 0-${whole.length - 1}/${whole.length}`,
    ]);
    for (let at = 0; at < 2 * MIB && !call.aborted; at += MIB / 2) call.data(whole.subarray(at, at + MIB / 2));
    const obtained = await obtaining;
    if (obtained.kind !== "object") throw new Error(obtained.kind);
    await until(() => call.aborted, "the end of the first part");
    worker.origin.answer = (part) => {
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(asked(part, "Range") ?? "") ?? [];
      const range = `bytes ${from}-${to}/${whole.length}`;
      part.reply(206, whole.subarray(Number(from), Number(to) + 1), [...MODIFIED, "Content-Range", range]);
    };
    expect((await bodyOf(worker, obtained)).equals(whole)).toBe(true);
    for (const { request } of worker.origin.calls.slice(1)) expect(request.fields).toHaveLength(2);
  });
});

describe("ORG-47: IfRange towards the origin", () => {
  const IF_RANGE = "<OriginOptions><IfRange>ON</IfRange></OriginOptions>";

  const beginBroken = async (host: TestHost, whole: Buffer) => {
    const worker = host.worker(1);
    const obtaining = worker.obtain("/f");
    const call = (await worker.origin.call()).head(200, ["Content-Length", `${whole.length}`, ...MODIFIED]);
    call.data(whole.subarray(0, MIB));
    const reading = bodyOf(worker, await obtaining);
    call.fail("ORIGIN_CLOSED");
    return { worker, reading, rest: await worker.origin.call(2) };
  };

  it("ON: requests for parts carry it", async () => {
    const host = new TestHost({ vhost: IF_RANGE });
    const whole = patternBytes(3 * MIB);
    const { reading, rest } = await beginBroken(host, whole);
    const from = Number(/bytes=(\d+)-/.exec(asked(rest, "Range") ?? "")?.[1]);
    expect(asked(rest, "If-Range")).toBe(MODIFIED[1]);
    rest.reply(206, whole.subarray(from), [
      ...MODIFIED,
      "Content-Range",
      `bytes ${from}-${whole.length - 1}/${whole.length}`,
    ]);
    expect((await reading).equals(whole)).toBe(true);
  });

  it("OFF: they do not", async () => {
    const { rest, reading } = await beginBroken(new TestHost(), patternBytes(3 * MIB));
    expect(asked(rest, "If-Range")).toBeUndefined();
    rest.reply(200, patternBytes(3 * MIB), MODIFIED);
    await reading;
  });

  it("answered by a 200 of another version: this request fails, the next one caches anew", async () => {
    const host = new TestHost({ vhost: IF_RANGE });
    const { worker, reading, rest } = await beginBroken(host, patternBytes(3 * MIB));
    const failed = expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    rest.reply(200, patternBytes(3 * MIB, 2), ["Last-Modified", "Sun, 30 Oct 1994 19:43:31 GMT"]);
    await failed;
    await until(
      () => worker.find("/f") === undefined && host.coordinator.fillsInProgress === 0,
      "the end of the object",
    );
    const obtaining = worker.obtain("/f");
    const anew = await worker.origin.call(3);
    expect(asked(anew, "Range")).toBeUndefined();
    anew.reply(200, "new", MODIFIED);
    expect(await obtaining).toMatchObject({ kind: "object", object: { bodyBytes: 3 } });
  });
});
