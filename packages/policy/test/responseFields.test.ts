import { FIELD } from "@basalt/http";
import { describe, expect, it } from "vitest";
import {
  ageOnArrival,
  type ClientFieldOptions,
  clientEtag,
  compileConnectionRules,
  currentAge,
  generatedEtag,
  selectClientFields,
  selectStoredFields,
  updateStoredFields,
  viaValue,
} from "../src/index.ts";
import { DEFAULT_OPTIONS } from "./settings.ts";

const STANDARD = { originalHeader: false, originalETag: false };
const ORIGINAL = { originalHeader: true, originalETag: false };
const PRODUCT = { name: "Basalt", version: "1.2.3" };

describe("fields that are stored", () => {
  const sent = ["X-A", "1", "Set-Cookie", "s=1", "Content-Type", "text/plain", "set-cookie2", "t", "Cookie", "u"];

  it("HTTP-20 keeps standard fields only, or all with OriginalHeader (A4 of spec 04)", () => {
    expect(selectStoredFields(sent, STANDARD)).toEqual(["Content-Type", "text/plain"]);
    expect(selectStoredFields(sent, ORIGINAL)).toEqual(["X-A", "1", "Content-Type", "text/plain"]);
  });

  it("HTTP-21 never keeps cookies, however they are written", () => {
    for (const options of [STANDARD, ORIGINAL]) {
      expect(selectStoredFields(["SET-COOKIE", "a=1", "set-Cookie2", "b", "cookie", "c"], options)).toEqual([]);
    }
  });

  it.each([
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Type",
    "Expires",
    "Server",
    "Date",
    "Last-Modified",
    "Location",
    "Vary",
    "Accept-Ranges",
    "Content-Range",
    "Content-Language",
    "Retry-After",
    "WWW-Authenticate",
  ])("HTTP-20 counts %s as standard (OPEN 6)", (name) => {
    expect(selectStoredFields([name, "v"], STANDARD)).toEqual([name, "v"]);
  });

  it("REG-07 REG-08 HTTP-22 keeps Content-Disposition once", () => {
    const twice = ["Content-Disposition", "attachment", "content-disposition", "inline"];
    expect(selectStoredFields(twice, STANDARD)).toEqual(["Content-Disposition", "attachment"]);
    expect(selectStoredFields(twice, ORIGINAL)).toEqual(["Content-Disposition", "attachment"]);
  });

  it("HTTP-20 keeps repeated list fields", () => {
    const fields = ["Cache-Control", "max-age=1", "cache-control", "public"];
    expect(selectStoredFields(fields, STANDARD)).toEqual(fields);
  });

  it("HTTP-20 leaves framing, Age and hop-by-hop fields out in both modes", () => {
    const fields = [
      ...["Connection", "X-Hop", "X-Hop", "1", "Keep-Alive", "timeout=5", "Transfer-Encoding", "chunked"],
      ...["Content-Length", "5", "Age", "7", "Upgrade", "h2c", "Trailer", "X"],
    ];
    expect(selectStoredFields(fields, STANDARD)).toEqual([]);
    expect(selectStoredFields(fields, ORIGINAL)).toEqual([]);
  });

  it("ORG-46 keeps the origin's ETag with OriginalETag only", () => {
    expect(selectStoredFields(["ETag", '"x"'], STANDARD)).toEqual([]);
    expect(selectStoredFields(["ETag", '"x"'], ORIGINAL)).toEqual([]);
    expect(selectStoredFields(["ETag", '"x"'], { originalHeader: false, originalETag: true })).toEqual(["ETag", '"x"']);
  });
});

describe("fields after a renewal", () => {
  it("TTL-02 takes from a 304 what it says anew, and nothing about the body or cookies", () => {
    const stored = ["Content-Type", "text/css", "Cache-Control", "max-age=1", "Location", "/l"];
    const received = [
      ...["cache-control", "max-age=9", "Expires", "0", "Content-Type", "text/html", "Content-Length", "0"],
      ...["Set-Cookie", "a=1", "Connection", "close"],
    ];
    expect(updateStoredFields(stored, received, STANDARD)).toEqual([
      ...["Content-Type", "text/css", "Location", "/l", "cache-control", "max-age=9", "Expires", "0"],
    ]);
  });
});

describe("fields for the client", () => {
  const options = (changes: Partial<ClientFieldOptions> = {}): ClientFieldOptions => ({
    ...DEFAULT_OPTIONS,
    originalETag: false,
    ...changes,
  });
  const stored = (...fields: readonly string[]) => ({ fields, storedAtMs: 0x502dd614 * 1000 + 7, sizeBytes: 2100267 });
  const select = (changes: Partial<ClientFieldOptions>, ...fields: readonly string[]) =>
    selectClientFields(stored(...fields), options({ etagHeader: false, viaHeader: false, ...changes }), PRODUCT);

  it("HTTP-19 REG-17 makes an ETag of time and size", () => {
    expect(generatedEtag(0x502dd614 * 1000 + 999, 2100267)).toBe('"502dd614:200c2b"');
    expect(generatedEtag(0x502dd614 * 1000, 0)).toBe('"502dd614:0"');
  });

  it("HTTP-18 sends an ETag unless switched off, HTTP-19 the origin's with OriginalETag", () => {
    const object = stored("ETag", '"origin"');
    expect(clientEtag(object, { etagHeader: true, cachingProfile: "guide", originalETag: false })).toBe(
      '"502dd614:200c2b"',
    );
    expect(clientEtag(object, { etagHeader: true, cachingProfile: "guide", originalETag: true })).toBe('"origin"');
    expect(clientEtag(stored(), { etagHeader: true, cachingProfile: "guide", originalETag: true })).toBeUndefined();
    expect(clientEtag(object, { etagHeader: false, cachingProfile: "guide", originalETag: true })).toBeUndefined();
    expect(select({ etagHeader: true }, "ETag", '"origin"')).toEqual(["ETag", '"502dd614:200c2b"']);
  });

  it.each([
    ['"a"', '"a"'],
    ['W/"a"', 'W/"a"'],
    ['""', '""'],
    ["a", '"a"'],
    ["W/a,b", 'W/"a,b"'],
    ['"a', undefined],
    ['a"b"', undefined],
    ["a b", undefined],
    ["", undefined],
  ])("REG-17 the origin's ETag %s is sent as %s", (tag, sent) => {
    const options = { etagHeader: true, originalETag: true };
    expect(clientEtag(stored("ETag", tag), { ...options, cachingProfile: "guide" })).toBe(sent);
    expect(clientEtag(stored("ETag", tag), { ...options, cachingProfile: "rfc9111" })).toBe(tag);
  });

  it("HTTP-25 passes the origin's Server on or not; none is made up (A5 of spec 04)", () => {
    expect(select({}, "Server", "nginx")).toEqual(["Server", "nginx"]);
    expect(select({ serverHeader: false }, "Server", "nginx")).toEqual([]);
    expect(select({})).toEqual([]);
  });

  it("HTTP-24 sends Via with name and version as given", () => {
    expect(select({ viaHeader: true })).toEqual(["Via", "Basalt/1.2.3"]);
    expect(viaValue({ viaHeader: false }, PRODUCT)).toBeUndefined();
  });

  it("REG-09 HTTP-23 makes no Content-Type up", () => {
    expect(select({}, "Expires", "0")).toEqual(["Expires", "0"]);
  });

  it("HTTP-20 hides what was stored with OriginalHeader once it is off", () => {
    expect(select({ originalHeader: true }, "X-A", "1")).toEqual(["X-A", "1"]);
    expect(select({ originalHeader: false }, "X-A", "1")).toEqual([]);
  });

  it("leaves Date to the delivering side", () => {
    expect(select({}, "Date", "x")).toEqual([]);
  });

  it("TTL-08 lets clients keep a no-cache answer for MaxAge", () => {
    const ttl = { ...DEFAULT_OPTIONS.ttl, noCache: { seconds: 5, ratio: 0, max: 5, maxAge: 10 } };
    expect(select({ ttl }, "Cache-Control", "no-cache")).toEqual(["Cache-Control", "max-age=10"]);
    expect(select({ ttl }, "Cache-Control", "max-age=7")).toEqual(["Cache-Control", "max-age=7"]);
    expect(select({}, "Cache-Control", "no-cache")).toEqual(["Cache-Control", "no-cache"]);
  });

  it("HTTP-12 counts Age from the arrival", () => {
    const second = 1000;
    const facts = (ageSeconds: number, dateMs?: number) => ({ ageSeconds, dateMs });
    expect(ageOnArrival(facts(0), 0, 400)).toBe(0);
    expect(ageOnArrival(facts(10), 100 * second, 102 * second)).toBe(12);
    expect(ageOnArrival(facts(0, 90 * second), 100 * second, 100 * second)).toBe(10);
    expect(ageOnArrival(facts(0, 500 * second), 100 * second, 100 * second)).toBe(0);
    expect(currentAge(0, 1000 * second, 1030 * second + 500)).toBe(30);
    expect(currentAge(12, 1000 * second, 1001 * second)).toBe(13);
    expect(currentAge(0, 1000 * second, 999 * second)).toBe(0);
  });
});

describe("the connection after a response", () => {
  const OPEN = ["Connection", "keep-alive"];
  const CLOSED = { keepAlive: false, fields: ["Connection", "close"] };
  const rules = (changes: Partial<typeof DEFAULT_OPTIONS> = {}) =>
    compileConnectionRules({ ...DEFAULT_OPTIONS, ...changes });

  it("HTTP-06 closes when the client asks for it (A1 of spec 04)", () => {
    expect(rules()(FIELD.CLOSE, 1, 0)).toEqual(CLOSED);
    expect(rules({ keepAliveHeaderMax: 5 })(FIELD.CLOSE | FIELD.KEEP_ALIVE, 1, 0)).toEqual(CLOSED);
  });

  it("HTTP-06 closes for HTTP/1.0 unless it asks for keep-alive (OPEN 2)", () => {
    expect(rules()(0, 0, 0)).toEqual(CLOSED);
    expect(rules()(FIELD.KEEP_ALIVE, 0, 0).keepAlive).toBe(true);
  });

  it("HTTP-07 closes always with ConnectionHeader close (HTTP-01)", () => {
    expect(rules({ connectionHeader: "close" })(FIELD.KEEP_ALIVE, 1, 0)).toEqual(CLOSED);
  });

  it("HTTP-08 sends no Keep-Alive with KeepAliveHeader off (HTTP-03), and sets no limit", () => {
    const decide = rules({ keepAliveHeader: false, keepAliveHeaderMax: 2 });
    expect(decide(0, 1, 0)).toEqual({ keepAlive: true, fields: OPEN });
    expect(decide(0, 1, 1000).keepAlive).toBe(true);
  });

  it("HTTP-09 tells the time-out (A1 of spec 04)", () => {
    expect(rules()(0, 1, 0)).toEqual({ keepAlive: true, fields: [...OPEN, "Keep-Alive", "timeout=10"] });
  });

  it("HTTP-10 counts down and HTTP-11 closes when used up (HTTP-04, A2 of spec 04)", () => {
    const decide = rules({ keepAliveHeaderMax: 2 });
    expect(decide(0, 1, 0).fields).toEqual([...OPEN, "Keep-Alive", "timeout=10, max=2"]);
    expect(decide(0, 1, 1).fields).toEqual([...OPEN, "Keep-Alive", "timeout=10, max=1"]);
    expect(decide(0, 1, 2)).toEqual(CLOSED);
  });

  it("HTTP-10 answers 51 transactions with Max 50 (OPEN 1)", () => {
    const decide = rules({ keepAliveHeaderMax: 50 });
    const open = Array.from({ length: 60 }, (_, served) => decide(0, 1, served).keepAlive);
    expect(open.indexOf(false)).toBe(50);
  });
});
