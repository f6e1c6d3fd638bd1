import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DENY_HEADER,
  DNS_HEADER,
  OriginErrorFormat,
  OriginFormat,
  originWarning,
  writeDenyLine,
  writeDnsLine,
} from "../../src/logs/index.ts";
import { lineOf, MOMENT, originTransactionWith } from "./support.ts";

const origin = new OriginFormat();
const errors = new OriginErrorFormat();

const originLine = (changes: Parameters<typeof originTransactionWith>[0] = {}): string =>
  lineOf((line) => origin.write(line, originTransactionWith(changes), 357, MOMENT));

describe("the origin log", () => {
  it("LOG-145 LOG-115 to LOG-143 writes the guide's line with 29 columns", () => {
    const line = originLine({
      sent: { "accept-encoding": "gzip, deflate" },
      got: { "content-length": "3874", "content-encoding": "gzip" },
    });
    expect(line).toBe(
      "2012.06.27 16:52:24 357 899 192.168.0.13 GET i.example.com /t/2.gif 115.71.9.136 200 - - - 3874 197 271 3874 20 0 0 17 3 - gzip+deflate - 80 gzip 7 cache",
    );
    expect(line.split(" ")).toHaveLength(29);
    expect(origin.header().trim().split(" ")).toHaveLength(30);
  });

  it.each([
    ["private", "PrivateBypass", "cache"],
    ["bypass", "Bypass", "cache"],
    ["probe", "-", "recovery"],
    ["healthcheck", "-", "healthcheck"],
  ] as const)("LOG-137 LOG-143 ORG-08 ORG-19 tells what a %s transaction is for", (purpose, info, type) => {
    const columns = originLine({ purpose, sessionId: 0n }).split(" ");
    expect([columns[22], columns[27], columns[28]]).toEqual([info, "-", type]);
  });

  it("LOG-125 LOG-127 LOG-139 shows range, error status and Cache-Control", () => {
    const columns = originLine({
      status: 503,
      sent: { range: "bytes=0-99" },
      got: { "cache-control": "no-cache, max-age=0" },
    }).split(" ");
    expect([columns[9], columns[10], columns[12], columns[24]]).toEqual(["503", "0-99", "503", "no-cache+max-age=0"]);
  });

  it("REG-298 LOG-121 names the URL with its QueryString", () => {
    const columns = originLine({ target: "/t/2.gif?a=1&b= c?d" }).split(" ");
    expect([columns[7], columns.length]).toEqual(["/t/2.gif?a=1&b=+c?d", 29]);
  });

  it("LOG-144 A13 of spec 10: time-taken is time-firstbyte and time-complete, whatever the parts are", () => {
    const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, ms, ms, (dnsMs, connectMs, sendMs, firstByteMs, completeMs) => {
        const columns = originLine({ dnsMs, connectMs, sendMs, firstByteMs, completeMs }).split(" ").map(Number);
        const [taken = 0, dns = 0, connect = 0, first = 0, complete = 0] = columns.slice(17, 22);
        expect(columns).toHaveLength(29);
        expect(taken).toBe(first + complete);
        expect(dns).toBeLessThanOrEqual(connect);
        expect(connect).toBeLessThanOrEqual(first);
      }),
    );
  });

  it.each([
    ["ORIGIN_CONNECT_TIMEOUT", "01", "Connect-Timeout"],
    ["ORIGIN_CONNECT_FAILED", "01", "Connect-Timeout"],
    ["ORIGIN_RECEIVE_TIMEOUT", "02", "Receive-Timeout"],
    ["ORIGIN_CLOSED", "03", "Server-Close"],
    ["ORIGIN_MALFORMED", "04", "Malformed-Response"],
  ])("REG-98 LOG-114 LOG-126 %s is error %s, %s", (ended, number, word) => {
    const failed = { ended, status: 0, connectMs: 1824, sendMs: 0, firstByteMs: 0, completeMs: 0, sessionId: 11n };
    const line = lineOf((buffer) => origin.writeFailure(buffer, originTransactionWith(failed), MOMENT));
    expect(line).toBe(
      `#[ERROR:${number}] 2012.06.27 16:52:24 i.example.com 115.71.9.136 GET /t/2.gif 1824 ${word} - 11 cache`,
    );
    expect(originLine(failed).split(" ")[11]).toBe(word);
  });

  it("LOG-114 writes nothing of one that did not fail", () => {
    expect(lineOf((line) => origin.writeFailure(line, originTransactionWith({ ended: "aborted" }), MOMENT))).toBe("");
  });
});

describe("the origin error log", () => {
  it("LOG-38 LOG-39 writes a failure", () => {
    const failed = originTransactionWith({
      ended: "ORIGIN_CONNECT_TIMEOUT",
      status: 0,
      connectMs: 20_110,
      sendMs: 0,
      firstByteMs: 0,
      completeMs: 0,
    });
    expect(lineOf((line) => errors.writeFailure(line, failed, MOMENT))).toBe(
      "2012.06.27 16:52:24 [www.example.com] [ERROR] i.example.com 115.71.9.136 GET /t/2.gif 20110 Connect-Timeout -",
    );
    expect(errors.header()).toContain("sc-error sc-resinfo\n");
  });

  it("LOG-40 writes what was excluded as a comment", () => {
    const line = lineOf((buffer) =>
      errors.writeComment(buffer, "example.com", "Origin server list: 192.168.0.14", MOMENT),
    );
    expect(line).toBe("#2012.06.27 16:52:24 [example.com] Origin server list: 192.168.0.14");
  });

  it.each([
    ["LOG-42", { ended: "ORIGIN_CLOSED", status: 0 }, "ClosedWithoutResponse"],
    ["LOG-43", { ended: "ORIGIN_CLOSED", status: 200 }, "ClosedWhenDownloading"],
    ["LOG-44", { sent: { range: "bytes=0-9" }, status: 200 }, "NotPartialResponseOnRangeRequest"],
    ["LOG-44 not of an error", { sent: { range: "bytes=0-9" }, status: 404 }, undefined],
    [
      "LOG-45",
      { sent: { range: "bytes=0-9" }, status: 206, got: { "content-length": "5", "content-range": "bytes 0-4/100" } },
      "DifferentContentLengthOnRangeRequest",
    ],
    [
      "LOG-45 not at the end of the body",
      { sent: { range: "bytes=0-9" }, status: 206, got: { "content-length": "5", "content-range": "bytes 0-4/5" } },
      undefined,
    ],
    [
      "LOG-45 not of an open range",
      { sent: { range: "bytes=2-" }, status: 206, got: { "content-length": "3", "content-range": "bytes 2-4/5" } },
      undefined,
    ],
    ["LOG-46", { status: 206 }, "PartialResponseOnNormalRequest"],
    ["nothing", {}, undefined],
  ] as const)("%s LOG-41 finds bad behaviour", (_, changes, warning) => {
    expect(originWarning(originTransactionWith(changes))).toBe(warning);
  });

  it("LOG-46 A11 of spec 10 tells status and length with it", () => {
    const transaction = originTransactionWith({ status: 206, got: { "content-length": "2635" } });
    expect(lineOf((line) => errors.writeWarning(line, transaction, "PartialResponseOnNormalRequest", MOMENT))).toMatch(
      /\[WARNING\] i\.example\.com .* 20 PartialResponseOnNormalRequest Res=206,Len=2635$/,
    );
  });
});

describe("the small logs", () => {
  it.each([
    [
      "LOG-51",
      { domain: "example.com", ttlSeconds: 157, ips: ["173.194.127.15", "173.194.127.23"], durationMs: 9.3 },
      "2012-06-27 16:52:24 example.com 157 173.194.127.15,173.194.127.23 2 9 success",
    ],
    [
      "LOG-50",
      { domain: "test.com", ttlSeconds: 0, ips: [], durationMs: 10_008 },
      "2012-06-27 16:52:24 test.com 0 - 0 10008 fail",
    ],
  ])("%s writes a resolution", (_, resolution, text) => {
    expect(lineOf((line) => writeDnsLine(line, resolution, MOMENT))).toBe(text);
    expect(DNS_HEADER).toContain("date time domain ttl ip-list ip-count time-taken result");
  });

  it("LOG-36 writes who was refused by what", () => {
    expect(lineOf((line) => writeDenyLine(line, "3.3.3.3", "3.3.3.1-255", MOMENT))).toBe(
      "2012.06.27 16:52:24 3.3.3.3 3.3.3.1-255",
    );
    expect(DENY_HEADER).toBe("#Fields: date time c-ip deny\n");
  });
});
