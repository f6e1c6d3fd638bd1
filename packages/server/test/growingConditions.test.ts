import { describe, expect, it } from "vitest";
import { type TestClient, TestEdge } from "./support/edge.ts";
import type { OriginCall } from "./support/fakeOrigin.ts";
import { until } from "./support/waiting.ts";

const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";
const LATER = "Fri, 02 Jan 2026 00:00:00 GMT";
const ORIGINAL = "<OriginOptions><OriginalETag>ON</OriginalETag></OriginOptions>";

/** A first client whose answer begins while its body still arrives. */
const begin = async (
  condition: string,
  { vhost = "", length = true, method = "GET" } = {},
): Promise<{ client: TestClient; call: OriginCall; edge: TestEdge }> => {
  const edge = new TestEdge({ vhost });
  const client = edge.connect().get("/a", [condition], method);
  const fields = ["Last-Modified", LAST_MODIFIED, "ETag", '"v1"', "Content-Type", "text/plain"];
  const call = await edge.origin.call();
  call.head(200, [...fields, ...(length ? ["Content-Length", "10"] : [])]);
  await until(() => client.socket.received.length > 0, "the head");
  return { client, call, edge };
};

const finish = (call: OriginCall): void => {
  call.data("0123456789");
  call.complete();
};

describe("conditions on a body that is still arriving", () => {
  it.each([
    ["If-Modified-Since", `If-Modified-Since: ${LAST_MODIFIED}`, ""],
    ["If-None-Match", 'If-None-Match: "v0", "v1"', ORIGINAL],
    ["any tag", "If-None-Match: *", ORIGINAL],
  ])("TTL-35: %s gives the first client a 304, and the object is stored all the same", async (_, condition, vhost) => {
    const { client, call, edge } = await begin(condition, { vhost });
    const response = await client.response();
    expect(response.status).toBe(304);
    expect([response.field("last-modified"), response.field("content-type")]).toEqual([LAST_MODIFIED, undefined]);
    expect([response.field("content-length"), response.field("transfer-encoding")]).toEqual([undefined, undefined]);
    finish(call);
    await until(() => client.get("/a").all().length > 1, "the stored object");
    expect(edge.origin.calls).toHaveLength(1);
  });

  it("also where the length is unknown", async () => {
    const { client, call } = await begin(`If-Modified-Since: ${LAST_MODIFIED}`, { length: false });
    expect((await client.response()).status).toBe(304);
    finish(call);
  });

  it("HTTP-27: orlater gives no 304 for a later date on the answer that fills the cache", async () => {
    const vhost = "<Options><LastModifiedCheck>orlater</LastModifiedCheck></Options>";
    const { client, call } = await begin(`If-Modified-Since: ${LATER}`, { vhost });
    finish(call);
    expect((await client.response()).status).toBe(200);
    const again = client.get("/a", [`If-Modified-Since: ${LATER}`]);
    expect((await again.responses(2))[1]?.status).toBe(304);
  });

  it("412 where a precondition fails", async () => {
    const { client, call } = await begin('If-Match: "other"', { vhost: ORIGINAL });
    expect((await client.response()).status).toBe(412);
    finish(call);
  });

  it("416 behind the end, and nothing of the body", async () => {
    const { client, call } = await begin("Range: bytes=10-");
    const response = await client.response();
    expect([response.status, response.field("content-range")]).toEqual([416, "bytes */10"]);
    finish(call);
  });

  it("HEAD gets 304 as well", async () => {
    const { client, call } = await begin(`If-Modified-Since: ${LAST_MODIFIED}`, { method: "HEAD" });
    expect((await client.response("HEAD")).status).toBe(304);
    finish(call);
  });

  it("HTTP-12: Age where it is switched on", async () => {
    const { client, call } = await begin("Accept: */*", { vhost: "<Options><AgeHeader>ON</AgeHeader></Options>" });
    finish(call);
    expect((await client.response()).field("age")).toBe("0");
  });
});
