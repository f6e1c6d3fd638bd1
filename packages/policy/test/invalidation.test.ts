import { METHOD, type Method } from "@basalt/http";
import { describe, expect, it } from "vitest";
import { invalidatedUrls, sameOriginUrl } from "../src/index.ts";

const TARGET = { scheme: "http", authority: "www.example.com", url: "/dir/a?x=1" };

const of = (method: Method, status: number, ...fields: readonly string[]) =>
  invalidatedUrls(method, status, TARGET, fields);

describe("URLs that an unsafe request invalidates (RFC 9111 4.4)", () => {
  it.each([METHOD.POST, METHOD.PUT, METHOD.DELETE, METHOD.PATCH, METHOD.OTHER])(
    "are the target, Location and Content-Location for method %d",
    (method) => {
      const fields = ["Location", "b", "content-location", "http://WWW.example.com:80/c?y#z"];
      expect(of(method, 201, ...fields)).toEqual(["/dir/a?x=1", "/dir/b", "/c?y"]);
    },
  );

  it.each([METHOD.GET, METHOD.HEAD, METHOD.OPTIONS, METHOD.TRACE])("are none for the safe method %d", (method) => {
    expect(of(method, 200, "Location", "/b")).toEqual([]);
  });

  it.each([
    [200, 1],
    [204, 1],
    [303, 1],
    [101, 0],
    [400, 0],
    [404, 0],
    [500, 0],
  ])("depend on the status: %d gives %d", (status, count) => {
    expect(of(METHOD.POST, status)).toHaveLength(count);
  });

  it.each([
    ["/b?c", "/b?c"],
    ["/b//c%2f|{}#d", "/b//c%2f|{}"],
    ["/b/../c", "/c"],
    ["?q", "/dir/a?q"],
    ["", "/dir/a?x=1"],
    ["../c", "/c"],
    ["//www.example.com/c", "/c"],
    ["//other.example.com/c", undefined],
    ["https://www.example.com/c", undefined],
    ["http://www.example.com:8080/c", undefined],
    ["http://www.example.com", "/"],
    ["/\\other.example.com/c", undefined],
    ["\\\\other.example.com/c", undefined],
    ["http://[", undefined],
    ["mailto:a@b", undefined],
    ["/ä", "/%C3%A4"],
  ])("take `%s` as %s", (reference, expected) => {
    expect(sameOriginUrl(reference, TARGET)).toBe(expected);
  });

  it("reckon with targets and hosts that make no URL", () => {
    expect(sameOriginUrl("b", { ...TARGET, url: "*" })).toBe("/b");
    expect(sameOriginUrl("b", { ...TARGET, authority: "a b" })).toBeUndefined();
    expect(sameOriginUrl("/b", { scheme: "https", authority: "[::1]:8443", url: "/" })).toBe("/b");
  });
});
