import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARRIVAL_MS, sharedRules } from "./caching.ts";

const RULES = sharedRules();
const DATE = ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"];
const OLD_DATE = ["Date", "Wed, 31 Dec 2025 00:00:00 GMT"];

const stored = (...fields: readonly string[]) => RULES.storedFields(fields, ARRIVAL_MS);
const updated = (before: readonly string[], ...news: readonly string[]) =>
  RULES.updatedFields(before, news, ARRIVAL_MS);

describe("fields that a shared cache stores (RFC 9111 3.1)", () => {
  it("are all end-to-end ones, HTTP-21 cookies too", () => {
    const fields = [
      ...OLD_DATE,
      "X-A",
      "1",
      "Set-Cookie",
      "a=1",
      "Set-Cookie",
      "b=2",
      "ETag",
      '"x"',
      "Content-Range",
      "x",
    ];
    expect(stored(...fields)).toEqual(fields);
  });

  it("are not those of the connection, of the proxy, nor framing and Age", () => {
    const fields = [
      ...["Connection", "a, b", "a", "1", "B", "2", "Keep-Alive", "x", "Proxy-Connection", "x", "TE", "x"],
      ...["Proxy-Authenticate", "x", "Proxy-Authentication-Info", "x", "Proxy-Authorization", "x", "Upgrade", "x"],
      ...["Transfer-Encoding", "chunked", "Content-Length", "5", "Age", "7", "c", "3"],
    ];
    expect(stored(...fields)).toEqual([...DATE, "c", "3"]);
  });

  it("are not those that no-cache and private name (RFC 9111 5.2.2.4, 5.2.2.7)", () => {
    const control = ["Cache-Control", 'no-cache="a, B", private=x', "cache-control", "max-age=9"];
    expect(stored(...DATE, ...control, "A", "1", "b", "2", "X", "3", "c", "4")).toEqual([
      ...DATE,
      ...control,
      "c",
      "4",
    ]);
  });

  it("have the moment of arrival where Date is missing or none (RFC 9110 6.6.1)", () => {
    expect(stored("a", "1")).toEqual([...DATE, "a", "1"]);
    expect(stored("Date", "foo", "a", "1")).toEqual([...DATE, "a", "1"]);
    expect(stored(...OLD_DATE, "date", "foo")).toEqual(OLD_DATE);
  });
});

describe("stored fields after a 304 or a HEAD (RFC 9111 3.2)", () => {
  const before = [
    ...OLD_DATE,
    "ETag",
    '"x"',
    "Content-Type",
    "text/plain",
    "Set-Cookie",
    "a=1",
    "X-A",
    "1",
    "X-A",
    "2",
  ];

  it("TTL-02 are replaced by name, and stay where the news say nothing", () => {
    expect(updated(before, "x-a", "9", "Set-Cookie", "a=2", "Content-Type", "text/css", "New", "1")).toEqual({
      fields: ["ETag", '"x"', ...DATE, "x-a", "9", "Set-Cookie", "a=2", "Content-Type", "text/css", "New", "1"],
      isChanged: true,
    });
  });

  it("keep what belongs to the stored bytes, and the tag that was confirmed", () => {
    const body = [
      "Content-Encoding",
      "gzip",
      "Content-Range",
      "x",
      "Content-MD5",
      "y",
      "ETag",
      '"x"',
      "Content-Digest",
      "z",
    ];
    const news = [
      "Content-Encoding",
      "br",
      "Content-Range",
      "9",
      "content-md5",
      "9",
      "ETag",
      '"9"',
      "Content-Digest",
      "9",
    ];
    expect(updated([...body, ...DATE], ...news, "Content-Length", "9")).toEqual({
      fields: [...body, ...DATE],
      isChanged: false,
    });
    expect(updated(DATE, "ETag", '"9"').fields).toEqual([...DATE, "ETag", '"9"']);
  });

  it("lose what the news withhold from caches", () => {
    const control = ["Cache-Control", 'private="x-a"'];
    expect(updated([...DATE, "X-A", "1", "b", "2"], ...control, "x-a", "9").fields).toEqual([
      "b",
      "2",
      ...DATE,
      ...control,
    ]);
  });

  it("count as unchanged when only Date differs or lines come in another order", () => {
    expect(updated(before, ...DATE).isChanged).toBe(false);
    expect(updated(before, "X-A", "1", "X-A", "2").isChanged).toBe(false);
    expect(updated(before, "X-A", "2", "X-A", "1").isChanged).toBe(true);
    expect(updated(before, "X-A", "1").isChanged).toBe(true);
  });

  it("are settled after one update with the same news", () => {
    const name = fc.constantFrom("a", "B", "ETag", "Content-Encoding", "Set-Cookie", "Age", "Connection");
    const fields = fc.array(fc.tuple(name, fc.constantFrom("1", "2", "b"))).map((pairs) => pairs.flat());
    fc.assert(
      fc.property(fields, fields, (old, news) => {
        const first = updated(stored(...old), ...news);
        const second = updated(first.fields, ...news);
        expect(second.isChanged).toBe(false);
        expect(stored(...first.fields)).toEqual(first.fields);
      }),
    );
  });
});
