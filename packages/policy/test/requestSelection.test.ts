import type { RequestSelection, SelectedNames } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCachingRules, compileKeyRules, compileRequestSelection, fillRequestFields } from "../src/index.ts";
import { type VhostChanges, vhostWith } from "./settings.ts";

const PROFILE: SelectedNames = { mode: "profile", names: [] };
const ALL: SelectedNames = { mode: "all", names: [] };
const NONE: SelectedNames = { mode: "none", names: [] };
const list = (...names: string[]): SelectedNames => ({ mode: "list", names });

const selecting = (changes: Partial<RequestSelection>): RequestSelection => ({
  headers: PROFILE,
  cookies: PROFILE,
  query: PROFILE,
  ...changes,
});

const hostWith = (changes: Partial<RequestSelection>, options: VhostChanges["options"] = {}) =>
  vhostWith({ options: { ...options, selection: selecting(changes) } });

const keyOf = (url: string, query: SelectedNames, options: VhostChanges["options"] = {}) =>
  compileKeyRules(hostWith({ query }, options)).canonicalUrl(url);

describe("AWS-54: the query", () => {
  it.each([
    ["/a?id=1&u=2", list("id"), "/a?id=1"],
    ["/a?u=2&id=1&x&id=3", list("id"), "/a?id=1&id=3"],
    ["/a?u=2", list("id"), "/a"],
    ["/a?id", list("id"), "/a?id"],
    ["/a?idx=1", list("id"), "/a"],
    ["/a?", list("id"), "/a"],
    ["/a", list("id"), "/a"],
    ["/a?id=1", NONE, "/a"],
    ["/a?id=1", ALL, "/a?id=1"],
  ])("%s, %j", (url, query, expected) => {
    expect(keyOf(url, query)).toBe(expected);
    expect(compileKeyRules(hostWith({ query })).originTarget(url, expected)).toBe(expected);
  });

  it("goes before ApplyQueryString, and by the case of the host", () => {
    expect(keyOf("/a?id=1&u=2", list("id"), { applyQueryString: false })).toBe("/a?id=1");
    expect(keyOf("/A?ID=1&u=2", list("Id"), { caseSensitive: false })).toBe("/a?id=1");
    expect(keyOf("/A?ID=1&u=2", list("Id"))).toBe("/A");
  });

  it("changes its own results no further", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (query) => {
        const once = keyOf(`/a?${query}`, list("id", "b"));
        expect(keyOf(once, list("id", "b"))).toBe(once);
      }),
    );
  });
});

const CLIENT = {
  clientIp: "10.0.0.5",
  host: "a.test",
  userAgent: "Browser/1",
  xForwardedFor: undefined,
  protocol: "https",
  port: 443,
};

/** Fields of a fill by lower-case name, of a request with these fields. */
const asked = (changes: Partial<RequestSelection>, sent: Readonly<Record<string, string>>, options = {}) => {
  const flat = Object.entries(sent).flat();
  const filling = {
    client: CLIENT,
    get: (name: string) => sent[name],
    toFlatArray: () => flat,
    hasKeyBody: false,
  };
  const fields = fillRequestFields(filling, hostWith(changes, options), "");
  return Object.fromEntries(
    fields.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), fields[index + 1]]] : [])),
  );
};

const SENT = { cookie: "u=1; lang=ko; s=2", "x-a": "1", "x-b": "2", "user-agent": "Browser/1", accept: "x/y" };

describe("AWS-54: fields and cookies for the origin", () => {
  it("only those that are named", () => {
    const fields = asked({ headers: list("x-a", "x-none", "user-agent"), cookies: list("lang", "s") }, SENT);
    expect([fields["x-a"], fields["x-b"], fields.accept, fields.cookie, fields["user-agent"]]).toEqual([
      "1",
      undefined,
      undefined,
      "lang=ko; s=2",
      "Browser/1",
    ]);
    expect("x-none" in fields).toBe(false);
  });

  it("none of them, also where a conforming cache hands all on", () => {
    for (const cachingProfile of ["guide", "rfc9111"] as const) {
      const fields = asked({ headers: NONE, cookies: NONE }, SENT, { cachingProfile });
      expect([fields["x-a"], fields.cookie, fields.accept]).toEqual([undefined, undefined, undefined]);
    }
  });

  it("all of them", () => {
    const fields = asked({ headers: ALL, cookies: ALL }, SENT);
    expect([fields["x-a"], fields["x-b"], fields.cookie, fields.accept]).toEqual(["1", "2", SENT.cookie, "x/y"]);
  });

  it("cookies alone leave fields to the profile", () => {
    expect(asked({ cookies: list("lang") }, SENT)).toMatchObject({ cookie: "lang=ko" });
    expect(asked({ cookies: list("lang") }, SENT)["x-a"]).toBeUndefined();
    expect(asked({ cookies: list("lang") }, SENT, { cachingProfile: "rfc9111" })).toMatchObject({
      cookie: "lang=ko",
      "x-a": "1",
    });
  });

  it("names of a list that options of their own decide are not handed on", () => {
    const fields = asked({ headers: list("host", "x-forwarded-for", "accept-encoding") }, { ...SENT, host: "evil" });
    expect([fields.host, fields["x-forwarded-for"], fields["accept-encoding"]]).toEqual([
      undefined,
      "10.0.0.5",
      undefined,
    ]);
  });
});

describe("AWS-54: a list may name what no origin is to get", () => {
  it("ranges, conditions and framing are neither handed on nor in the key", () => {
    const names = ["range", "if-none-match", "if-modified-since", "content-length", "te", "x-a"];
    const fields = asked({ headers: list(...names) }, Object.fromEntries(names.map((name) => [name, "1"])));
    expect(names.filter((name) => name in fields)).toEqual(["x-a"]);
    const { selectingFields } = compileCachingRules(hostWith({ headers: list(...names) }));
    expect(selectingFields([])).toEqual(["x-a"]);
  });

  it("AWS-37 AWS-38: what is said here of the connection stays as it is", () => {
    const changes = { options: { selection: selecting({ headers: list("x-forwarded-proto", "x-forwarded-port") }) } };
    const forwarded = { xff: "append", proto: true, port: true } as const;
    const host = vhostWith({ ...changes, originOptions: { forwarded } });
    const filling = { client: CLIENT, get: () => "evil", toFlatArray: () => [], hasKeyBody: false };
    const fields = fillRequestFields(filling, host, "");
    expect(fields).toEqual(expect.arrayContaining(["X-Forwarded-Proto", "https", "X-Forwarded-Port", "443"]));
    expect(fields).not.toContain("evil");
  });
});

describe("AWS-54: what tells objects apart", () => {
  const namesOf = (changes: Partial<RequestSelection>, vary: readonly string[] | "*", options = {}) =>
    compileCachingRules(hostWith(changes, options)).selectingFields(vary);

  it.each([
    [{ headers: list("x-b", "x-a") }, [], {}, ["x-a", "x-b"]],
    [{ cookies: list("lang") }, ["accept-language"], { varyHeader: ["*"] }, ["accept-language", "cookie"]],
    [{ headers: list("x-a") }, ["accept-language", "cookie"], { varyHeader: ["*"] }, ["x-a"]],
    [{ cookies: NONE }, ["cookie", "x-a"], { varyHeader: ["*"] }, ["x-a"]],
    [{ headers: NONE, cookies: NONE }, "*", { varyHeader: ["*"] }, []],
    [{ headers: ALL }, [], {}, "*"],
    [{ cookies: ALL }, "*", { varyHeader: ["*"] }, "*"],
    [{ headers: list("cookie") }, [], {}, ["cookie"]],
  ] as const)("%j with Vary %j, %j", (changes, vary, options, expected) => {
    expect(namesOf(changes, vary, options)).toEqual(expected);
  });

  it("A11 of spec 12: other cookies make no difference, the one that is named does", () => {
    const selector = compileRequestSelection(hostWith({ cookies: list("lang") }).options);
    const read = (cookie: string | undefined) => selector?.read("cookie", () => cookie);
    expect(read("u=1; lang=ko")).toBe(read("lang=ko;u=2"));
    expect(read("lang=en")).not.toBe(read("lang=ko"));
    expect([read("u=1"), read(undefined), read("langx=1")]).toEqual([undefined, undefined, undefined]);
    expect(selector?.read("x-a", () => "1")).toBe("1");
  });

  it("is left to the profile without a word of it", () => {
    expect(compileRequestSelection(hostWith({ query: NONE }).options)).toBeUndefined();
  });
});
