import type { ConditionTerm, HeaderRule, VhostSettings } from "@basalt/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileHeaderRules, type HeaderRules } from "../src/index.ts";
import { headerTerm, onUrl, requestFor, urlTerm, vhostWith } from "./settings.ts";

type RuleChanges = Partial<HeaderRule> & Pick<HeaderRule, "name">;

const ruleOf = (rule: RuleChanges): HeaderRule => ({
  condition: onUrl("*"),
  direction: "response",
  action: "set",
  value: "",
  statuses: undefined,
  line: 1,
  ...rule,
});

const vhostOf = (rules: readonly RuleChanges[], firstOnly = false): VhostSettings =>
  vhostWith({
    options: { modifyHeader: { enabled: true, firstOnly } },
    originOptions: { modifyHeader: { enabled: true, firstOnly } },
    conditions: { headers: rules.map((rule, index) => ruleOf({ line: index + 1, ...rule })) },
  });

const compile = (rules: readonly RuleChanges[], firstOnly = false): HeaderRules => {
  const compiled = compileHeaderRules(vhostOf(rules, firstOnly));
  if (compiled === undefined) throw new Error("no rules");
  return compiled;
};

const FACTS = { cacheResult: "TCP_HIT", protocol: "http" };

const respond = (rules: readonly RuleChanges[], fields: readonly string[], status = 200, firstOnly = false) =>
  compile(rules, firstOnly).applyToResponse(requestFor("/movies/a.mp4"), status, fields, FACTS);

const on = (...terms: readonly ConditionTerm[]) => ({ condition: { terms } });

describe("actions of headers.txt", () => {
  it("HTTP-47 set overwrites, the last rule wins, and a missing value is empty", () => {
    const rules = [
      { name: "A", value: "1" },
      { name: "a", value: "2" },
      { name: "B", value: "" },
    ];
    expect(respond(rules, ["X", "x", "A", "old", "A", "older", "Y", "y"])).toEqual([
      "X",
      "x",
      "a",
      "2",
      "Y",
      "y",
      "B",
      "",
    ]);
  });

  it("REG-33 HTTP-48 put leaves what is there and adds a line", () => {
    const name = "Access-Control-Allow-Origin";
    const rules = [{ name, value: "example1.com" }, { name, action: "put", value: "example2.com" } as const];
    expect(respond(rules, [])).toEqual([name, "example1.com", name, "example2.com"]);
  });

  it.each([
    [
      ["Cache-Control", "max-age=1"],
      ["Cache-Control", "max-age=1, no-cache, private"],
    ],
    [[], ["cache-control", "no-cache, private"]],
    [
      ["Cache-Control", ""],
      ["Cache-Control", "no-cache, private"],
    ],
    [
      ["CACHE-CONTROL", "a", "X", "", "cache-control", "b"],
      ["CACHE-CONTROL", "a", "X", "", "cache-control", "b, no-cache, private"],
    ],
  ])("HTTP-49 append joins with a comma (OPEN 16): %j → %j", (fields, expected) => {
    expect(respond([{ name: "cache-control", action: "append", value: "no-cache, private" }], fields)).toEqual(
      expected,
    );
  });

  it("HTTP-50 unset removes every line of that name, whatever its case", () => {
    const fields = ["X-Cache", "a", "Y", "X-Cache", "x-cache", "b"];
    expect(respond([{ name: "X-CACHE", action: "unset" }], fields)).toEqual(["Y", "X-Cache"]);
  });

  it("never touches the list that it is given", () => {
    const fields = Object.freeze(["A", "1"]);
    respond([{ name: "A", action: "append", value: "2" }], fields);
    expect(fields).toEqual(["A", "1"]);
  });
});

describe("matches of headers.txt", () => {
  it.each([
    ["IP", on({ kind: "ip", pattern: "192.0.2.0/24", negated: false }), true],
    ["another IP", on({ kind: "ip", pattern: "10.0.0.0/8", negated: false }), false],
    ["field", on(headerTerm("user-agent", "*IE6*")), true],
    ["absent field", on(headerTerm("x-custom")), false],
    ["URL", on(urlTerm("/source/*.zip")), true],
    ["URL with query string", on(urlTerm("/source/a.zip?x=*")), true],
    ["method", on({ kind: "method", method: "GET", negated: false }), true],
    ["another method", on({ kind: "method", method: "POST", negated: false }), false],
    ["two terms", on(urlTerm("*"), headerTerm("referer", undefined, true)), true],
  ])("HTTP-44 HTTP-46 by %s", (_, condition, expected) => {
    const request = requestFor("/source/a.zip?x=1", { headers: { "user-agent": "an IE6 browser" } });
    const rules = compile([{ name: "accept-encoding", direction: "request", action: "unset", ...condition }]);
    const changed = rules.applyToRequest(request, ["Accept-Encoding", "gzip", "Host", "a"]);
    expect(changed).toEqual(expected ? ["Host", "a"] : ["Accept-Encoding", "gzip", "Host", "a"]);
  });

  it.each([
    [{ first: 200, last: 200 }, 200, true],
    [{ first: 200, last: 200 }, 206, false],
    [{ first: 500, last: 599 }, 503, true],
    [{ first: 500, last: 599 }, 404, false],
    [undefined, 304, true],
  ])("HTTP-45 status condition %j at %i: %s", (statuses, status, expected) => {
    expect(respond([{ name: "A", value: "1", statuses }], [], status)).toEqual(expected ? ["A", "1"] : []);
  });

  it("each direction has rules of its own", () => {
    const rules = compile([
      { name: "A", value: "req", direction: "request" },
      { name: "A", value: "res", direction: "response" },
      { name: "A", value: "org", direction: "originRequest" },
    ]);
    const request = requestFor("/");
    expect(rules.applyToRequest(request, [])).toEqual(["A", "req"]);
    expect(rules.applyToResponse(request, 200, [], FACTS)).toEqual(["A", "res"]);
    expect(rules.applyToOriginRequest(request, [])).toEqual(["A", "org"]);
  });
});

describe("FirstOnly", () => {
  const RULES: readonly RuleChanges[] = [
    { name: "R", value: "1", direction: "request" },
    { name: "A", value: "404", statuses: { first: 404, last: 404 } },
    { name: "A", value: "1" },
    { name: "A", value: "2", action: "put" },
    { name: "R", value: "2", direction: "request", action: "put" },
  ];

  it("HTTP-43 OFF applies all matching rules, ON the first of each direction (OPEN 14)", () => {
    expect(respond(RULES, [])).toEqual(["A", "1", "A", "2"]);
    expect(respond(RULES, [], 200, true)).toEqual(["A", "1"]);
    expect(compile(RULES, true).applyToRequest(requestFor("/"), [])).toEqual(["R", "1"]);
  });

  it("HTTP-43 a rule whose status differs is no match", () => {
    expect(respond(RULES, [], 404, true)).toEqual(["A", "404"]);
    expect(respond(RULES, [], 503, true)).toEqual(["A", "1"]);
  });

  it("ORG-52 is set by itself for requests to the origin", () => {
    const rules: readonly RuleChanges[] = [
      { name: "A", value: "1", direction: "originRequest" },
      { name: "A", value: "2", direction: "originRequest", action: "put" },
    ];
    const vhost = vhostOf(rules);
    const first = {
      ...vhost,
      originOptions: { ...vhost.originOptions, modifyHeader: { enabled: true, firstOnly: true } },
    };
    expect(compileHeaderRules(first)?.applyToOriginRequest(requestFor("/"), [])).toEqual(["A", "1"]);
    expect(compileHeaderRules(vhost)?.applyToOriginRequest(requestFor("/"), [])).toEqual(["A", "1", "A", "2"]);
  });
});

describe("which rules are in force", () => {
  const rules = [ruleOf({ name: "A" }), ruleOf({ name: "B", direction: "originRequest" })];
  const OFF = { enabled: false, firstOnly: false };

  it("HTTP-42 ORG-51 each switch holds for its own directions", () => {
    const conditions = { headers: rules };
    const none = compileHeaderRules(vhostWith({ conditions }));
    const client = compileHeaderRules(vhostWith({ conditions, options: { modifyHeader: { ...OFF, enabled: true } } }));
    const origin = compileHeaderRules(
      vhostWith({ conditions, originOptions: { modifyHeader: { ...OFF, enabled: true } } }),
    );
    expect(none).toBeUndefined();
    expect([client?.changesResponses, client?.changesRequests, client?.changesOriginRequests]).toEqual([
      true,
      false,
      false,
    ]);
    expect([origin?.changesResponses, origin?.changesRequests, origin?.changesOriginRequests]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("HTTP-42 without a rule there is nothing to do", () => {
    expect(compileHeaderRules(vhostOf([]))).toBeUndefined();
  });
});

describe("variables", () => {
  it("HTTP-51 #PROTOCOL is what the client speaks", () => {
    const rules = compile([
      { name: "X-Forwarded-Proto", value: "#PROTOCOL", direction: "request" },
      { name: "X-Url", value: "#PROTOCOL://a #PROTOCOL", direction: "originRequest" },
    ]);
    const request = requestFor("/", { protocol: "https" });
    expect(rules.applyToRequest(request, [])).toEqual(["X-Forwarded-Proto", "https"]);
    expect(rules.applyToOriginRequest(request, [])).toEqual(["X-Url", "https://a https"]);
  });

  it("HTTP-52 #CACHEHIT is the result word", () => {
    expect(respond([{ name: "X-Cache-Result", value: "#CACHEHIT" }], [])).toEqual(["X-Cache-Result", "TCP_HIT"]);
  });
});

describe("responses that are kept ready", () => {
  it.each([
    ["HTTP-53 one for every URL", { name: "Strict-Transport-Security", value: "max-age=31536000" }, true],
    ["a path", { name: "A", ...on(urlTerm("/a/*", true)) }, true],
    ["a query string", { name: "A", ...on(urlTerm("/a?x=1")) }, false],
    ["a field", { name: "A", ...on(headerTerm("referer")) }, false],
    ["an address", { name: "A", ...on({ kind: "ip", pattern: "10.0.0.1", negated: false }) }, false],
    ["a method", { name: "A", ...on({ kind: "method", method: "GET", negated: false }) }, false],
    ["a status", { name: "A", statuses: { first: 200, last: 200 } }, false],
    ["the result", { name: "A", value: "#CACHEHIT" }, false],
    ["the protocol", { name: "A", value: "#PROTOCOL" }, false],
    ["Age, which is written anew", { name: "age", action: "unset" }, false],
    ["a rule for requests", { name: "A", direction: "request", ...on(headerTerm("referer")) }, true],
  ] as const)("%s: %#", (_, rule, expected) => {
    expect(compile([rule]).isResponseConstant).toBe(expected);
  });
});

describe("OPTIONS", () => {
  const rules = compile([
    {
      name: "Access-Control-Allow-Methods",
      value: "GET",
      ...on(urlTerm("/api/*"), { kind: "method", method: "OPTIONS", negated: false }),
    },
    { name: "A", value: "1" },
  ]);

  it.each([
    ["/api/a", "OPTIONS", true],
    ["/other", "OPTIONS", false],
    ["/api/a", "GET", false],
  ])("HTTP-37 %s by %s is answered here: %s (OPEN 12)", (url, method, expected) => {
    expect(rules.answersOptions(requestFor(url, { method }))).toBe(expected);
  });
});

describe("any rules", () => {
  const name = fc.constantFrom("A", "a", "B", "b", "C");
  const value = fc.string({ maxLength: 5 });
  const fieldsOf = (lines: readonly (readonly [string, string])[]) => lines.flat();
  const rule = fc.record({ name, value, action: fc.constantFrom("set", "put", "append", "unset" as const) });

  it("do what a map of lists would", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), fc.array(rule), (lines, changes) => {
        const expected = new Map<string, string[]>();
        for (const [key, text] of lines) {
          const values = expected.get(key.toLowerCase()) ?? [];
          expected.set(key.toLowerCase(), [...values, text]);
        }
        for (const change of changes) {
          const key = change.name.toLowerCase();
          const values = expected.get(key) ?? [];
          const last = values.at(-1);
          if (change.action === "unset") expected.delete(key);
          else if (change.action === "set" || last === undefined) expected.set(key, [change.value]);
          else if (change.action === "put") expected.set(key, [...values, change.value]);
          else {
            const joined = [last, change.value].filter((text) => text !== "").join(", ");
            expected.set(key, [...values.slice(0, -1), joined]);
          }
        }
        const rules = changes.map((change) => ({ ...change, direction: "request" as const }));
        const compiled = compileHeaderRules(vhostOf(rules));
        const fields = fieldsOf(lines);
        const changed = compiled === undefined ? fields : compiled.applyToRequest(requestFor("/"), fields);
        const actual = new Map<string, string[]>();
        for (let index = 0; index < changed.length; index += 2) {
          const key = (changed[index] ?? "").toLowerCase();
          actual.set(key, [...(actual.get(key) ?? []), changed[index + 1] ?? ""]);
        }
        expect(actual).toEqual(expected);
      }),
    );
  });
});
