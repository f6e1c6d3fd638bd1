import { EdgeError } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideHost, fieldBytes, prefixTarget, prepareHead } from "../src/requestHead.ts";
import { getRequest } from "./support/exchange.ts";
import { addressAt } from "./support/settings.ts";

const detailOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof EdgeError ? `${error.code} ${error.detail}` : "foreign error";
  }
  return "accepted";
};

describe("Host and target", () => {
  const address = addressAt(8080, { hostField: "www.example.com:8080" });

  it.each([
    { own: undefined, configured: "", host: "www.example.com:8080", spec: "CFG-12 uses the table by default" },
    {
      own: undefined,
      configured: "www.example2.com:8080",
      host: "www.example2.com:8080",
      spec: "ORG-42 text is sent as is",
    },
    { own: "m.example.com", configured: "*", host: "m.example.com", spec: "ORG-42 * sends the client's" },
    {
      own: undefined,
      configured: "*",
      host: "www.example.com:8080",
      spec: "ORG-42 * without a client's uses the table",
    },
    {
      own: "m.example.com",
      configured: "x.example.com",
      host: "m.example.com",
      spec: "ORG-42 leaves a Host already put",
    },
  ])("$spec", ({ own, configured, host }) => {
    expect(decideHost(own, configured, address)).toBe(host);
  });

  it("CFG-13 puts the path of the address in front", () => {
    expect(prefixTarget("/img.jpg", addressAt(80, { pathPrefix: "/account/dir" }))).toBe("/account/dir/img.jpg");
    expect(prefixTarget("/", addressAt(8888, { pathPrefix: "/account/dir" }))).toBe("/account/dir/");
    expect(prefixTarget("/a?b=c", address)).toBe("/a?b=c");
  });
});

describe("fields", () => {
  it("keeps end-to-end fields as they are and drops what belongs to a connection or to framing", () => {
    const fields = [
      "X-A",
      "1",
      "Connection",
      "x",
      "TE",
      "trailers",
      "Content-Length",
      "5",
      "x-a",
      "2",
      "Expect",
      "100-continue",
    ];
    expect(prepareHead(getRequest("/", { fields }))).toEqual({
      fields: ["X-A", "1", "x-a", "2"],
      host: undefined,
      upgrade: undefined,
    });
  });

  it("takes Host and Upgrade out", () => {
    const fields = ["HOST", "a.b", "Upgrade", "websocket", "upgrade", "foo/1"];
    expect(prepareHead(getRequest("/", { fields }))).toEqual({ fields: [], host: "a.b", upgrade: "websocket, foo/1" });
  });

  it.each([
    { hostile: getRequest("/a b"), what: "invalid character in the target" },
    { hostile: getRequest("/a\r\nX: y"), what: "invalid character in the target" },
    { hostile: getRequest("/\u010a"), what: "invalid character in the target" },
    { hostile: getRequest("http://a/"), what: "target is not in origin-form" },
    { hostile: getRequest("/", { method: "GET /x" }), what: "method is not a token" },
    { hostile: getRequest("/", { fields: ["a"] }), what: "field without a value" },
    { hostile: getRequest("/", { fields: ["a:b", "c"] }), what: "field name is not a token" },
    { hostile: getRequest("/", { fields: ["a", "b\r\nc: d"] }), what: "invalid character in field a" },
    { hostile: getRequest("/", { fields: ["a", "\u010a"] }), what: "invalid character in field a" },
    { hostile: getRequest("/", { fields: ["Host", "a", "host", "b"] }), what: "more than one Host" },
  ])("refuses: $what", ({ hostile, what }) => {
    expect(detailOf(() => prepareHead(hostile))).toBe(`INTERNAL origin request: ${what}`);
  });

  it("does not speak CONNECT to an origin", () => {
    expect(detailOf(() => prepareHead(getRequest("/", { method: "CONNECT" })))).toContain("METHOD_NOT_IMPLEMENTED");
  });

  it("lets no text through that could start a line of its own", () => {
    const text = fc.string({ unit: "binary", maxLength: 12 });
    fc.assert(
      fc.property(text, fc.array(fc.tuple(text, text)), (target, pairs) => {
        const request = getRequest(`/${target}`, { fields: pairs.flat() });
        if (detailOf(() => prepareHead(request)) !== "accepted") return;
        const wire = Buffer.from([request.target, ...prepareHead(request).fields].join(""), "latin1").toString(
          "latin1",
        );
        expect(wire).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
      }),
    );
  });

  it("counts what a field line takes on the wire", () => {
    expect(fieldBytes(["a", "b", "cc", "dd"])).toBe("a: b\r\ncc: dd\r\n".length);
  });
});
