import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Asked, explain, openSite, understand } from "./site.ts";

const SITE = openSite();

const reasonFor = (url: string, asked: Asked = {}): string => {
  const understood = understand(url, asked, SITE);
  return understood.kind === "malformed" ? understood.reason : understood.kind;
};

const refusalFor = (url: string, asked: Asked = {}): string => {
  const understood = understand(url, asked, SITE);
  return understood.kind === "refused" ? understood.refusal.verdict : understood.kind;
};

describe("a question that cannot be understood", () => {
  it.each<readonly [string, string, Asked]>([
    ["", "The URL names no host; write it as http://host/path.", {}],
    ["/a", "The URL names no host", {}],
    ["http:///a", "The URL names no host", {}],
    ["ftp://www.example.com/a", "The scheme ftp is not served, only http and https.", {}],
    ["http://www.example.com/a b", "clients send a blank as %20", {}],
    ["http://www.example.com/a\r\nX: y", "a control character", {}],
    ["http://www.example.com:70000/", "70000 is no port.", {}],
    ["www.example.com/a", '"GET / " is no method.', { method: "GET / " }],
    ["www.example.com/a", '"" is no method.', { method: "" }],
    ["www.example.com/a", '"somewhere" is no client address.', { clientIp: "somewhere" }],
    ["www.example.com/a", "is no listening address", { listen: "here:80" }],
    ["www.example.com/a", "is no listening address", { listen: "*:0" }],
    ["www.example.com/a", 'The header "A: b\\r\\nC: d" cannot be sent.', { headers: { A: "b\r\nC: d" } }],
    ["www.example.com/a", 'The header "a b: c" cannot be sent.', { headers: { "a b": "c" } }],
  ])("%j: %s", (url, reason, asked) => {
    expect(reasonFor(url, asked)).toContain(reason);
  });

  it("never throws and never lets a second line into the request", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), fc.string(), (path, value, method) => {
        const understood = understand(`http://www.example.com/${path}`, { headers: { "X-Any": value }, method }, SITE);
        if (understood.kind !== "understood") return;
        expect(understood.request.fields.count).toBe(2);
        expect(understood.request.host).toBe("www.example.com");
      }),
    );
  });
});

describe("a request that the parser refuses", () => {
  it.each<readonly [string, string, string, Asked]>([
    ["a target that is too long", `www.example.com/${"a".repeat(9_000)}`, "414", {}],
    ["fields that are too long", "www.example.com/a", "431", { headers: { A: "b".repeat(40_000) } }],
    ["bytes that are no ASCII", "www.example.com/ä", "400", {}],
    ["user information", "user@www.example.com/a", "400", {}],
    ["a length that is none", "www.example.com/a", "400", { headers: { "Content-Length": "-1" } }],
    ["an expectation", "www.example.com/a", "417", { headers: { Expect: "miracles" } }],
    ["a transfer coding", "www.example.com/a", "501", { headers: { "Transfer-Encoding": "gzip, chunked" } }],
  ])("for %s", (_, url, status, asked) => {
    expect(refusalFor(url, asked)).toContain(`Would be refused with ${status}`);
  });
});

describe("a request as understood", () => {
  const read = (url: string, asked: Asked = {}) => {
    const understood = understand(url, asked, SITE);
    if (understood.kind !== "understood") throw new Error(JSON.stringify(understood));
    const { target, host, port, method } = understood.request;
    return { target, host, port, method };
  };

  it.each<readonly [string, Asked, Partial<ReturnType<typeof read>>]>([
    ["WWW.Example.com", {}, { target: "/", host: "www.example.com", port: 80 }],
    ["http://www.example.com?a=1", {}, { target: "/?a=1" }],
    ["http://www.example.com/a#part", {}, { target: "/a" }],
    ["https://www.example.com/", {}, { port: 80 }],
    ["http://shared.test:8080/", {}, { host: "shared.test:8080", port: 8080 }],
    ["http://[::1]:8080/", {}, { host: "[::1]:8080", port: 8080 }],
    ["www.example.com/", { listen: "[::1]:8080" }, { port: 8080 }],
    ["www.example.com/", { headers: { host: "other.example.com" } }, { host: "other.example.com" }],
    [
      "http://www.example.com/a",
      { isAbsolute: true, headers: { Host: "other.example.com" } },
      { target: "/a", host: "www.example.com" },
    ],
  ])("HTTP-33, CFG-58 %s %j", (url, asked, expected) => {
    expect(read(url, asked)).toMatchObject(expected);
  });

  it("says which port it assumes when nothing listens on the usual one", () => {
    const only = openSite({
      "server.xml": "<Server><Cache><Storage><Disk>/c</Disk></Storage></Cache></Server>",
      "vhosts.xml":
        '<Vhosts><Vhost Name="a.test"><Listen>*:8080</Listen><Origin><Address>10.0.0.1</Address></Origin></Vhost></Vhosts>',
    });
    const explained = explain("http://a.test/", {}, undefined, { site: only });
    expect(explained.steps[0]?.facts).toContainEqual({
      name: "port",
      value: 8080,
      because: "assumed, since nothing listens on 80",
    });
    expect(explained.outcome).toBe("miss");
  });
});
