import { CACHE_RESULTS } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineMemo } from "../../src/clientTransaction.ts";
import { joinedList } from "../../src/logs/escape.ts";
import { type AccessFormatOptions, compileAccessFormat } from "../../src/logs/index.ts";
import { fieldsOf, formatted, MOMENT, transactionWith } from "./support.ts";

const formatWith = (changes: Partial<AccessFormatOptions> = {}) =>
  compileAccessFormat({
    form: "ston",
    xff: "ON",
    customFormat: "",
    balancer: "lb",
    software: "Basalt/1",
    backendOf: () => undefined,
    isTraced: false,
    ...changes,
  });

const ston = formatWith();
const custom = (customFormat: string) => formatWith({ form: "custom", customFormat });

const FORWARDED = fieldsOf({ "x-forwarded-for": "1.1.1.1, 5.5.5.5" });

describe("the form ston", () => {
  it("LOG-54 LOG-79 LOG-59 to LOG-78 writes the guide's line", () => {
    const transaction = transactionWith({
      fields: fieldsOf({ "user-agent": "Chrome/19.0.1084.56", "accept-encoding": "gzip, deflate" }),
      headBytesSent: 141,
      bodyBytesSent: 98_000,
      contentLength: 1_273_735,
      contentCoding: "gzip",
      bypassKind: "bypass",
      tls: { protocol: "SSLv3", cipher: "x" },
    });
    expect(formatted(ston, transaction)).toBe(
      "2012.06.27 16:52:24 220.134.10.5 GET /web/h.gif - 80 - 61.50.7.9 Chrome/19.0.1084.56 200 98141 5 - Bypass+gzip+SSL3 - TCP_HIT gzip+deflate 7 1273735",
    );
  });

  it("REG-300 LOG-29 names the twenty columns at the beginning of a file", () => {
    expect(ston.header(MOMENT)).toMatch(/^#Fields: date time s-ip .* session-id sc-content-length\n$/);
    expect(ston.header(MOMENT).trim().split(" ").length).toBe(21);
  });

  it("LOG-30 A5 of spec 10 keeps twenty columns when the user agent holds blanks", () => {
    const fields = fieldsOf({ "user-agent": "Mozilla/5.0 (Windows NT 6.1; WOW64)", referer: "http://a b/" });
    const columns = formatted(ston, transactionWith({ fields })).split(" ");
    expect(columns).toHaveLength(20);
    expect(columns[9]).toBe("Mozilla/5.0+(Windows+NT+6.1;+WOW64)");
    expect(columns[13]).toBe("http://a+b/");
  });

  it("LOG-63 LOG-64 LOG-66 LOG-74 splits the target, names the user, cuts the unit of the range", () => {
    const fields = fieldsOf({
      authorization: `Basic ${Buffer.from("winesoft:secret").toString("base64")}`,
      range: "bytes=398458880-419430399",
    });
    const line = formatted(ston, transactionWith({ fields, target: "/a?b=1&c=/?d" }));
    expect(line).toContain(" GET /a b=1&c=/?d 80 winesoft ");
    expect(line).toContain(" 398458880-419430399 TCP_HIT ");
    expect(line).not.toContain("secret");
  });

  it("LOG-56 A6 of spec 10 shows 0 and 0 where the client left before any answer", () => {
    const gone = transactionWith({ status: 0, headBytesSent: 0, bodyBytesSent: 0, contentLength: -1 });
    expect(formatted(ston, gone).split(" ").slice(10, 12)).toEqual(["0", "0"]);
    expect(formatted(ston, gone).split(" ").at(-1)).toBe("-");
  });

  it.each([
    ["none", undefined, undefined, "-"],
    ["none", "deflate", undefined, "deflate"],
    ["none", "br", undefined, "-"],
    ["private", undefined, { protocol: "TLSv1.3", cipher: "c" }, "PrivateBypass+TLS1.3"],
    ["none", "x-gzip", { protocol: "TLSv1", cipher: "c" }, "gzip+TLS1"],
  ] as const)("LOG-73 shows %s, %s and TLS as facts of the response", (bypassKind, contentCoding, tls, info) => {
    expect(formatted(ston, transactionWith({ bypassKind, contentCoding, tls })).split(" ")[14]).toBe(info);
  });

  it.each([
    ["ON", FORWARDED, "1.1.1.1,5.5.5.5,2.2.2.2"],
    ["OFF", FORWARDED, "2.2.2.2"],
    ["TrimCIP", FORWARDED, "1.1.1.1,5.5.5.5"],
    ["ON", fieldsOf({}), "2.2.2.2"],
    ["TrimCIP", fieldsOf({ "x-forwarded-for": " " }), "2.2.2.2"],
  ] as const)("REG-293 LOG-53 A8 of spec 10 XFF %s shows the client", (xff, fields, client) => {
    const line = formatted(formatWith({ xff }), transactionWith({ fields, clientIp: "2.2.2.2" }));
    expect(line.split(" ")[8]).toBe(client);
  });

  it("REG-293 LOG-53 no form has a blank within the client, whatever blanks the field and the list have", () => {
    const fields = fieldsOf({ "x-forwarded-for": " 1.1.1.1 ,\t5.5.5.5 ,  , 2001:db8::1 " });
    const clients = {
      ON: "1.1.1.1,5.5.5.5,,2001:db8::1,2.2.2.2",
      TrimCIP: "1.1.1.1,5.5.5.5,,2001:db8::1",
      OFF: "2.2.2.2",
    };
    for (const xff of ["ON", "TrimCIP", "OFF"] as const) {
      const transaction = transactionWith({ fields, clientIp: "2.2.2.2" });
      const columns = formatted(formatWith({ xff }), transaction).split(" ");
      expect([columns[8], columns.length]).toEqual([clients[xff], 20]);
      expect(formatted(formatWith({ xff, form: "apache" }), transaction).split(" ")[0]).toBe(clients[xff]);
    }
  });

  it("REG-292 LOG-30 a client whose address nobody knows any more is a dash, and no other address", () => {
    for (const xff of ["ON", "TrimCIP", "OFF"] as const) {
      const columns = formatted(formatWith({ xff }), transactionWith({ fields: fieldsOf({}), clientIp: "" })).split(
        " ",
      );
      expect([columns[8], columns.length]).toEqual(["-", 20]);
    }
  });

  it("writes what a connection repeats as it would write it for a new one", () => {
    const some = <Value>(first: Value, second: Value) => fc.constantFrom(first, first, first, second);
    const requests = fc.array(
      fc.record({
        target: some("/a?b=1", "/b"),
        method: some("GET", "HEAD"),
        status: some(200, 404),
        bodyBytesSent: some(1000, 12),
        contentLength: some(1000, -1),
        contentCoding: some<string | undefined>(undefined, "gzip"),
        elapsedMs: some(0.2, 17),
        bypassKind: some<"none" | "private">("none", "private"),
        agent: some(fieldsOf({ "user-agent": "one" }), fieldsOf({ "user-agent": "another" })),
        laterMs: some(0, 1000),
      }),
      { minLength: 3, maxLength: 12 },
    );
    fc.assert(
      fc.property(requests, (all) => {
        const memo = new LineMemo();
        let atMs = MOMENT;
        for (const { agent: fields, laterMs, ...request } of all) {
          atMs += laterMs;
          const again = formatted(ston, transactionWith({ ...request, fields, memo }), atMs);
          const fresh = formatted(ston, transactionWith({ ...request, fields, memo: new LineMemo() }), atMs);
          expect(again).toBe(fresh);
        }
      }),
    );
  });

  it("LOG-62 LOG-63 shows method and target of each request, repeated or not", () => {
    const format = formatWith();
    const transaction = transactionWith();
    const requests = ["/a", "/a", "/a", "/b", "/b", "/b?c", "/a"];
    const lines = requests.map((target) => formatted(format, { ...transaction, target }).split(" "));
    expect(lines.map((columns) => [columns[4], columns[5], columns.length])).toEqual(
      requests.map((target) => [target.split("?")[0], target.split("?")[1] ?? "-", 20]),
    );
    expect(formatted(format, { ...transaction, target: "/a", method: "HEAD" })).toContain(" HEAD /a ");
    expect(formatted(format, { ...transaction, target: "/a", method: "HEAD", contentCoding: "gzip" })).toContain(
      " - gzip - ",
    );
  });

  it("LOG-77 keeps nothing of other fields of the same connection", () => {
    const transaction = transactionWith({ fields: fieldsOf({ "user-agent": "one" }) });
    expect(formatted(ston, transaction)).toContain(" one ");
    expect(formatted(ston, { ...transaction, fields: fieldsOf({ "user-agent": "two" }) })).toContain(" two ");
    expect(formatted(formatWith(), { ...transaction, clientIp: "9.9.9.9" })).toContain(" 9.9.9.9 one ");
  });
});

const anyText = fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text).toString("latin1"));

const anyTransaction = fc
  .record({
    agent: anyText,
    referer: anyText,
    range: anyText,
    forwarded: anyText,
    encoding: anyText,
    target: anyText,
    method: anyText,
    status: fc.nat(999),
    bytes: fc.nat(),
    length: fc.integer({ min: -1 }),
    elapsedMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    result: fc.constantFrom(...CACHE_RESULTS),
    bypassKind: fc.constantFrom("none" as const, "bypass" as const, "private" as const),
    isComplete: fc.boolean(),
  })
  .map(({ agent, referer, range, forwarded, encoding, bytes, length, ...rest }) =>
    transactionWith({
      ...rest,
      bodyBytesSent: bytes,
      contentLength: length,
      fields: fieldsOf({
        "user-agent": agent,
        referer,
        range,
        "x-forwarded-for": forwarded,
        "accept-encoding": encoding,
        cookie: agent,
        authorization: `Basic ${Buffer.from(agent, "latin1").toString("base64")}`,
      }),
    }),
  );

describe("every form", () => {
  it("LOG-30 makes of one transaction one line, of the form ston with twenty columns, whatever the client sends", () => {
    const formats = [
      formatWith({ form: "apache" }),
      formatWith({ form: "iis" }),
      formatWith({ form: "json" }),
      formatWith({ form: "elb-ext" }),
      custom('%a "%{user-agent}i" %{a}C %r %u %f [%{referer}i]'),
    ];
    fc.assert(
      fc.property(anyTransaction, (transaction) => {
        expect(formatted(ston, transaction).split(" ")).toHaveLength(20);
        for (const format of formats) expect(formatted(format, transaction)).not.toMatch(/[\r\n]/);
        expect(JSON.parse(formatted(formatWith({ form: "json" }), transaction))).toBeTypeOf("object");
      }),
    );
  });
});

describe("the forms apache and iis", () => {
  it("LOG-55 writes the combined format", () => {
    const fields = fieldsOf({ "user-agent": 'a "b"\\', referer: "http://r/" });
    const line = formatted(formatWith({ form: "apache" }), transactionWith({ fields, bodyBytesSent: 0 }));
    expect(line).toMatch(
      /^61\.50\.7\.9 - - \[27\/Jun\/2012:16:52:24 [+-]\d{4}\] "GET \/web\/h\.gif HTTP\/1\.1" 200 - "http:\/\/r\/" "a \\"b\\"\\\\"$/,
    );
  });

  it("LOG-55 writes W3C extended lines in UTC, with their head", () => {
    const iis = formatWith({ form: "iis" });
    const utc = Date.UTC(2020, 0, 2, 3, 4, 5);
    expect(iis.header(utc)).toBe(
      "#Software: Basalt/1\n#Version: 1.0\n#Date: 2020-01-02 03:04:05\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\n",
    );
    expect(formatted(iis, transactionWith({ target: "/a?b" }), utc)).toBe(
      "2020-01-02 03:04:05 220.134.10.5 GET /a b 80 - 61.50.7.9 - 200 0 0 5",
    );
  });
});

describe("a list of codings", () => {
  it("LOG-30 LOG-76 is read in time that grows with its length, whatever blanks are in it", () => {
    expect(joinedList("gzip ,\tbr,deflate;q=0.5")).toBe("gzip+br+deflate;q=0.5");
    const blanks = " ".repeat(4_000_000);
    expect(joinedList(`gzip${blanks}x`)).toBe(`gzip${blanks}x`);
  });
});

describe("the form json", () => {
  it("writes what is known, in UTF-8, and leaves out what is not", () => {
    const agent = Buffer.from("café", "utf8").toString("latin1");
    const line = formatted(
      formatWith({ form: "json" }),
      transactionWith({ fields: fieldsOf({ "user-agent": agent }) }),
    );
    expect(JSON.parse(Buffer.from(line, "latin1").toString("utf8"))).toEqual({
      time: new Date(MOMENT).toISOString(),
      vhost: "www.example.com",
      host: "www.example.com",
      server_ip: "220.134.10.5",
      server_port: 80,
      client: "61.50.7.9",
      client_ip: "61.50.7.9",
      client_port: 40_000,
      scheme: "http",
      protocol: "HTTP/1.1",
      method: "GET",
      path: "/web/h.gif",
      user_agent: "café",
      status: 200,
      cache_result: "TCP_HIT",
      bytes_received: 488,
      bytes_sent: 1362,
      body_bytes_sent: 1000,
      content_length: 1000,
      first_byte_ms: 2,
      time_taken_ms: 5,
      is_complete: true,
      session_id: "7",
    });
  });
});

describe("the custom form", () => {
  const request = transactionWith({
    method: "GET",
    target: "/ston/image.jpg?type=png",
    host: "example.com:8080",
    clientIp: "192.168.0.88",
    serverIp: "192.168.0.12",
    sessionText: "2571978",
    elapsedMs: 1999,
    firstByteMs: 1,
    requestHeadBytes: 204,
    requestBodyBytes: 10,
    result: "TCP_MISS",
    fields: fieldsOf({ "user-agent": 'ST"ON', cookie: "a=b; userid=winesoft; c" }),
  });

  it.each([
    ["LOG-83", "%a", "192.168.0.88"],
    ["LOG-84", "%A", "192.168.0.12"],
    ["LOG-85", "%b", "1000"],
    ["LOG-86", "%{userid}C %{userid=}c %{nobody}C", "winesoft winesoft -"],
    ["LOG-87", "%D", "1999"],
    ["LOG-88", "%f", "image.jpg"],
    ["LOG-89", "%h", "example.com"],
    ["LOG-90", "%H", "HTTP"],
    ["LOG-91", '%{USER-agent}i "%{User-Agent}i"', 'ST"ON "ST\\"ON"'],
    ["LOG-92", "%m", "GET"],
    ["LOG-93", "%P", "80"],
    ["LOG-94", "%q", "type=png"],
    ["LOG-95", "%r", "GET /ston/image.jpg?type=png HTTP/1.1"],
    ["LOG-96", "%s", "200"],
    ["LOG-97", "%t", "2012-06-27 16:52:24"],
    ["LOG-98", "%{%Y-%m-%d %H:%M:%S}T|%{%d/%b/%y %j %%}t", "2012-06-27 16:52:24|27/Jun/12 179 %"],
    ["LOG-99", "%T", "1"],
    ["LOG-100", "%U", "/ston/image.jpg"],
    ["LOG-101", "%u", "/ston/image.jpg?type=png"],
    ["LOG-102", "%X", "C"],
    ["LOG-103", "%I", "214"],
    ["LOG-104", "%O", "1362"],
    ["LOG-105", "%R", "1"],
    ["LOG-106", "%e", "2571978"],
    ["LOG-107", "%S", "TCP_MISS"],
    ["LOG-108", "%K", "HTTP/1.1"],
    ["LOG-109", "%y", "204"],
    ["LOG-110", "%z", "362"],
    ["LOG-112", "100%% %m", "100% GET"],
    ["LOG-80 LOG-111", "<%a> id=%{userid}C, é", `<192.168.0.88> id=winesoft, ${Buffer.from("é").toString("latin1")}`],
  ])("%s writes %s", (_, format, text) => {
    expect(formatted(custom(format), request)).toBe(text);
    expect(custom(format).header(MOMENT)).toBe("");
  });

  it("LOG-112 lets no text end the quotes that it stands in", () => {
    const fields = fieldsOf({ "user-agent": 'x\\" 200 "y\\' });
    const line = formatted(custom('"%{User-Agent}i" %m'), transactionWith({ fields }));
    expect(JSON.parse(line.slice(0, -" GET".length))).toBe('x\\" 200 "y\\');
  });

  it("LOG-102 says X of an answer that was not complete", () => {
    expect(formatted(custom("%X"), transactionWith({ isComplete: false }))).toBe("X");
  });

  it.each([
    ["%!200,304,302{Referer}i", 200, "-"],
    ["%!200,304,302{Referer}i", 404, "http://r/"],
    ["%400,501{Referer}i", 501, "http://r/"],
    ["%400,501{Referer}i", 404, "-"],
    ["%404m", 404, "GET"],
    ["%404m", 200, "-"],
  ])("LOG-82 A9 of spec 10 %s at status %i is %s", (format, status, text) => {
    const fields = fieldsOf({ referer: "http://r/" });
    expect(formatted(custom(format), transactionWith({ status, fields }))).toBe(text);
  });

  it.each(["%Q", "%", "%{x}Z", "%{%Q}t", "%{}i", "%20m", "%!m%", ""])(
    "LOG-81 LOG-112 A9 of spec 10 %j is invalid: the form ston is used",
    (format) => {
      expect(formatted(custom(format), request).split(" ")).toHaveLength(20);
      expect(custom(format).header(MOMENT)).toContain("#Fields");
    },
  );
});

/** Published in the documentation of the classic load balancer for its own lines. */
const ELB_LINE =
  /^([^ ]*) ([^ ]*) ([^ ]*):(\d*) ([^ ]*)[:-](\d*) ([-.\d]*) ([-.\d]*) ([-.\d]*) (|[-\d]*) (-|[-\d]*) ([-\d]*) ([-\d]*) "([^ ]*) ([^ ]*) (- |[^ ]*)"( "[^"]*" [^ ]* [^ ]*)?$/;

describe("the form elb", () => {
  const startedAtMs = Date.UTC(2014, 2, 7, 7, 26, 43, 731);
  const backend = {
    address: "172.31.4.218",
    port: 80,
    status: 200,
    sentAtMs: startedAtMs + 1.5,
    firstByteAtMs: startedAtMs + 4,
  };
  const transaction = transactionWith({ startedAtMs, firstByteMs: 5.25, clientIp: "203.0.113.9", clientPort: 53_477 });

  it.each([
    [
      "AWS-02 to AWS-14 a transaction with an origin",
      {},
      backend,
      '2014-03-07T07:26:43.731000Z lb 203.0.113.9:53477 172.31.4.218:80 0.0015 0.0025 0.00125 200 200 0 1000 "GET http://www.example.com:80/web/h.gif HTTP/1.1"',
    ],
    [
      "AWS-11 a hit",
      {},
      undefined,
      '2014-03-07T07:26:43.731000Z lb 203.0.113.9:53477 - 0.00525 -1 -1 200 - 0 1000 "GET http://www.example.com:80/web/h.gif HTTP/1.1"',
    ],
    [
      "AWS-17 a client that left before there was an answer",
      { status: 0, isComplete: false, bodyBytesSent: 0, firstByteMs: 0 },
      { ...backend, status: 0, firstByteAtMs: 0 },
      '2014-03-07T07:26:43.731000Z lb 203.0.113.9:53477 172.31.4.218:80 0.0015 -1 -1 460 - 0 0 "GET http://www.example.com:80/web/h.gif HTTP/1.1"',
    ],
    [
      "AWS-05 an IPv6 client",
      { clientIp: "::1", requestBodyBytes: 12, host: "a.b:81", serverPort: 81 },
      undefined,
      '2014-03-07T07:26:43.731000Z lb [::1]:53477 - 0.00525 -1 -1 200 - 12 1000 "GET http://a.b:81/web/h.gif HTTP/1.1"',
    ],
  ])("%s", (_, changes, facts, line) => {
    const elb = formatWith({ form: "elb", backendOf: () => facts });
    expect(formatted(elb, { ...transaction, ...changes })).toBe(line);
    expect(line).toMatch(ELB_LINE);
    expect(elb.header(startedAtMs)).toBe("");
  });

  it("AWS-15 adds user agent, cipher and protocol", () => {
    const elb = formatWith({ form: "elb-ext" });
    const fields = fieldsOf({ "user-agent": "curl/7.38.0" });
    const tls = { protocol: "TLSv1.2", cipher: "ECDHE-RSA-AES128-GCM-SHA256" };
    expect(formatted(elb, { ...transaction, fields, tls })).toMatch(
      / "curl\/7\.38\.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1\.2$/,
    );
    expect(formatted(elb, transaction)).toMatch(/ "-" - -$/);
    expect(formatted(elb, transaction)).toMatch(ELB_LINE);
  });
});

describe("the id of the trace", () => {
  const trace = {
    idText: "1-5759e988-bd862e3fe1be46a994272793",
    fieldOf: (name: string) => (name === "x-amzn-trace-id" ? "Root=1-5759e988-bd862e3fe1be46a994272793" : undefined),
  };
  const traced = transactionWith({ trace, fields: fieldsOf({ "x-amzn-trace-id": "sent", referer: "r" }) });

  it("AWS-101 is the last field of the forms whose header names their fields", () => {
    for (const form of ["ston", "iis"] as const) {
      const plain = formatWith({ form });
      const format = formatWith({ form, isTraced: true });
      expect(format.header(MOMENT)).toBe(plain.header(MOMENT).replace(/\n$/, " trace-id\n"));
      expect(formatted(format, traced)).toBe(`${formatted(plain, traced)} ${trace.idText}`);
      expect(formatted(format, transactionWith())).toBe(`${formatted(plain, transactionWith())} -`);
    }
  });

  it("AWS-101 is in the form json, and in custom ones by the name of its field", () => {
    expect(JSON.parse(formatted(formatWith({ form: "json" }), traced))).toMatchObject({ trace_id: trace.idText });
    expect(JSON.parse(formatted(formatWith({ form: "json" }), transactionWith()))).not.toHaveProperty("trace_id");
    const line = formatted(custom("%{X-Amzn-Trace-Id}i %{traceparent}i %{Referer}i"), traced);
    expect(line).toBe("Root=1-5759e988-bd862e3fe1be46a994272793 - r");
  });
});
