import { describe, expect, it } from "vitest";
import {
  bypassRequestFields,
  cacheRequestFields,
  type OriginRequestClient,
  probeRequestFields,
  proxiedRequestFields,
  responseFacts,
  validatorFields,
} from "../src/index.ts";
import { type VhostChanges, vhostWith } from "./settings.ts";

const CLIENT: OriginRequestClient = {
  clientIp: "10.0.0.5",
  host: "www.example.com:8080",
  userAgent: "Browser/1",
  xForwardedFor: undefined,
  protocol: "http",
  port: 80,
};

const fieldValue = (fields: readonly string[], name: string): string | undefined => {
  const index = fields.findIndex((text, position) => position % 2 === 0 && text === name);
  return index < 0 ? undefined : fields[index + 1];
};

const cacheValue = (name: string, originOptions: VhostChanges["originOptions"] = {}, client = CLIENT) =>
  fieldValue(cacheRequestFields(client, vhostWith({ originOptions }), ""), name);

describe("a request that fills the cache", () => {
  it("ORG-42 leaves Host to the table of addresses unless it is configured", () => {
    expect(cacheValue("Host")).toBeUndefined();
    expect(cacheValue("Host", { host: "www.example2.com:8080" })).toBe("www.example2.com:8080");
    expect(cacheValue("Host", { host: "*" })).toBe("www.example.com:8080");
    expect(cacheValue("Host", { host: "*" }, { ...CLIENT, host: undefined })).toBeUndefined();
  });

  it("ORG-43 sends the configured User-Agent or the client's", () => {
    expect(cacheValue("User-Agent", { userAgent: "STON" })).toBe("STON");
    expect(cacheValue("User-Agent", { userAgent: "*" })).toBe("Browser/1");
    expect(cacheValue("User-Agent", { userAgent: "*" }, { ...CLIENT, userAgent: undefined })).toBeUndefined();
  });

  it("ORG-44 extends the client's X-Forwarded-For or takes its first address", () => {
    const client = { ...CLIENT, clientIp: "128.134.9.1", xForwardedFor: "220.61.7.150, 61.1.9.100" };
    expect(cacheValue("X-Forwarded-For", {}, client)).toBe("220.61.7.150, 61.1.9.100, 128.134.9.1");
    expect(cacheValue("X-Forwarded-For", { xffClientIpOnly: true }, client)).toBe("220.61.7.150");
    expect(cacheValue("X-Forwarded-For")).toBe("10.0.0.5");
    expect(cacheValue("X-Forwarded-For", { xffClientIpOnly: true })).toBe("10.0.0.5");
    expect(cacheValue("X-Forwarded-For", {}, { ...CLIENT, xForwardedFor: " , " })).toBe("10.0.0.5");
  });

  it("AWS-36 extends, keeps or removes X-Forwarded-For", () => {
    const client = { ...CLIENT, xForwardedFor: "1.1.1.1" };
    const sent = (xff: "append" | "preserve" | "remove", from: OriginRequestClient = client) =>
      cacheValue("X-Forwarded-For", { forwarded: { xff, proto: false, port: false } }, from);
    expect([sent("append"), sent("preserve"), sent("remove")]).toEqual(["1.1.1.1, 10.0.0.5", "1.1.1.1", undefined]);
    expect(sent("preserve", CLIENT)).toBeUndefined();
  });

  it("AWS-37 AWS-38, A7 of spec 12 tells how the client connected, whatever it says itself", () => {
    const client = { ...CLIENT, clientIp: "2.2.2.2", xForwardedFor: "1.1.1.1", protocol: "https", port: 443 };
    const forwarded = { xff: "append", proto: true, port: true } as const;
    const vhost = vhostWith({ originOptions: { forwarded } });
    const said = ["X-Forwarded-For", "1.1.1.1", "X-Forwarded-Proto", "gopher", "x-forwarded-port", "70"];
    for (const fields of [
      cacheRequestFields(client, vhost, ""),
      proxiedRequestFields(said, client, vhost, ""),
      bypassRequestFields(said, client, vhost),
    ]) {
      const told = fields.filter((_, index) => /^x-forwarded/i.test(fields[index - (index % 2)] ?? ""));
      expect(told).toEqual([
        "X-Forwarded-For",
        "1.1.1.1, 2.2.2.2",
        "X-Forwarded-Proto",
        "https",
        "X-Forwarded-Port",
        "443",
      ]);
    }
    const untold = bypassRequestFields(said, client, vhostWith());
    expect(untold).toEqual(expect.arrayContaining(["X-Forwarded-Proto", "gopher"]));
  });

  it("ORG-48 asks for compressed content for the encoded variant only", () => {
    expect(fieldValue(cacheRequestFields(CLIENT, vhostWith(), "encoded"), "Accept-Encoding")).toBe("gzip, deflate");
    expect(fieldValue(cacheRequestFields(CLIENT, vhostWith(), ""), "Accept-Encoding")).toBeUndefined();
  });

  it("ORG-45 adds WL-Proxy-Client-IP when it is wanted", () => {
    expect(cacheValue("WL-Proxy-Client-IP")).toBeUndefined();
    expect(cacheValue("WL-Proxy-Client-IP", { wlProxyClientIp: true })).toBe("10.0.0.5");
  });

  it("hands nothing else on of what the client sent", () => {
    expect(cacheRequestFields(CLIENT, vhostWith(), "")).toEqual([
      "User-Agent",
      "Basalt",
      "X-Forwarded-For",
      "10.0.0.5",
    ]);
  });
});

describe("a request that fills a conforming shared cache (RFC 9110 7.6.1)", () => {
  const proxied = (sent: readonly string[], variant: "" | "encoded" = "") =>
    proxiedRequestFields(sent, CLIENT, vhostWith(), variant);
  const OWN = ["User-Agent", "Basalt", "X-Forwarded-For", "10.0.0.5"];

  it("hands on what the client sent, known or not", () => {
    const sent = ["Foo", "1", "foo", "2", "Authorization", "x", "Cookie", "a=1", "Accept", "b", "Pragma", "no-cache"];
    expect(proxied(sent)).toEqual([...OWN, ...sent]);
  });

  it("keeps to itself what concerns its own exchange with the client", () => {
    const sent = [
      ...["Host", "h", "User-Agent", "u", "X-Forwarded-For", "1.1.1.1", "Range", "bytes=0-1", "If-Range", "x"],
      ...["If-Match", "*", "If-None-Match", "*", "If-Modified-Since", "x", "If-Unmodified-Since", "x"],
      ...["Accept-Encoding", "br", "Content-Length", "0", "Expect", "100-continue", "TE", "trailers"],
      ...["Connection", "close, X-Hop", "X-Hop", "1", "Transfer-Encoding", "chunked", "Proxy-Authorization", "x"],
    ];
    expect(proxied(sent)).toEqual(OWN);
    expect(proxied(sent, "encoded")).toEqual([...OWN, "Accept-Encoding", "gzip, deflate"]);
  });

  it("ORG-45 lets nobody else say what is sent as WL-Proxy-Client-IP", () => {
    const sent = ["wl-proxy-client-ip", "1.1.1.1"];
    const vhost = vhostWith({ originOptions: { wlProxyClientIp: true } });
    expect(proxiedRequestFields(sent, CLIENT, vhost, "")).toEqual([...OWN, "WL-Proxy-Client-IP", "10.0.0.5"]);
    expect(proxied(sent)).toEqual([...OWN, ...sent]);
  });

  it.each([
    ["only-if-cached", undefined],
    ["Only-If-Cached, max-age=5 ,x", "max-age=5, x"],
    ["max-age=5 ,only-if-cached-not", "max-age=5 ,only-if-cached-not"],
  ])("leaves only-if-cached out of `%s`", (sent, expected) => {
    expect(fieldValue(proxied(["Cache-Control", sent]), "Cache-Control")).toBe(expected);
  });
});

describe("a renewal", () => {
  const facts = responseFacts(200, ["Last-Modified", "Sat, 29 Oct 1994 19:43:31 GMT", "ETag", '"x"']);

  it("TTL-02 asks with If-Modified-Since", () => {
    expect(validatorFields(facts, { originalETag: false })).toEqual([
      "If-Modified-Since",
      "Sat, 29 Oct 1994 19:43:31 GMT",
    ]);
    expect(validatorFields(responseFacts(200, []), { originalETag: true })).toEqual([]);
  });

  it("ORG-46 adds If-None-Match with OriginalETag", () => {
    expect(validatorFields(facts, { originalETag: true })).toEqual([
      ...["If-None-Match", '"x"'],
      ...["If-Modified-Since", "Sat, 29 Oct 1994 19:43:31 GMT"],
    ]);
  });

  it("ORG-50 in the background carries the values of the request that triggered it; probes have no client", () => {
    expect(cacheValue("User-Agent", { userAgent: "*" }, CLIENT)).toBe("Browser/1");
    expect(probeRequestFields({ host: "", userAgent: "Basalt" })).toEqual(["User-Agent", "Basalt"]);
    expect(probeRequestFields({ host: "*", userAgent: "*" })).toEqual([]);
    expect(probeRequestFields({ host: "h", userAgent: "" })).toEqual(["Host", "h"]);
  });
});

describe("a bypassed request", () => {
  const SENT = [
    ...["Host", "www.example.com", "User-Agent", "Browser/1", "Cookie", "a=1", "Cookie", "b=2"],
    ...["Connection", "close, X-Hop", "X-Hop", "1", "Transfer-Encoding", "chunked", "Content-Length", "3"],
    ...["X-Forwarded-For", "1.1.1.1", "Expect", "100-continue", "Accept-Encoding", "br"],
  ];
  const client: OriginRequestClient = { ...CLIENT, host: "www.example.com", xForwardedFor: "1.1.1.1" };
  const bypass = (originOptions: VhostChanges["originOptions"] = {}, from = client, sent = SENT) =>
    bypassRequestFields(sent, from, vhostWith({ originOptions }));

  it("BYP-15 keeps end-to-end fields, cookies too, and drops hop-by-hop ones and framing", () => {
    expect(bypass()).toEqual([
      ...["Cookie", "a=1", "Cookie", "b=2", "Accept-Encoding", "br"],
      ...["User-Agent", "Browser/1", "X-Forwarded-For", "1.1.1.1, 10.0.0.5"],
    ]);
  });

  it("BYP-14 chooses each default field by its Bypass switch (OPEN 7, reading A)", () => {
    expect(fieldValue(bypass({ userAgentBypass: true, userAgent: "STON" }), "User-Agent")).toBe("STON");
    expect(fieldValue(bypass({ userAgentBypass: false, userAgent: "STON" }), "User-Agent")).toBe("Browser/1");
    expect(fieldValue(bypass({ hostBypass: true, host: "h" }), "Host")).toBe("h");
    expect(fieldValue(bypass({ hostBypass: true }), "Host")).toBeUndefined();
    expect(fieldValue(bypass({ hostBypass: false, host: "h" }), "Host")).toBe("www.example.com");
    expect(fieldValue(bypass({ xffClientIpOnlyBypass: true, xffClientIpOnly: true }), "X-Forwarded-For")).toBe(
      "1.1.1.1",
    );
    expect(fieldValue(bypass({ xffClientIpOnlyBypass: false }), "X-Forwarded-For")).toBe("1.1.1.1");
  });

  it("BYP-14, ORG-45 sends WL-Proxy-Client-IP by its Bypass switch", () => {
    const sent = ["Host", "www.example.com", "WL-Proxy-Client-IP", "1.1.1.1"];
    const named = (originOptions: VhostChanges["originOptions"]) =>
      fieldValue(bypass(originOptions, client, sent), "WL-Proxy-Client-IP");
    expect(named({ wlProxyClientIp: true, wlProxyClientIpBypass: true })).toBe("10.0.0.5");
    expect(named({ wlProxyClientIp: true, wlProxyClientIpBypass: false })).toBe("1.1.1.1");
    expect(named({ wlProxyClientIp: false, wlProxyClientIpBypass: true })).toBe("1.1.1.1");
    expect(
      bypass({ wlProxyClientIp: true }, client, sent).filter((text) => text === "WL-Proxy-Client-IP"),
    ).toHaveLength(1);
  });

  it("BYP-14 sends none where the switch is off and the client sent none", () => {
    const bare = {
      clientIp: "10.0.0.5",
      host: "www.example.com",
      userAgent: undefined,
      xForwardedFor: undefined,
      protocol: "http",
      port: 80,
    };
    const fields = bypass({ userAgentBypass: false, xffClientIpOnlyBypass: false }, bare, ["Host", "www.example.com"]);
    expect(fields).toEqual([]);
  });
});
