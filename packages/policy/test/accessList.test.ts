import { type AccessRule, parseConfig } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccessDecision, type ConditionRequest, compileAccessList, compileCondition } from "../src/index.ts";
import { OPEN_ACCESS, requestFor, vhostWith } from "./settings.ts";

/** The lines of acl.txt as the configuration reads them. */
const rulesOf = (...lines: readonly string[]): readonly AccessRule[] => {
  const outcome = parseConfig(
    new Map([
      ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
      ["vhosts.xml", '<Vhosts><Vhost Name="a.com"><Origin><Address>10.0.0.1</Address></Origin></Vhost></Vhosts>'],
      ["svc/a.com/acl.txt", lines.join("\n")],
    ]),
    { home: "/h", generation: 1, cores: 1, hostName: "edge" },
  );
  if (!outcome.ok || outcome.warnings.length > 0) throw new Error(JSON.stringify(outcome));
  return outcome.config.vhosts[0]?.conditions.acl ?? [];
};

const listOf = (acl: readonly AccessRule[], byDefault: "Allow" | "Deny" = "Allow", denialCode = 401) =>
  compileAccessList(
    vhostWith({
      options: { access: { ...OPEN_ACCESS, accessControl: { enabled: true, default: byDefault, denialCode } } },
      conditions: { acl },
    }),
  );

const wordOf = (decision: AccessDecision | undefined): string => {
  if (decision === undefined || decision.kind === "allow") return "allow";
  return decision.kind === "deny" ? `deny ${decision.status}` : `redirect ${decision.location}`;
};

const decide = (lines: readonly string[], request: ConditionRequest, byDefault: "Allow" | "Deny" = "Allow"): string =>
  wordOf(listOf(rulesOf(...lines), byDefault)?.decide(request, request.pathAndQuery));

const from = (clientIp: string, country?: string, url = "/"): ConditionRequest => ({
  ...requestFor(url, { clientIp }),
  country,
});
const withFields = (headers: Readonly<Record<string, string>>, url = "/"): ConditionRequest =>
  requestFor(url, { headers });
const FULL = { referer: "http://a/", "user-agent": "x", host: "a.com" };

describe("paths in another spelling", () => {
  it.each([
    "/%73ecure/x.dat",
    "/secure/x%2Edat",
    "//secure/x.dat",
    "/./secure/x.dat",
    "/public/../secure/x.dat",
    "/public/%2e%2e/secure/x.dat",
    "/secure%2fx.dat?a=1",
    "/public\\..\\secure/x.dat",
  ])("ACL-37 a line that denies /secure/* also means %s", (url) => {
    expect(decide(["/secure/*.dat, deny, 403"], requestFor(url))).toBe("deny 403");
    expect(decide(["$IP[10.9.9.9] & /secure/*, deny"], requestFor(url, { clientIp: "10.9.9.9" }))).toBe("deny 401");
    expect(decide(["/secure/*, deny", "/public/*, allow"], requestFor(url))).toBe("deny 401");
  });

  it("ACL-24 a line that names a spelling decides about it; none leads out of what a line admits", () => {
    const lines = ["/a%20b/*, allow"];
    expect(decide(lines, requestFor("/a%20b/c"), "Deny")).toBe("allow");
    expect(decide(["/secure/a%20b, allow", "/secure/*, deny"], requestFor("/secure/a%20b"))).toBe("allow");
    expect(decide(["/public/*, allow"], requestFor("/public/a/../b"), "Deny")).toBe("allow");
    expect(decide(["/public/*, allow"], requestFor("/public/../secure/x"), "Deny")).toBe("deny 401");
    expect(decide(["/public/*, allow"], requestFor("/public/%2e%2E%2fsecure/x"), "Deny")).toBe("deny 401");
    expect(decide(["/secure/*, deny"], requestFor("/%2573ecure/x"))).toBe("allow");
  });
});

describe("the example list of the guide, line by line", () => {
  it.each<readonly [string, string, ConditionRequest, string, ConditionRequest]>([
    ["$IP[192.168.1.1], allow", "allow", from("192.168.1.1"), "allow", from("192.168.1.2")],
    ["$IP[192.168.2.1-255]", "deny 401", from("192.168.2.77"), "allow", from("192.168.2.0")],
    ["$IP[192.168.3.0/24], deny", "deny 401", from("192.168.3.9"), "allow", from("192.168.4.9")],
    ["$IP[192.168.4.0/255.255.255.0]", "deny 401", from("192.168.4.200"), "allow", from("192.168.5.1")],
    [
      "$HEADER[cookie: *ILLEGAL*], deny, 404",
      "deny 404",
      withFields({ cookie: "a=ILLEGALb" }),
      "allow",
      withFields({ cookie: "illegal" }),
    ],
    ["$HEADER[via: Apache]", "deny 401", withFields({ via: "Apache" }), "allow", withFields({ via: "Apache2" })],
    ["$HEADER[x-custom-header]", "deny 401", withFields({ "x-custom-header": "" }), "allow", withFields({})],
    [
      "!HEADER[referer] & !HEADER[user-agent] & !HEADER[host], deny",
      "deny 401",
      withFields({}),
      "allow",
      withFields({ host: "a" }),
    ],
    ["$URL[/source/public.zip], allow", "allow", requestFor("/source/public.zip"), "allow", requestFor("/x")],
    ["$URL[/source/*]", "deny 401", requestFor("/source/x.zip"), "allow", requestFor("/sources")],
    ["/profile.zip, deny, 500", "deny 500", requestFor("/profile.zip"), "allow", requestFor("/profile.zip2")],
    ["/secure/*.dat", "deny 401", requestFor("/secure/a/b.dat"), "allow", requestFor("/secure/a.da")],
    ["!IP[JPN], deny", "deny 401", from("1.1.1.1", "KR"), "allow", from("1.1.1.1", "JP")],
    ["!HEADER[referer], deny", "deny 401", withFields({}), "allow", withFields({ referer: "" })],
    ["!URL[/secure/*], allow", "allow", requestFor("/a"), "allow", requestFor("/secure/a")],
    [
      "$IP[GIN], redirect, /page/illegal_access.html",
      "redirect /page/illegal_access.html",
      from("1.1.1.1", "GN"),
      "allow",
      from("1.1.1.1", "DE"),
    ],
    [
      "$HEADER[referer:], redirect, http://another-site.com",
      "redirect http://another-site.com",
      withFields({ referer: "" }),
      "allow",
      withFields({}),
    ],
    [
      "!HEADER[referer], redirect, http://example.com#URL",
      "redirect http://example.com/a/b.html?x=1",
      requestFor("/a/b.html?x=1"),
      "allow",
      withFields(FULL),
    ],
    [
      "$PROTOCOL[HTTP], redirect, https://example.com#URL",
      "redirect https://example.com/x",
      requestFor("/x"),
      "allow",
      requestFor("/x", { protocol: "https" }),
    ],
  ])("ACL-30 to ACL-44 %s", (line, decision, request, otherDecision, otherRequest) => {
    expect(decide([line], request)).toBe(decision);
    expect(decide([line], otherRequest)).toBe(otherDecision);
  });

  it.each<readonly [string, string, string]>([
    ["192.168.1.1", "192.168.1.1", "192.168.1.11"],
    ["192.168.2.10-255", "192.168.2.10", "192.168.2.9"],
    ["192.168.3.0/24", "192.168.3.255", "192.168.4.0"],
    ["192.168.4.0/255.255.255.0", "192.168.4.255", "192.168.5.0"],
  ])("REG-160 ACL-31 $IP[%s] allows, denies and is negated", (address, within, outside) => {
    for (const client of [within, `::ffff:${within}`]) {
      expect(decide([`$IP[${address}], deny, 403`], from(client))).toBe("deny 403");
      expect(decide([`$IP[${address}], allow`], from(client), "Deny")).toBe("allow");
      expect(decide([`!IP[${address}], deny, 403`], from(client))).toBe("allow");
    }
    expect(decide([`$IP[${address}], deny, 403`], from(outside))).toBe("allow");
    expect(decide([`$IP[${address}], allow`], from(outside), "Deny")).toBe("deny 401");
    expect(decide([`!IP[${address}], deny, 403`], from(outside))).toBe("deny 403");
  });

  it("REG-167 REG-168 ACL-38 ACL-44 #URL stands anywhere in a target and as often as it likes; protocols in any case", () => {
    const https = requestFor("/a?b=1", { protocol: "https" });
    const target = "http://login.example.com/?next=#URL&from=#URL";
    expect(decide([`$PROTOCOL[https], redirect, ${target}`], https)).toBe(
      "redirect http://login.example.com/?next=/a?b=1&from=/a?b=1",
    );
    expect(decide(["$PROTOCOL[HTTPS], deny, 403"], https)).toBe("deny 403");
    expect(decide(["!PROTOCOL[HTTP], deny, 403"], https)).toBe("deny 403");
    expect(decide(["$PROTOCOL[http] & /a*, deny, 403"], https)).toBe("allow");
    expect(decide(["$PROTOCOL[http] & /a*, deny, 403"], requestFor("/a"))).toBe("deny 403");
  });

  it("REG-166 ACL-31 to ACL-37 an exclamation mark negates the condition behind it, alone and in a row of conditions", () => {
    const url = "/public/a";
    expect(decide(["!URL[/public/*], deny, 403"], requestFor("/secure/a"))).toBe("deny 403");
    expect(decide(["!URL[/public/*], deny, 403"], requestFor(url))).toBe("allow");
    expect(decide(["!HEADER[x: 1], deny, 403"], withFields({ x: "2" }))).toBe("deny 403");
    expect(decide(["!HEADER[x: 1], deny, 403"], withFields({}))).toBe("deny 403");
    expect(decide(["!HEADER[x: 1], deny, 403"], withFields({ x: "1" }))).toBe("allow");
    const all = ["!IP[10.0.0.0/8] & !HEADER[x] & !URL[/public/*], deny, 403"];
    expect(decide(all, from("11.0.0.1", undefined, "/secure"))).toBe("deny 403");
    expect(decide(all, from("10.0.0.1", undefined, "/secure"))).toBe("allow");
    expect(decide(all, from("11.0.0.1", undefined, url))).toBe("allow");
    expect(decide(all, { ...withFields({ x: "" }, "/secure"), clientIp: "11.0.0.1" })).toBe("allow");
  });

  it("ACL-31 ACL-33 $IP[AP] & !HEADER[referer], allow admits where the default denies", () => {
    const line = "$IP[AP] & !HEADER[referer], allow";
    expect(decide([line], from("1.1.1.1", "AP"), "Deny")).toBe("allow");
    expect(decide([line], { ...withFields(FULL), country: "AP" }, "Deny")).toBe("deny 401");
    expect(decide([line], from("1.1.1.1"), "Deny")).toBe("deny 401");
  });
});

describe("list semantics", () => {
  it("ACL-20 OFF ignores the list; without lines and with Default Allow there is nothing to ask", () => {
    const off = vhostWith({ conditions: { acl: rulesOf("/a, deny") } });
    expect(compileAccessList(off)).toBeUndefined();
    expect(listOf([])).toBeUndefined();
  });

  it("ACL-21 ACL-41 a bare line does the opposite of Default", () => {
    expect(decide(["/a"], requestFor("/a"), "Allow")).toBe("deny 401");
    expect(decide(["/a"], requestFor("/a"), "Deny")).toBe("allow");
    expect(decide(["/a"], requestFor("/b"), "Deny")).toBe("deny 401");
    expect(decide([], requestFor("/b"), "Deny")).toBe("deny 401");
  });

  it("ACL-22 ACL-40 deny without a code answers DenialCode", () => {
    const list = listOf(rulesOf("/a, deny", "/b, deny, 418"), "Allow", 403);
    expect(wordOf(list?.decide(requestFor("/a"), "/a"))).toBe("deny 403");
    expect(wordOf(list?.decide(requestFor("/b"), "/b"))).toBe("deny 418");
  });

  it("ACL-37 a star also stands for nothing", () => {
    expect(decide(["/abc*"], requestFor("/abc"))).toBe("deny 401");
  });

  it("ACL-42 the first line that matches decides, whatever its kind", () => {
    const lines = [
      "/a/*, allow",
      "$IP[10.0.0.0/8], deny, 403",
      "/a/b, deny, 404",
      "$HEADER[x], deny, 405",
      "/c, deny, 406",
    ];
    expect(decide(lines, from("10.1.1.1", undefined, "/a/b"))).toBe("allow");
    expect(decide(lines, from("10.1.1.1", undefined, "/c"))).toBe("deny 403");
    expect(decide(lines, from("11.1.1.1", undefined, "/c"))).toBe("deny 406");
    expect(decide(lines, { ...withFields({ x: "1" }, "/c") })).toBe("deny 405");
  });

  it("ACL-45 names of fields in any case, values exactly, any line of a field", () => {
    expect(decide(["$HEADER[VIA: Apache]"], withFields({ via: "Apache" }))).toBe("deny 401");
    expect(decide(["$HEADER[via: apache]"], withFields({ via: "Apache" }))).toBe("allow");
    const twice = { ...withFields({ via: "nginx, Apache" }), headerLines: () => ["nginx", "Apache"] };
    expect(decide(["$HEADER[via: Apache]"], twice)).toBe("deny 401");
    expect(decide(["$HEADER[via: nginx]"], twice)).toBe("deny 401");
    const emptyToo = { ...withFields({ via: ", Apache" }), headerLines: () => ["", "Apache"] };
    expect(decide(["$HEADER[via:]"], emptyToo)).toBe("deny 401");
  });

  it("ACL-46 the query string is compared by patterns that have one", () => {
    expect(decide(["/source/public.zip"], requestFor("/source/public.zip?x"))).toBe("deny 401");
    expect(decide(["/a?x=1"], requestFor("/a?x=1"))).toBe("deny 401");
    expect(decide(["/a?x=1"], requestFor("/a"))).toBe("allow");
  });

  it("ACL-43 ACL-44 a target is copied as it is written, commas too; $ in the URL means nothing", () => {
    expect(decide(["/a*, redirect, http://x.com/p,q"], requestFor("/a"))).toBe("redirect http://x.com/p,q");
    expect(decide(["/a*, redirect, http://x.com#URL"], requestFor("/a?$&$1"))).toBe("redirect http://x.com/a?$&$1");
  });
});

const LINES: readonly string[] = [
  "/a, allow",
  "/a, deny, 410",
  "/b*, deny",
  "/b/c",
  "$IP[10.0.0.0/30], deny, 411",
  "$IP[10.0.0.1], allow",
  "$IP[KR], deny, 412",
  "!IP[JPN], deny, 413",
  "$HEADER[x: 1], deny, 414",
  "!HEADER[x], redirect, http://r#URL",
  "$PROTOCOL[HTTPS], deny, 415",
  "/a & $IP[10.0.0.0/24], deny, 416",
  "$URL[/q?z=*], deny, 417",
];

describe("whole lists", () => {
  it("ACL-42 agree with a model that tries line after line", () => {
    const client = fc.record({
      url: fc.constantFrom("/a", "/b", "/b/c", "/q?z=1", "/q", "/other"),
      clientIp: fc.constantFrom("10.0.0.1", "10.0.0.3", "10.0.0.77", "9.9.9.9"),
      country: fc.constantFrom("KR", "JP", undefined),
      x: fc.constantFrom("1", "2", undefined),
      protocol: fc.constantFrom("http", "https"),
    });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 12 }),
        fc.constantFrom("Allow" as const, "Deny" as const),
        fc.array(client, { minLength: 1, maxLength: 10 }),
        (lines, byDefault, clients) => {
          const acl = rulesOf(...lines);
          const list = listOf(acl, byDefault);
          for (const { url, clientIp, country, x, protocol } of clients) {
            const headers = x === undefined ? {} : { x };
            const request = { ...requestFor(url, { clientIp, protocol, headers }), country };
            const rule = acl.find(({ condition }) => compileCondition(condition, true)(request));
            const expected = ((): string => {
              const opposite = byDefault === "Allow" ? "deny 401" : "allow";
              if (rule === undefined) return byDefault === "Allow" ? "allow" : "deny 401";
              const { action } = rule;
              if (action.kind === "opposite") return opposite;
              if (action.kind === "allow") return "allow";
              return action.kind === "deny" ? `deny ${action.status ?? 401}` : `redirect http://r${url}`;
            })();
            expect(wordOf(list?.decide(request, url))).toBe(expected);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
