import { METHOD } from "@basalt/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_REQUEST, requestOf, responseOf, sharedRules } from "./caching.ts";

const RULES = sharedRules();

/** A response with a lifetime of 100 s, at a given age. */
const reuse = (asked: string | undefined, said: string, ageSeconds: number) =>
  RULES.decideReuse(
    asked === undefined ? undefined : requestOf(METHOD.GET, { "cache-control": asked }),
    responseOf(200, { "cache-control": `max-age=100${said === "" ? "" : `, ${said}`}` }),
    ageSeconds,
    ageSeconds - 100,
  );

describe("what a request may do with a stored response (RFC 9111 4)", () => {
  it.each([
    ["fresh", undefined, "", 99, "serve"],
    ["stale", undefined, "", 100, "renew"],
    ["no-cache of the request", "no-cache", "", 1, "renew"],
    ["no-cache of the response", undefined, "no-cache", 1, "renew"],
    ["no-cache for one field", undefined, 'no-cache="a"', 1, "serve"],
    ["no-store of the request", "no-store", "", 1, "serve"],
    ["younger than max-age", "max-age=50", "", 50, "serve"],
    ["older than max-age", "max-age=50", "", 51, "renew"],
    ["max-age=0", "max-age=0", "", 0, "renew"],
    ["max-age=0 of something immutable", "max-age=0", "immutable", 1, "serve"],
    ["no-cache of something immutable", "no-cache", "immutable", 1, "renew"],
    ["max-age=0 of something that was immutable", "max-age=0", "immutable", 101, "renew"],
    ["min-fresh that is there", "min-fresh=10", "", 90, "serve"],
    ["min-fresh that is not", "min-fresh=10", "", 91, "renew"],
    ["min-fresh beyond the lifetime", "min-fresh=2000", "", 0, "renew"],
    ["max-stale", "max-stale=10", "", 110, "serve"],
    ["more than max-stale", "max-stale=10", "", 111, "renew"],
    ["max-stale without bound", "max-stale", "", 1e9, "serve"],
    ["max-stale that is no number", "max-stale=x", "", 101, "renew"],
    ["max-stale against must-revalidate", "max-stale", "must-revalidate", 101, "renew"],
    ["max-stale against proxy-revalidate", "max-stale", "proxy-revalidate", 101, "renew"],
    ["max-stale and max-age", "max-stale, max-age=5", "", 101, "renew"],
    ["within stale-while-revalidate", undefined, "stale-while-revalidate=10", 110, "serveAndRenew"],
    ["past stale-while-revalidate", undefined, "stale-while-revalidate=10", 111, "renew"],
    [
      "stale-while-revalidate and must-revalidate",
      undefined,
      "stale-while-revalidate=10, must-revalidate",
      101,
      "renew",
    ],
    ["stale-while-revalidate and a request's no-cache", "no-cache", "stale-while-revalidate=10", 101, "renew"],
    ["only-if-cached, fresh", "only-if-cached", "", 99, "serve"],
    ["only-if-cached, stale", "only-if-cached", "", 100, "gatewayTimeout"],
    ["only-if-cached and no-cache", "only-if-cached, no-cache", "", 1, "gatewayTimeout"],
    ["only-if-cached and max-stale", "only-if-cached, max-stale", "", 101, "serve"],
  ] as const)("%s: %s, %s at %d s gives %s", (_title, asked, said, age, expected) => {
    expect(reuse(asked, said, age)).toBe(expected);
  });

  it("serves stale what s-maxage bounds only where the origin permits it beside (RFC 9111 5.2.2.10, RFC 5861)", () => {
    const bounded = responseOf(200, { "cache-control": "s-maxage=2" });
    const permitted = responseOf(200, { "cache-control": "s-maxage=2, stale-while-revalidate=60" });
    const asked = requestOf(METHOD.GET, { "cache-control": "max-stale" });
    expect(RULES.decideReuse(undefined, bounded, 1, -1)).toBe("serve");
    expect(RULES.decideReuse(asked, bounded, 3, 1)).toBe("renew");
    expect(RULES.decideReuse(undefined, permitted, 3, 1)).toBe("serveAndRenew");
    expect(RULES.decideReuse(asked, permitted, 3, 1)).toBe("serveAndRenew");
    expect(RULES.decideReuse(undefined, permitted, 63, 61)).toBe("renew");
  });

  it("counts how long a response had been stale when it arrived", () => {
    const response = responseOf(200, { "cache-control": "max-age=1500", age: "2000" });
    const asked = (limit: number) => requestOf(METHOD.GET, { "cache-control": `max-stale=${limit}` });
    expect(RULES.decideReuse(asked(1000), response, 2000, 0)).toBe("serve");
    expect(RULES.decideReuse(asked(499), response, 2000, 0)).toBe("renew");
  });

  it("TTL-37 takes Pragma: no-cache for Cache-Control where there is none (RFC 9111 5.4)", () => {
    const response = responseOf(200, { "cache-control": "max-age=100" });
    const decide = (fields: Readonly<Record<string, string>>) =>
      RULES.decideReuse(requestOf(METHOD.GET, fields), response, 1, -99);
    expect(decide({ pragma: "foo, No-Cache" })).toBe("renew");
    expect(decide({ pragma: "foo" })).toBe("serve");
    expect(decide({ pragma: "no-cache", "cache-control": "max-age=50" })).toBe("serve");
  });

  it("follows CDN-Cache-Control in place of Cache-Control (RFC 9213 2.2)", () => {
    const response = responseOf(200, {
      "cache-control": "no-cache",
      "cdn-cache-control": "max-age=100, stale-while-revalidate=10",
    });
    expect(RULES.decideReuse(undefined, response, 1, -99)).toBe("serve");
    expect(RULES.decideReuse(undefined, response, 105, 5)).toBe("serveAndRenew");
  });

  it("never serves what a restriction of either side forbids", () => {
    const word = (...names: readonly string[]) => fc.option(fc.constantFrom(...names), { nil: "" });
    const number = fc.integer({ min: 0, max: 150 });
    fc.assert(
      fc.property(
        word("no-cache", "only-if-cached", "max-stale"),
        fc.option(number, { nil: undefined }),
        fc.option(number, { nil: undefined }),
        word("no-cache", "must-revalidate", "proxy-revalidate", "stale-while-revalidate=20"),
        fc.integer({ min: 0, max: 200 }),
        (asked, maxAge, minFresh, said, age) => {
          const request = [
            asked,
            maxAge === undefined ? "" : `max-age=${maxAge}`,
            minFresh === undefined ? "" : `min-fresh=${minFresh}`,
          ].join(",");
          const decision = reuse(request, said, age);
          const mustAsk =
            asked === "no-cache" ||
            said === "no-cache" ||
            (maxAge !== undefined && (age > maxAge || maxAge === 0)) ||
            (minFresh !== undefined && age + minFresh > 100);
          const isStaleAllowed = said === "" || said.startsWith("stale");
          const mayBeStale = isStaleAllowed && (asked === "max-stale" || (said.startsWith("stale") && age <= 120));
          const isServed = decision === "serve" || decision === "serveAndRenew";
          expect(isServed).toBe(!mustAsk && (age < 100 || mayBeStale));
          expect(decision === "gatewayTimeout").toBe(!isServed && asked === "only-if-cached");
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("stale answers while the origin fails (RFC 9111 4.2.4, RFC 5861 4)", () => {
  const may = (said: string, staleSeconds: number, asked?: string) =>
    RULES.mayServeStaleOnError(
      asked === undefined ? EMPTY_REQUEST : requestOf(METHOD.GET, { "cache-control": asked }),
      responseOf(200, { "cache-control": said }),
      2 + staleSeconds,
      staleSeconds,
    );

  it("the end of stale-if-error does not move with the TTL that a failure extends", () => {
    const response = responseOf(200, { "cache-control": "max-age=1, stale-if-error=60" });
    expect(RULES.mayServeStaleOnError(EMPTY_REQUEST, response, 61, 0)).toBe(true);
    expect(RULES.mayServeStaleOnError(EMPTY_REQUEST, response, 62, 0)).toBe(false);
  });

  it.each([
    ["max-age=2", 1e6, undefined, true],
    ["max-age=2, must-revalidate", 1, undefined, false],
    ["max-age=2, proxy-revalidate", 1, undefined, false],
    ["max-age=2, no-cache", 1, undefined, false],
    ["s-maxage=2", 1, undefined, false],
    ["s-maxage=2, stale-if-error=60", 60, undefined, true],
    ["s-maxage=2, stale-if-error=60, must-revalidate", 1, undefined, false],
    ["max-age=2, stale-if-error=60", 60, undefined, true],
    ["max-age=2, stale-if-error=60", 61, undefined, false],
    ["max-age=2", 61, "stale-if-error=60", false],
    ["max-age=2, stale-if-error=60", 100, "stale-if-error=100", true],
    ["max-age=2, stale-if-error=60, must-revalidate", 1, undefined, false],
  ])("TTL-12 `%s`, stale for %d s, request %s: %s", (said, staleSeconds, asked, expected) => {
    expect(may(said, staleSeconds, asked)).toBe(expected);
  });
});
