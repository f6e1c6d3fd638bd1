import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { customForm } from "../../src/reading/customForm.ts";
import { FileForm } from "../../src/reading/fileForm.ts";
import { LineSplitter, MOST_LINE_BYTES } from "../../src/reading/logLines.ts";

const read = (form: string, lines: readonly string[]) => {
  const file = new FileForm(form);
  return lines.map((line) => file.read(line));
};

describe("lines of log files", () => {
  it("AWS-88 have the fields that #Fields names, and local time", () => {
    const [none, fields] = read("ston", [
      "#Fields: date time c-ip cs-username sc-status session",
      "2026.03.01 10:00:01 10.0.0.1 - 200 a b c",
    ]);
    expect(none).toBeUndefined();
    expect(fields?.timestampMs).toBe(new Date("2026-03-01T10:00:01").getTime());
    expect(["c-ip", "cs-username", "sc-status", "session", "x"].map((name) => fields?.field(name))).toEqual([
      ...["10.0.0.1", undefined, "200", "a b c", undefined],
    ]);
  });

  it("AWS-88 are in UTC where #Software stands, as in the form iis", () => {
    const [, , fields] = read("iis", ["#Software: x", "#Fields: date time cs-method", "2026-03-01 10:00:01 GET"]);
    expect(fields?.timestampMs).toBe(Date.UTC(2026, 2, 1, 10, 0, 1));
  });

  it.each([
    [
      "apache",
      '10.0.0.1 - bob [01/Mar/2026:10:00:01 +0900] "GET /a\\"b HTTP/1.1" 404 - "-" "curl"',
      { status: "404", authuser: "bob", bytes: undefined, "user-agent": "curl", request: 'GET /a\\"b HTTP/1.1' },
      Date.UTC(2026, 2, 1, 1, 0, 1),
    ],
    [
      "elb",
      '2026-03-01T10:00:01.250000Z lb 10.0.0.1:5 10.0.0.2:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://h:80/ HTTP/1.1"',
      { elb_status_code: "200", sent_bytes: "29", request: "GET http://h:80/ HTTP/1.1", user_agent: undefined },
      Date.UTC(2026, 2, 1, 10, 0, 1, 250),
    ],
    [
      "alb",
      'h2 2026-03-01T10:00:01.250000Z lb 10.0.0.1:5 10.0.0.2:80 0.1 0.2 0.3 502 - 1 2 "GET https://h:443/ HTTP/2.0" "ua" c TLSv1.3',
      { type: "h2", elb_status_code: "502", target_status_code: undefined, user_agent: "ua" },
      Date.UTC(2026, 2, 1, 10, 0, 1, 250),
    ],
    [
      "json",
      '{"time":"2026-03-01T10:00:01Z","a":{"b":[1,{"c":"x"}]},"n":null}',
      { "a.b.1.c": "x", n: undefined },
      Date.UTC(2026, 2, 1, 10, 0, 1),
    ],
    [
      'custom %a %t "%{User-Agent}i" %s %{sid}C %% %m traced',
      '10.0.0.1 2026-03-01 10:00:01 "a \\"b\\" c" 200 - % GET',
      { client: "10.0.0.1", user_agent: 'a \\"b\\" c', status: "200", "cookie.sid": undefined, method: "GET" },
      new Date("2026-03-01T10:00:01").getTime(),
    ],
    ["", "2026-03-01 10:00:01 [WARNING] something", { level: "WARNING" }, new Date("2026-03-01T10:00:01").getTime()],
    [
      "",
      "#[ERROR:01] 2026.03.01 10:00:01 h - GET / 1 Connect-Timeout -",
      {},
      new Date("2026-03-01T10:00:01").getTime(),
    ],
  ])("AWS-88 of the form %j are read", (form, line, wanted, timestampMs) => {
    const [fields] = read(form, [line]);
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, fields?.field(name)]))).toEqual(wanted);
    expect(fields?.timestampMs).toBe(timestampMs);
  });

  it("AWS-88 of an older form are read by what they look like", () => {
    const [first, second] = read("elb", ['{"status":200}', "plain words"]);
    expect([first?.field("status"), second?.field("status")]).toEqual([200, undefined]);
  });

  it("any line is read, or is none, and a custom format takes any text", () => {
    fc.assert(
      fc.property(fc.constantFrom("ston", "custom %a [%t] %r", "json"), fc.array(fc.string()), (form, lines) => {
        for (const fields of read(form, lines)) fields?.field("constructor");
      }),
    );
    fc.assert(fc.property(fc.string(), fc.string(), (format, line) => void customForm(format)?.read(line)));
  });

  it("are put together from any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 7 }), (texts, size) => {
        const lines = texts.map((text) => text.replace(/[\r\n]/g, ""));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const splitter = new LineSplitter(5);
        const found: string[] = [];
        let endBytes = 5;
        for (let at = 0; at < bytes.length; at += size) {
          const batch = splitter.push(bytes.subarray(at, at + size));
          found.push(...batch.lines);
          endBytes = batch.endBytes;
        }
        expect(found).toEqual(lines);
        expect(endBytes).toBe(5 + bytes.length);
      }),
    );
  });

  it("that are too long are left out and counted", () => {
    const splitter = new LineSplitter(0);
    const long = Buffer.alloc(MOST_LINE_BYTES, "x");
    expect(splitter.push(long)).toMatchObject({ lines: [], tooLong: 0 });
    expect(splitter.push(long)).toMatchObject({ lines: [], tooLong: 0 });
    const { lines, tooLong, endBytes } = splitter.push(Buffer.from("x\nnext\n"));
    expect({ lines, tooLong, endBytes }).toEqual({ lines: ["next"], tooLong: 1, endBytes: 2 * MOST_LINE_BYTES + 7 });
  });
});
