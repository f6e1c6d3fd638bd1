import { describe, expect, it } from "vitest";
import { accept, onlyVhost, warningsOf } from "./support.ts";

const FOLDER = "svc/www.example.com";
const read = (name: string, text: string) => onlyVhost(accept({ [`${FOLDER}/${name}`]: text })).conditions;
const patternOf = (rule: { readonly condition: { readonly terms: readonly unknown[] } }) => rule.condition.terms[0];

describe("condition files", () => {
  it("CFG-62 belong to the host of their folder; an absent file is empty", () => {
    const files = { "svc/other.example.com/ttl.txt": "/a, 5" };
    expect(onlyVhost(accept(files)).conditions).toEqual({
      acl: [],
      users: [],
      ttl: [],
      bypass: [],
      querystring: [],
      compression: [],
      headers: [],
      expires: [],
      postbody: [],
      throttling: [],
    });
  });

  it("CFG-63 skips comments and empty lines, takes CR LF and a byte order mark, and counts lines", () => {
    const { ttl } = read("ttl.txt", "\uFEFF# first\r\n\r\n  # second\r\n/a, 5\r\n\r\n/b,6\r\n");
    expect(ttl.map(({ seconds, line }) => [seconds, line])).toEqual([
      [5, 4],
      [6, 6],
    ]);
  });

  it("TTL-19 CFG-71 reads URLs with seconds or a time expression", () => {
    const text = "*.jsp, 10\n/,5\n/index.html, 5\n/script/*.js, 300\n/image/ad.jpg, 6 hours";
    const { ttl } = read("ttl.txt", text);
    expect(ttl.map((rule) => rule.seconds)).toEqual([10, 5, 5, 300, 21_600]);
    expect(patternOf(ttl[1] ?? { condition: { terms: [] } })).toEqual({
      kind: "url",
      pattern: "/",
      withQuery: false,
      negated: false,
    });
  });

  it("BYP-06 BYP-07 BYP-08 BYP-09 reads the three kinds of lines", () => {
    const text =
      "$IP[192.168.2.1-255]\n!HEADER[referer] & !HEADER[user-agent], bypass\n$HEADER[cookie: *ILLEGAL*], Cache";
    const { bypass } = read("bypass.txt", text);
    expect(bypass.map((rule) => [rule.action, rule.condition.terms.length, rule.line])).toEqual([
      ["opposite", 1, 1],
      ["bypass", 2, 2],
      ["cache", 1, 3],
    ]);
  });

  it("CFG-63 strips a note behind // (OPEN 12)", () => {
    const { bypass } = read("bypass.txt", "/index.html // goes the other way");
    expect(bypass).toHaveLength(1);
  });

  it("KEY-06 reads one URL per line, with its query string", () => {
    const { querystring } = read("querystring.txt", "/private/personal.jsp?login=ok*\n/image/ad.jpg");
    expect(querystring.map(patternOf)).toMatchObject([
      { pattern: "/private/personal.jsp?login=ok*", withQuery: true },
      { pattern: "/image/ad.jpg", withQuery: false },
    ]);
  });

  it("HTTP-58 CMP-20 CMP-21 CMP-22 CMP-23 CMP-24 reads method and level, a number in field 2 as level (OPEN 17)", () => {
    const text = "/sample.css, no\n*.css\n*.htm, gzip\n*.xml, , 9\n*.js, gzip, 5\n*.txt, 3";
    const { compression } = read("compression.txt", text);
    expect(compression.map(({ compress, method, level }) => [compress, method, level])).toEqual([
      [false, undefined, undefined],
      [true, undefined, undefined],
      [true, "gzip", undefined],
      [true, undefined, 9],
      [true, "gzip", 5],
      [true, undefined, 3],
    ]);
  });

  it("CMP-25 trims blanks and ignores comments, empty lines and explanations", () => {
    const text = [
      ...["# texts", "", "  /sample.css , no   // not this one", "\t*.css // method and level by default"],
      ...["*.htm, GZIP // gzip", "*.xml, , 9 // level 9", "/exact/path.js,gzip,5// no blank in front"],
    ].join("\r\n");
    const { compression } = read("compression.txt", text);
    expect(compression.map((rule) => [patternOf(rule), rule.compress, rule.method, rule.level])).toMatchObject([
      [{ pattern: "/sample.css" }, false, undefined, undefined],
      [{ pattern: "*.css" }, true, undefined, undefined],
      [{ pattern: "*.htm" }, true, "gzip", undefined],
      [{ pattern: "*.xml" }, true, undefined, 9],
    ]);
  });

  it("CMP-24 reads the methods that go beyond the guide, each with its own levels", () => {
    const { compression } = read("compression.txt", "*.css, br, 11\n*.js, zstd, 19\n*.xml, br, 0\n*.json, zstd");
    expect(compression.map(({ method, level }) => [method, level])).toEqual([
      ["br", 11],
      ["zstd", 19],
      ["br", 0],
      ["zstd", undefined],
    ]);
  });

  it("HTTP-44 HTTP-45 ORG-53 reads the three kinds of lines of headers.txt, as the guide writes them", () => {
    const text = [
      "$IP[192.168.1.1], $REQ[SOAPAction], unset",
      "$IP[192.168.3.0/24], $REQ[cache-control: no-cache], append",
      "$URL[/source/*.zip], $REQ[accept-encoding: deflate], set",
      "$IP[192.168.2.1-255], $RES[X-Cache], unset, 200",
      "$URL[/source/*], $RES[cache-control: no-cache], set, 404",
      "$HEADER[x-custom-header], $RES[cache-control: no-cache, private], append, 5xx",
      "/*.mp4, $res[Access-Control-Allow-Origin: example2.com], PUT // a note",
      "$URL[/*.mp4], $ORGREQ[x-media-type: video/mp4], set",
      "$METHOD[OPTIONS], $RES[Allow:], set",
      "$URL[*], $RES[X-Url: http://a/?b=[1]], set",
    ].join("\n");
    const { headers } = read("headers.txt", text);
    const rows = headers.map(({ direction, action, name, value, statuses, line }) => {
      const status = statuses === undefined ? "" : `${statuses.first}-${statuses.last}`;
      return [line, direction, action, name, value, status].join(" | ");
    });
    expect(rows).toEqual([
      "1 | request | unset | SOAPAction |  | ",
      "2 | request | append | cache-control | no-cache | ",
      "3 | request | set | accept-encoding | deflate | ",
      "4 | response | unset | X-Cache |  | 200-200",
      "5 | response | set | cache-control | no-cache | 404-404",
      "6 | response | append | cache-control | no-cache, private | 500-599",
      "7 | response | put | Access-Control-Allow-Origin | example2.com | ",
      "8 | originRequest | set | x-media-type | video/mp4 | ",
      "9 | response | set | Allow |  | ",
      "10 | response | set | X-Url | http://a/?b=[1] | ",
    ]);
    expect(headers[5]?.condition.terms).toMatchObject([{ kind: "header", name: "x-custom-header" }]);
  });

  it("HTTP-53 reads the line for HSTS", () => {
    const { headers } = read(
      "headers.txt",
      "*, $RES[Strict-Transport-Security: max-age=31536000; includeSubDomains], set",
    );
    expect(headers.map(({ name, value }) => [name, value])).toEqual([
      ["Strict-Transport-Security", "max-age=31536000; includeSubDomains"],
    ]);
  });

  it("HTTP-15 reads time and base of expires.txt", () => {
    const text = [
      "$URL[/test.jpg], 86400",
      "*, 86400, access",
      "/test/1.gif, 60 sec",
      "/test/*.dat, 30 min, modification",
      "$MIME[application/shockwave], 1 years",
      "$MIME[image/gif], 1 day 12 hours, Access",
    ].join("\n");
    const { expires } = read("expires.txt", text);
    expect(expires.map(({ seconds, base }) => [seconds, base])).toEqual([
      [86_400, undefined],
      [86_400, "access"],
      [60, undefined],
      [1_800, "modification"],
      [31_536_000, undefined],
      [129_600, "access"],
    ]);
    expect(patternOf(expires[5] ?? { condition: { terms: [] } })).toMatchObject({ kind: "mime", pattern: "image/gif" });
  });

  it("KEY-14 reads one URL per line of postbody.txt", () => {
    const { postbody } = read("postbody.txt", "/bigsale/*.php?nocache=*\n/goods/search.php");
    expect(postbody.map(patternOf)).toMatchObject([
      { pattern: "/bigsale/*.php?nocache=*", withQuery: true },
      { pattern: "/goods/search.php", withQuery: false },
    ]);
  });

  it.each([
    ["/a", '"" is none of $REQ[…], $RES[…] and $ORGREQ[…].'],
    ["/a, $RES[X: 1]", '"" is none of set, put, append, unset.'],
    ["/a, $RES[X: 1], sett", '"sett" is none of set, put, append, unset. Did you mean set?'],
    ["/a, $RESP[X: 1], set", '"$RESP[X: 1]" is none of $REQ[…], $RES[…] and $ORGREQ[…].'],
    ["/a, $RES[X: 1]y, set", '"$RES[X: 1]y" is none of $REQ[…], $RES[…] and $ORGREQ[…].'],
    ["/a, $RES[X: 1, set", "The bracket of $RES[X: 1, set is not closed."],
    ["/a, $RES[], set", '"" cannot be the name of a header field.'],
    ["/a, $RES[X Y: 1], set", '"X Y" cannot be the name of a header field.'],
    ["/a, $RES[X: a\0b], set", "The value of X holds characters that a header field cannot carry."],
    ["/a, $RES[X: a\u000bb], set", "The value of X holds characters that a header field cannot carry."],
    ["/a, $RES[X: \u010d\u010a], set", "The value of X holds characters that a header field cannot carry."],
    ["/a, $RES[X: 1], set, 20x", '"20x" is neither a status nor one of 2xx to 5xx.'],
    ["/a, $RES[X: 1], set, 100", '"100" is neither a status nor one of 2xx to 5xx.'],
    ["/a, $RES[X: 1], set, 200, 1", "There are 5 fields, but only 4 can be."],
    ["/a, $REQ[X: 1], set, 200", "Only $RES takes a status."],
    ["/a, $RES[X: 1], unset", "unset takes a name only."],
    ["/a, $REQ[X: #CACHEHIT], set", "Only $RES knows #CACHEHIT."],
    ["$METHOD[POST], $REQ[host: sub.example.com], set", "host cannot be changed."],
    ["/a, $REQ[Content-Length: 1], set", "Content-Length cannot be changed."],
    ["/a, $RES[Content-Length: 1], set", "Content-Length cannot be changed."],
    ["/a, $RES[Transfer-Encoding], unset", "Transfer-Encoding cannot be changed."],
    ["/a, $RES[Connection: close], set", "Connection cannot be changed."],
    ["/a, $ORGREQ[Range: bytes=0-], set", "Range cannot be changed."],
    ["/a, $ORGREQ[Host: a], put", "Host can only be set."],
    ["$MIME[a/b], $RES[X: 1], set", "MIME cannot be used here, only URL, IP, HEADER, METHOD."],
    ["$METHOD[PUT], $RES[X: 1], set", "PUT is none of the methods GET, POST, HEAD, OPTIONS."],
  ])("HTTP-44 HTTP-45 skips a bad line of headers.txt and says why: %j", (line, message) => {
    const files = { [`${FOLDER}/headers.txt`]: `*, $RES[A], unset\n \t${line}\n*, $RES[B], unset` };
    expect(warningsOf(files)).toEqual([`${FOLDER}/headers.txt:2:3: warning: The line is skipped. ${message}`]);
    expect(onlyVhost(accept(files)).conditions.headers.map((rule) => rule.line)).toEqual([1, 3]);
  });

  it("HTTP-44 a carriage return ends a line, so that no value can hold one", () => {
    const { headers } = read("headers.txt", "*, $RES[X: a\r\nSet-Cookie: b], set\r*, $RES[Y], unset");
    expect(headers.map(({ name }) => name)).toEqual(["Y"]);
  });

  it.each([
    ["ttl.txt", "/a", '"" is not a time expression.'],
    ["ttl.txt", "/a, soon", '"soon" is not a time expression.'],
    ["ttl.txt", "/a, 5, 6", "There are 3 fields, but only 2 can be."],
    ["ttl.txt", "$IP[1.1.1.1], 5", "IP cannot be used here, only URL."],
    ["bypass.txt", "/a, allow", '"allow" is neither cache nor bypass.'],
    ["bypass.txt", "$METHOD[GET]", "METHOD cannot be used here, only URL, IP, HEADER, PROTOCOL."],
    ["bypass.txt", "$HEADER[a", "The bracket of $HEADER[a is not closed."],
    ["querystring.txt", "/a, /b", "There are 2 fields, but only 1 can be."],
    ["compression.txt", "*.js, lzma", '"lzma" is none of gzip, br, zstd, no and a level.'],
    ["compression.txt", "*.js, br, 12", 'The level "12" is not 0 to 11.'],
    ["compression.txt", "*.js, zstd, 20", 'The level "20" is not 1 to 19.'],
    ["compression.txt", "*.js, , 0", 'The level "0" is not 1 to 9.'],
    ["compression.txt", "*.js, -1", '"-1" is none of gzip, br, zstd, no and a level.'],
    ["compression.txt", "*.js, gzip, six", 'The level "six" is not 1 to 9.'],
    ["compression.txt", "*.js, gzip, 10", 'The level "10" is not 1 to 9.'],
    ["compression.txt", "*.js, 5, 6", "The level stands twice."],
    ["expires.txt", "/a, never", '"never" is not a time expression.'],
    ["expires.txt", "/a, 101 years", '"101 years" is longer than 100 years.'],
    ["expires.txt", "/a, 5, creation", '"creation" is neither access nor modification.'],
    ["expires.txt", "$IP[1.1.1.1], 5", "IP cannot be used here, only URL, MIME."],
    ["postbody.txt", "/a, /b", "There are 2 fields, but only 1 can be."],
    ["querystring.txt", `/${"a".repeat(10_000)}`, "It is longer than 8192 characters."],
  ])("CFG-63 skips a bad line of %s: %s", (name, line, message) => {
    const good = ["ttl.txt", "expires.txt"].includes(name) ? "/good, 5" : "/good";
    const files = { [`${FOLDER}/${name}`]: `${good}\n  ${line}\n${good}` };
    expect(warningsOf(files)).toEqual([`${FOLDER}/${name}:2:3: warning: The line is skipped. ${message}`]);
    const rules = Object.values(onlyVhost(accept(files)).conditions).flat();
    expect(rules.map((rule) => rule.line)).toEqual([1, 3]);
  });

  it("CFG-62 warns of files that this version does not read", () => {
    expect(warningsOf({ [`${FOLDER}/tll.txt`]: "/a, 5" })).toEqual([
      expect.stringContaining(`${FOLDER}/tll.txt: warning: The file is not read. Did you mean ttl.txt?`),
    ]);
  });

  it("CFG-62 names folders that belong to no host, and counts the rest", () => {
    const files = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`svc/gone${n}.test/ttl.txt`, "/a, 5"]));
    const warnings = warningsOf(files);
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toBe("svc/gone0.test: warning: The folder belongs to no virtual host.");
    expect(warnings[5]).toBe("svc: warning: 3 more of its folders belong to no virtual host.");
  });
});
