import { describe, expect, it } from "vitest";
import type { Explanation } from "../../src/index.ts";
import { renderExplanation } from "./render.ts";
import { explain, NOW, stored } from "./site.ts";

const NO_CACHE = { "Cache-Control": "no-cache" };
const CSS = stored();

/** Name of the golden text, and what is explained. */
const TYPICAL: readonly (readonly [string, () => Explanation])[] = [
  ["hit", () => explain("http://www.example.com/a.css", {}, CSS)],
  ["miss-by-alias", () => explain("http://example.com/news/today?page=2")],
  [
    "stale-served",
    () => explain("http://other.example.com/b.css", {}, stored({ freshUntilMs: NOW - 10_000, ttlSeconds: 290 })),
  ],
  ["purged", () => explain("http://www.example.com/img/a.png?x=1", {}, stored({ isPurged: true }))],
  ["bypass-line", () => explain("http://www.example.com/private/me", { headers: { "User-Agent": "curl/8" } })],
  ["bypass-no-cache", () => explain("http://www.example.com/a.css", { headers: NO_CACHE }, CSS)],
  [
    "not-modified",
    () => explain("www.example.com/a.css", { headers: { "If-Modified-Since": "Sat, 05 Nov 2022 12:00:00 GMT" } }, CSS),
  ],
  ["range", () => explain("www.example.com/a.css", { headers: { Range: "bytes=0-99" }, clientIp: "10.1.1.1" }, CSS)],
  ["compressed", () => explain("other.example.com/b.css", { headers: { "Accept-Encoding": "gzip" } }, CSS)],
  [
    "shared-cache",
    () =>
      explain(
        "http://shared.test/a?b=1",
        { headers: { "Accept-Language": "de", Cookie: "id=1" }, listen: "*:8080" },
        stored({
          fields: ["Cache-Control", "s-maxage=90, max-age=30", "ETag", '"a1"', "Vary", "Accept-Language"],
          ttlSeconds: 90,
          freshUntilMs: NOW - 5_000,
        }),
        { lookup: { selectedBy: ["accept-language"], selector: "Zm9vYmFyYmF6cXV4Zm9vYg", keyDigest: "ab".repeat(16) } },
      ),
  ],
  ["unknown-host", () => explain("http://asleep.test/a", { listen: "8080" })],
  ["too-large", () => explain("http://www.example.com/up", { method: "POST", headers: { "Content-Length": "1001" } })],
];

describe("explain", () => {
  it.each(TYPICAL)("explains a typical request: %s", async (name, make) => {
    await expect(renderExplanation(make())).toMatchFileSnapshot(`goldens/${name}.txt`);
  });
});
