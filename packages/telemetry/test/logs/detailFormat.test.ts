import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RecordedHeads } from "../../src/clientTransaction.ts";
import {
  detailLine,
  MOST_FIELD_BYTES,
  rankOf,
  rankOfExchange,
  rankOfTransaction,
  secretFields,
} from "../../src/logs/index.ts";
import { MOMENT, transactionWith } from "./support.ts";

const headsOf = (fields: readonly string[], response?: string, isWhole = true): RecordedHeads => ({
  requestFields: () => fields,
  response: response === undefined ? undefined : { text: response, isWhole },
});

const recordOf = (heads: RecordedHeads, mask: readonly string[] = []) => {
  const line = detailLine(transactionWith(), heads, secretFields(mask), MOMENT);
  expect(line).not.toMatch(/[\r\n]/);
  return JSON.parse(Buffer.from(line, "latin1").toString("utf8"));
};

describe("the detail log", () => {
  it("AWS-91 has the whole heads of request and response, beside what joins them to other logs", () => {
    const heads = headsOf(
      ["Host", "www.example.com", "X-A", "1", "x-a", "2"],
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Cache: TCP_HIT",
    );
    expect(recordOf(heads)).toEqual({
      time: new Date(MOMENT).toISOString(),
      vhost: "www.example.com",
      session_id: "7",
      client_ip: "61.50.7.9",
      client_port: 40_000,
      scheme: "http",
      request: {
        line: "GET /web/h.gif HTTP/1.1",
        fields: [
          ["Host", "www.example.com"],
          ["X-A", "1"],
          ["x-a", "2"],
        ],
      },
      response: {
        line: "HTTP/1.1 200 OK",
        fields: [
          ["Content-Type", "text/plain"],
          ["X-Cache", "TCP_HIT"],
        ],
      },
      status: 200,
      cache_result: "TCP_HIT",
      body_bytes_received: 0,
      body_bytes_sent: 1000,
      time_taken_ms: 5,
      is_complete: true,
    });
  });

  it.each([
    ["Authorization", "Basic dTpw", "Basic ***"],
    ["authorization", "AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "AWS4-HMAC-SHA256 ***"],
    ["Authorization", "token-alone", "***"],
    ["Authorization", "no\u00e9 scheme here", "***"],
    ["Proxy-Authorization", "Bearer abc.def", "Bearer ***"],
    ["Cookie", "id=secret; theme=dark; naked", "id=***; theme=***; ***"],
    ["X-API-Key", "k", "***"],
    ["x-amz-security-token", "k", "***"],
    ["X-Session", "k", "***"],
    ["X-Other", "shown", "shown"],
  ])("AWS-91 hides the secret of %s: %s", (name, value, shown) => {
    expect(recordOf(headsOf([name, value]), ["X-Session"]).request.fields).toEqual([[name, shown]]);
  });

  it("AWS-91 hides the values of cookies that are set, and shows their attributes", () => {
    const response = "HTTP/1.1 200 OK\r\nSet-Cookie: id=secret=1; Path=/; HttpOnly";
    expect(recordOf(headsOf([], response)).response.fields).toEqual([["Set-Cookie", "id=***; Path=/; HttpOnly"]]);
  });

  it.each([
    ["id=a; Path=/, other=SECRET; HttpOnly", "id=***; ***; HttpOnly"],
    ["id=a; Expires=Wed, 09 Jun 2027 10:18:14 GMT, b=SECRET", "id=***; ***"],
    ["id=a; HttpOnly, b=SECRET; Secure", "id=***; ***; Secure"],
    ["id=a; SECRET", "id=***; ***"],
    [
      "id=a; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Max-Age=9; SameSite=Lax",
      "id=***; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Max-Age=9; SameSite=Lax",
    ],
  ])("AWS-91 shows nothing of a second cookie in one field: %s", (value, shown) => {
    const { response } = recordOf(headsOf([], `HTTP/1.1 200 OK\r\nSet-Cookie: ${value}`));
    expect(response.fields).toEqual([["Set-Cookie", shown]]);
  });

  it("AWS-91 has no character that a terminal obeys or a reader takes for a line end", () => {
    const value = Buffer.from("a\u0085b\u2028c\u009b31md\u007f", "utf8").toString("latin1");
    const heads = headsOf(["X-A", value, "X-B", "\x9b2J"]);
    const line = Buffer.from(detailLine(transactionWith(), heads, secretFields([]), MOMENT), "latin1").toString("utf8");
    expect(line).not.toMatch(/[\u007f-\u009f\u2028\u2029]/);
    expect(recordOf(heads).request.fields).toEqual([
      ["X-A", "a\u0085b\u2028c\u009b31md\u007f"],
      ["X-B", "\u009b2J"],
    ]);
  });

  it("AWS-91 has no response where the client left before there was one", () => {
    expect(recordOf(headsOf(["Host", "a"])).response).toBeNull();
  });

  it("AWS-91 is bounded, and says of what it has cut that there was more", () => {
    const many = Array.from({ length: 4_000 }, (_, index) => (index % 2 === 0 ? `x-${index}` : "v".repeat(100)));
    const { request } = recordOf(headsOf(many));
    expect(request.truncated).toBe(true);
    expect(JSON.stringify(request).length).toBeLessThan(MOST_FIELD_BYTES * 2);
    const { response } = recordOf(headsOf([], "HTTP/1.1 200 OK\r\nA: 1\r\nSet-Cookie: id=sec", false));
    expect(response).toEqual({ line: "HTTP/1.1 200 OK", fields: [["A", "1"]], truncated: true });
  });

  it("AWS-91 is one line of JSON, without the secret, whatever clients and origins send", () => {
    const text = fc.string({ unit: "binary", maxLength: 30 }).map((value) => Buffer.from(value).toString("latin1"));
    fc.assert(
      fc.property(text, text, (name, value) => {
        const heads = headsOf([name, value, "cookie", `${value}SECRETVALUE`], `HTTP/1.1 200 OK\r\n${name}:${value}`);
        recordOf(heads);
        expect(detailLine(transactionWith(), heads, secretFields([]), MOMENT)).not.toContain("SECRETVALUE");
      }),
    );
  });
});

describe("the level of a host's logs", () => {
  it.each([
    [200, true, "INFO"],
    [304, true, "INFO"],
    [404, true, "WARNING"],
    [429, true, "WARNING"],
    [200, false, "WARNING"],
    [0, false, "WARNING"],
    [500, true, "ERROR"],
    [503, false, "ERROR"],
  ] as const)("AWS-91 a client's %i, complete: %s, is of level %s", (status, isComplete, level) => {
    expect(rankOfTransaction({ status, isComplete })).toBe(rankOf(level));
  });

  it.each([
    [200, false, "INFO"],
    [404, false, "WARNING"],
    [502, false, "ERROR"],
    [0, true, "ERROR"],
  ] as const)("AWS-91 an origin's %i, failed: %s, is of level %s", (status, hasFailed, level) => {
    expect(rankOfExchange(status, hasFailed)).toBe(rankOf(level));
  });
});
