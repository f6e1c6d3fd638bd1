import type { OriginAddress } from "@basalt/config";
import { describe, expect, it } from "vitest";
import { allowedAddresses, decideRedirect, fieldsForElsewhere } from "../src/index.ts";

const ADDRESS: OriginAddress = {
  text: "1.1.1.1:8080",
  scheme: "http",
  host: "1.1.1.1",
  port: 8080,
  isIp: true,
  pathPrefix: "",
  weight: 1,
  countries: [],
  hostField: "www.example.com:8080",
};

interface Asked {
  readonly address?: Partial<OriginAddress>;
  readonly target?: string;
  readonly host?: string;
  readonly standby?: readonly OriginAddress[];
}

const decide = (location: string | readonly string[] | undefined, asked: Asked = {}, status = 302) => {
  const address = { ...ADDRESS, ...asked.address };
  const locations = location === undefined ? [] : [location].flat();
  return decideRedirect(
    { status, fields: ["Content-Length", "0", ...locations.flatMap((value) => ["Location", value])] },
    { target: asked.target ?? "/dir/img.jpg?q=1", address, host: asked.host },
    {
      name: "www.example.com",
      aliases: ["example.com"],
      origin: { addresses: [address], standby: asked.standby ?? [], healthCheckers: [] },
    },
  );
};

const own = (target: string) => ({ kind: "own", target });

describe("ORG-55, VHT-42: redirects that are followed", () => {
  it.each([301, 302, 303, 307, 308])("%i", (status) => {
    expect(decide("/new_img.jpg", {}, status)).toEqual(own("/new_img.jpg"));
  });

  it.each([200, 201, 300, 304, 305, 306, 404, 500])("not %i", (status) => {
    expect(decide("/new_img.jpg", {}, status)).toBeUndefined();
  });

  it.each([
    ["an absolute path (VHT-45)", "/new_img.jpg", "/new_img.jpg"],
    ["a relative one", "../b.jpg?x#y", "/b.jpg?x"],
    ["a query alone", "?q=2", "/dir/img.jpg?q=2"],
    ["the host by its name", "http://WWW.example.com/b", "/b"],
    ["by an alias, on any port", "http://example.com:81/b", "/b"],
    ["by its address", "http://1.1.1.1:8080/b", "/b"],
    ["by the Host field that was sent", "//www.example.com:8080/b", "/b"],
    ["characters that no target may hold", "/a b\u00e9", "/a%20b%C3%A9"],
  ])("to its own servers: %s", (_, location, target) => expect(decide(location)).toEqual(own(target)));

  it("to its own servers: by the Host of the request", () => {
    expect(decide("http://other.test/b")).toMatchObject({ kind: "elsewhere" });
    expect(decide("http://other.test/b", { host: "other.test" })).toEqual(own("/b"));
  });

  it.each([
    ["to another host", "http://Cdn.test/b?x", { host: "cdn.test", port: 80, hostField: "cdn.test", target: "/b?x" }],
    ["to another port", "http://1.1.1.1/b", { host: "1.1.1.1", port: 80, hostField: "1.1.1.1", target: "/b" }],
    ["to an IPv6 address", "http://[::1]:81/", { host: "::1", port: 81, hostField: "[::1]:81", target: "/" }],
    [
      "to a number that is an address",
      "http://2130706433/",
      { host: "127.0.0.1", port: 80, hostField: "127.0.0.1", target: "/" },
    ],
  ])("%s", (_, location, place) => {
    expect(decide(location)).toEqual({ kind: "elsewhere", scheme: "http", ...place });
  });

  it.each([
    ["without Location (VHT-44)", undefined],
    ["with two", ["/a", "/b"]],
    ["with an empty host", "http:///"],
    ["with nonsense", "http://[x]/"],
    ["with a port that is none", "http://a:99999/"],
    ["of another scheme", "ftp://a/"],
    ["to a script", "javascript:alert(1)"],
    ["with credentials", "http://u:p@a/"],
    ["to itself", "/dir/img.jpg?q=1"],
    ["to itself by name", "http://www.example.com/dir/img.jpg?q=1#top"],
    ["to https, which is not configured (VHT-47)", "https://a/"],
  ])("not %s", (_, location) => expect(decide(location)).toBeUndefined());

  it("https where one of the host's addresses is reached by it", () => {
    const standby = [{ ...ADDRESS, scheme: "https" as const, port: 443 }];
    const place = { scheme: "https", host: "a.test", port: 443, hostField: "a.test", target: "/" };
    expect(decide("https://a.test/", { standby })).toEqual({ kind: "elsewhere", ...place });
    expect(decide("https://www.example.com/b", { standby })).toEqual(own("/b"));
  });

  it("within the path prefix of the address only (CFG-13)", () => {
    const address = { pathPrefix: "/data" };
    expect(decide("/data/b", { address })).toEqual(own("/b"));
    expect(decide("b", { address, target: "/a" })).toEqual(own("/b"));
    expect(decide("/b", { address })).toBeUndefined();
    expect(decide("/database/b", { address })).toBeUndefined();
    expect(decide("/data/../b", { address })).toBeUndefined();
  });
});

describe("ORG-55: where a redirect to another host may lead", () => {
  const ips = ["8.8.8.8", "10.0.0.1", "127.0.0.1", "::1", "2606:4700::1", "fd00::5"];
  it.each([
    ["public addresses", [], ["8.8.8.8", "2606:4700::1"]],
    ["an address of the list", ["127.0.0.1"], ["8.8.8.8", "127.0.0.1", "2606:4700::1"]],
    ["a network of the list", ["10.0.0.0/8"], ["8.8.8.8", "10.0.0.1", "2606:4700::1"]],
    ["an IPv6 network of the list", ["fd00::/8"], ["8.8.8.8", "2606:4700::1", "fd00::5"]],
    ["all of a name of the list", ["cdn.test"], ips],
    ["all of names of the list", ["*.test"], ips],
    ["other names say nothing", ["test", "*x.test", "cdn", "n.test"], ["8.8.8.8", "2606:4700::1"]],
  ])("%s", (_, allow, expected) => expect(allowedAddresses("cdn.test", ips, allow)).toEqual(expected));

  it("credentials and Host stay here", () => {
    const sent = ["Host", "a", "cookie", "x", "Authorization", "y", "Accept", "z", "Range", "bytes=0-"];
    expect(fieldsForElsewhere(sent)).toEqual(["Accept", "z", "Range", "bytes=0-"]);
  });
});
