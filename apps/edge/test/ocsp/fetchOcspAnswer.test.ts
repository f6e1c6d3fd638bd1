import type { ServerResponse } from "node:http";
import type { OriginResolver } from "@basalt/origin";
import { type OcspReply, type OcspResponder, startOcspResponder } from "@basalt/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type FetchOcspOptions, fetchOcspAnswer, MOST_BYTES } from "../../src/ocsp/fetchOcspAnswer.ts";

const BODY = Buffer.from("question");
const open: OcspResponder[] = [];
afterEach(async () => {
  for (const responder of open.splice(0)) await responder.close();
});

const respond = async (reply: OcspReply): Promise<OcspResponder> => {
  const responder = await startOcspResponder(reply);
  open.push(responder);
  return responder;
};

/** Every name stands for these. */
const resolverOf = (...ips: readonly string[]): OriginResolver => ({
  resolve: (_, family) =>
    Promise.resolve(ips.filter((ip) => ip.includes(":") === (family === 6)).map((ip) => ({ ip, ttlSeconds: 1 }))),
});

const fetchFrom = (url: string, change: Partial<FetchOcspOptions> = {}): Promise<Buffer> =>
  fetchOcspAnswer({
    responder: new URL(url),
    body: BODY,
    allow: ["127.0.0.0/8"],
    resolver: resolverOf(),
    signal: new AbortController().signal,
    ...change,
  });

describe("a responder is asked", () => {
  it("by POST, with what the request says", async () => {
    const responder = await respond(Buffer.from("answer"));
    expect(String(await fetchFrom(responder.url))).toBe("answer");
    expect(responder.requests).toEqual([{ method: "POST", contentType: "application/ocsp-request", body: BODY }]);
  });

  it("at the addresses that were looked at", async () => {
    const responder = await respond(Buffer.from("answer"));
    const url = responder.url.replace("127.0.0.1", "ocsp.test");
    expect(String(await fetchFrom(url, { resolver: resolverOf("127.0.0.1", "10.0.0.1") }))).toBe("answer");
    expect(String(await fetchFrom(url, { resolver: resolverOf("127.0.0.1"), allow: ["ocsp.test"] }))).toBe("answer");
  });

  it.each([
    ["http://127.0.0.1:1/", [], []],
    ["http://[::1]:1/", [], []],
    ["http://2130706433:1/", [], []],
    ["http://0x7f.1:1/", [], []],
    ["http://[::ffff:127.0.0.1]:1/", [], []],
    ["http://169.254.169.254/latest", [], ["127.0.0.0/8"]],
    ["http://ocsp.test:1/", ["10.0.0.1", "fd00::1"], ["127.0.0.0/8", "other.test"]],
  ])("%s, which stands for %j, is not asked with OCSPAllow %j", async (url, ips, allow) => {
    await expect(fetchFrom(url, { resolver: resolverOf(...ips), allow })).rejects.toThrow("is no public one");
  });

  it("not when its name has no address", async () => {
    await expect(fetchFrom("http://ocsp.test/")).rejects.toThrow("its name has no address");
  });
});

describe("a responder costs no more than a failure", () => {
  const head = { "Content-Type": "application/ocsp-response" };
  const long = (response: ServerResponse): void => {
    response.writeHead(200, head);
    response.on("error", () => {});
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384)));
    };
    response.on("drain", more);
    more();
  };

  it.each<readonly [string, OcspReply, string]>([
    ["answers without end", long, `longer than ${MOST_BYTES} bytes`],
    ["answers 64 KB and one byte", Buffer.alloc(MOST_BYTES + 1), `longer than ${MOST_BYTES} bytes`],
    ["redirects", (response) => response.writeHead(302, { Location: "/elsewhere" }).end(), "status 302"],
    ["has an error", (response) => response.writeHead(500).end("sorry"), "status 500"],
    ["never answers", () => {}, "no answer within 0.3 s"],
    ["stops in the middle", (response) => response.writeHead(200, head).write("half"), "no answer within 0.3 s"],
    [
      "breaks off",
      (response) => {
        response.writeHead(200, { ...head, "Content-Length": 100 });
        response.write("half", () => response.destroy());
      },
      "aborted",
    ],
    ["closes at once", (response) => response.destroy(), "socket hang up"],
    ["is none", (response) => response.socket?.end("garbage\r\n\r\n"), "Parse Error"],
  ])("that %s", async (_, reply, reason) => {
    const responder = await respond(reply);
    await expect(fetchFrom(responder.url, { limitMs: reason.includes("0.3 s") ? 300 : 10_000 })).rejects.toThrow(
      reason,
    );
    expect(responder.requests).toHaveLength(1);
  });

  it("whose name is never resolved", async () => {
    const resolver: OriginResolver = { resolve: () => new Promise(() => {}) };
    await expect(fetchFrom("http://ocsp.test/", { resolver, limitMs: 100 })).rejects.toThrow("no answer within 0.1 s");
  });

  it("when the server stops meanwhile", async () => {
    const stopping = new AbortController();
    const responder = await respond(() => stopping.abort());
    await expect(fetchFrom(responder.url, { signal: stopping.signal })).rejects.toThrow("the server stops");
    await expect(fetchFrom(responder.url, { signal: stopping.signal })).rejects.toThrow("the server stops");
  });
});
