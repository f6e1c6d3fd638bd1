import { cacheResultSlot, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { InternalRequests } from "../src/index.ts";
import { HOST, TestEdge } from "./support/edge.ts";

const MOUNTED = '<Options><FileSystem Status="Active"/></Options>';
const BODY = "0123456789";

const never = new AbortController().signal;

const begin = async (vhost = MOUNTED) => {
  const edge = new TestEdge({ vhost });
  await edge.store("/a", BODY, ["ETag", '"1"']);
  edge.logged.length = 0;
  const requests = new InternalRequests(edge.server);
  const ask = (kind: Parameters<InternalRequests["run"]>[0]["kind"], target = "/a", signal = never) =>
    requests.run({ host: HOST, target, port: 80, kind }, signal);
  return { edge, requests, ask };
};

describe("requests from inside the process", () => {
  it("FS-40 take the way of all, and count and log nothing", async () => {
    const { edge, ask } = await begin();
    const offset = edge.vhostCounters();
    const before = edge.counters.values.slice(offset, offset + VHOST_SLOT.clientRequests + 1);
    const head = await ask("HEAD");
    expect(head).toMatchObject({ status: 200, result: "TCP_HIT", booked: HOST, isComplete: true, data: undefined });
    expect(head.fields).toContain("content-length");
    expect(head.storedAtMs).toBeTypeOf("number");
    expect((await ask({ from: 2, to: 6 })).data?.toString()).toBe("2345");
    expect(await ask("measure")).toMatchObject({ bodyBytes: 10, data: undefined });
    expect(edge.counters.values.slice(offset, offset + VHOST_SLOT.clientRequests + 1)).toEqual(before);
    expect(edge.counters.get(offset + cacheResultSlot("TCP_HIT"))).toBe(0);
    expect(edge.logged).toEqual([]);
    expect(edge.server.connectionCount).toBe(0);
  });

  it("FS-20 bring what is not there", async () => {
    const { edge, ask } = await begin();
    const asked = ask({ from: 0, to: 4 }, "/b");
    (await edge.origin.call(2)).reply(200, "abcdefgh");
    expect((await asked).data?.toString()).toBe("abcd");
  });

  it("FS-45 that are given up end, and the object arrives all the same", async () => {
    const { edge, ask } = await begin();
    const controller = new AbortController();
    const asked = ask("HEAD", "/b", controller.signal);
    const call = await edge.origin.call(2);
    controller.abort();
    await expect(asked).rejects.toThrow();
    call.reply(200, "abc");
    expect((await ask({ from: 0, to: 3 }, "/b")).data?.toString()).toBe("abc");
    expect(edge.defects).toEqual([]);
  });

  it("FS-22 a stretch of an answer that has no ranges is taken out of it, and the rest is left", async () => {
    const { edge, ask } = await begin();
    const asked = ask({ from: 2, to: 4 }, "/b");
    const call = await edge.origin.call(2);
    call.head(200, []).data("abc");
    call.data("defg");
    expect((await asked).data?.toString()).toBe("cd");
    call.complete();
    expect(edge.defects).toEqual([]);
  });

  it("FS-05 find no host that is not mounted", async () => {
    const { edge, ask } = await begin("");
    expect(await ask("HEAD")).toMatchObject({ errorCode: "VHOST_UNKNOWN", vhost: undefined });
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("FS-43 that are none are refused, and the next one is served", async () => {
    const { ask } = await begin();
    expect((await ask("HEAD", "/a b")).errorCode).toBe("REQUEST_MALFORMED");
    expect((await ask("HEAD", `/${"a".repeat(10_000)}`)).errorCode).toBe("REQUEST_MALFORMED");
    expect((await ask("HEAD")).status).toBe(200);
  });

  it("FS-11 delete without a role", async () => {
    const { edge, ask } = await begin();
    expect((await ask("EXPIRE")).status).toBe(200);
    expect(edge.purges).toMatchObject([{ verb: "expire", target: `${HOST}/a`, isOfMount: true }]);
  });

  it("FS-45 are not taken any more after the end", async () => {
    const { requests, ask } = await begin();
    requests.close();
    expect((await ask("HEAD")).errorCode).toBe("SHUTTING_DOWN");
  });
});
