import type { DeriveOperation } from "@basalt/policy";
import { describe, expect, it } from "vitest";
import { TestEdge } from "./support/edge.ts";

const encrypting = (token: string, options = "") => ({
  vhost: `<Options><Drm Status="Active"><Token>${token}</Token></Drm>${options}</Options>`,
});

/** A body that tells by which key it was made, as long as its source. */
const sealed = (body: Buffer, operation: DeriveOperation): Buffer => {
  const key = operation.kind === "encrypt" ? Buffer.from(operation.key).toString() : "";
  return Buffer.from(key.repeat(body.length).slice(0, body.length));
};

describe("encrypted content", () => {
  it("DRM-15 is made of the plain form, whatever codings the client takes", async () => {
    const edge = new TestEdge(encrypting("ABCDE"));
    edge.onDerive = sealed;
    const client = edge.connect().get("/a.mp3/drm", ["Accept-Encoding: gzip, br"]);
    (await edge.origin.call(1)).reply(200, "encoded", ["Content-Encoding", "gzip"]);
    const call = await edge.origin.call(2);
    expect([call.request.target, call.request.fields.includes("Accept-Encoding")]).toEqual(["/a.mp3", false]);
    call.reply(200, "0123456789");
    const [first] = await client.responses(1);
    expect([first?.status, String(first?.body), first?.field("content-encoding")]).toEqual([
      200,
      "ABCDEABCDE",
      undefined,
    ]);
    client.get("/a.mp3/drm");
    await client.responses(2);
    expect([edge.deriveCalls, edge.origin.calls.length]).toEqual([1, 2]);
  });

  it("DRM-16 HTTP-76 has another tag under another key, and is made anew", async () => {
    const edge = new TestEdge(encrypting("ABCDE"));
    edge.onDerive = sealed;
    await edge.store("/a.mp3", "0123456789");
    const client = edge.connect().get("/a.mp3/drm");
    const [first] = await client.responses(1);
    edge.configure(encrypting("VWXYZ"), 2);
    const later = edge.connect();
    later.get("/a.mp3/drm", [`If-None-Match: ${first?.field("etag")}`]);
    const [second] = await later.responses(1);
    expect([second?.status, String(second?.body)]).toEqual([200, "VWXYZVWXYZ"]);
    expect(second?.field("etag")).not.toBe(first?.field("etag"));
    edge.configure(encrypting("ABCDE"), 3);
    const last = edge.connect().get("/a.mp3/drm", [`If-None-Match: ${first?.field("etag")}`]);
    expect((await last.responses(1))[0]?.status).toBe(304);
    expect(edge.deriveCalls).toBe(2);
  });

  it("DRM-04 HTTP-66 is refused where the source is too large, and the plain form is not", async () => {
    const edge = new TestEdge({
      vhost: '<Options><Drm Status="Active" MaxSourceSize="1"><Token>ABCDE</Token></Drm></Options>',
    });
    await edge.store("/a.mp3", "x".repeat(1024 ** 2 + 1));
    const client = edge.connect().get("/a.mp3/drm");
    expect((await client.responses(1))[0]?.status).toBe(500);
    expect(edge.deriveCalls).toBe(0);
  });
});
