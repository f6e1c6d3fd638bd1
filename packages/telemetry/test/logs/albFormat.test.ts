import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BackendFacts } from "../../src/logs/accessFormat.ts";
import { compileAccessFormat } from "../../src/logs/accessForms.ts";
import { fieldsOf, formatted, transactionWith } from "./support.ts";

/** The names of the vendor's documentation, in its order. */
const FIELDS = [
  ...["type", "time", "elb", "client:port", "target:port"],
  ...["request_processing_time", "target_processing_time", "response_processing_time"],
  ...["elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "request", "user_agent"],
  ...["ssl_cipher", "ssl_protocol", "target_group_arn", "trace_id", "domain_name", "chosen_cert_arn"],
  ...["matched_rule_priority", "request_creation_time", "actions_executed", "redirect_url", "error_reason"],
  ...["target:port_list", "target_status_code_list", "classification", "classification_reason", "conn_trace_id"],
] as const;

/** Published in the documentation for queries over such logs. */
const ALB_LINE =
  /^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) (-|[-0-9]*) ([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" "([^ ]*)" "([^ ]*)" ?([^ ]*)?$/;

/** Reads a line as consumers do: blanks between fields, and none of them counts between two quotes. */
const parsed = (line: string): Readonly<Record<string, string>> => {
  const values = [...line.matchAll(/"([^"]*)"|[^ ]+/g)].map(([whole, inner]) => inner ?? whole);
  expect(values).toHaveLength(FIELDS.length);
  return Object.fromEntries(FIELDS.map((name, index) => [name, values[index] ?? ""]));
};

const startedAtMs = Date.UTC(2014, 2, 7, 7, 26, 43, 731);

const backend: BackendFacts = {
  address: "172.31.4.218",
  port: 80,
  status: 200,
  sentAtMs: startedAtMs + 1.5,
  firstByteAtMs: startedAtMs + 4,
};

const format = (facts?: BackendFacts) =>
  compileAccessFormat({
    form: "alb",
    xff: "ON",
    customFormat: "",
    balancer: "edge 1",
    software: "x",
    backendOf: () => facts,
    isTraced: true,
    isLinked: true,
  });

const transaction = transactionWith({
  startedAtMs,
  elapsedMs: 5,
  firstByteMs: 4.25,
  clientIp: "203.0.113.9",
  clientPort: 53_477,
  sessionText: "4660",
});

const fieldsOfLine = (changes: Parameters<typeof transactionWith>[0], facts?: BackendFacts) => {
  const line = formatted(format(facts), { ...transaction, ...changes });
  expect(line).toMatch(ALB_LINE);
  return parsed(line);
};

describe("the form alb", () => {
  it("AWS-16 has thirty fields with type, target group and trace id", () => {
    const fields = fieldsOf({
      "user-agent": "curl/7.46.0",
      "x-amzn-trace-id": "Root=1-58337262-36d228ad5d99923122bbe354",
    });
    expect(formatted(format(backend), { ...transaction, fields })).toBe(
      [
        "http 2014-03-07T07:26:43.736000Z edge+1 203.0.113.9:53477 172.31.4.218:80 0.0015 0.0025 0.00025 200 200 488 1362",
        '"GET http://www.example.com:80/web/h.gif HTTP/1.1" "curl/7.46.0" - - www.example.com',
        '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2014-03-07T07:26:43.731000Z "forward" "-" "-"',
        '"172.31.4.218:80" "200" "-" "-" TID_0000000000001234',
      ].join(" "),
    );
    expect(format().header(startedAtMs)).toBe("");
  });

  it.each([
    ["http", {}],
    ["https", { protocol: "https" }],
    ["h2", { protocol: "https", httpVersion: "2.0" }],
    ["ws", { status: 101 }],
    ["wss", { status: 101, protocol: "https" }],
  ] as const)("AWS-16 is of the type %s", (type, changes) => {
    expect(fieldsOfLine(changes).type).toBe(type);
  });

  it("AWS-16 shows cipher, protocol and name of a TLS request", () => {
    const tls = { protocol: "TLSv1.2", cipher: "ECDHE-RSA-AES128-GCM-SHA256" };
    expect(fieldsOfLine({ tls, protocol: "https", host: "www.example.com:443" })).toMatchObject({
      ssl_cipher: tls.cipher,
      ssl_protocol: tls.protocol,
      domain_name: "www.example.com",
    });
  });

  it.each([
    [
      "a hit",
      {},
      undefined,
      { "target:port": "-", target_group_arn: "-", actions_executed: "fixed-response", target_status_code: "-" },
    ],
    [
      "a redirect by a rule",
      { status: 302, result: "TCP_REDIRECT_HIT", redirectUrl: "http://www.example.com/login" },
      undefined,
      { actions_executed: "redirect", redirect_url: "http://www.example.com/login", elb_status_code: "302" },
    ],
    [
      "a client that left while the origin was silent",
      { status: 0, isComplete: false, bodyBytesSent: 0, firstByteMs: 0 },
      { ...backend, status: 0, firstByteAtMs: 0 },
      { elb_status_code: "460", target_status_code: "-", target_processing_time: "-1", sent_bytes: "0" },
    ],
    [
      "a request of no virtual host",
      { vhostName: undefined, host: undefined },
      undefined,
      { matched_rule_priority: "-" },
    ],
    ["an IPv6 client", { clientIp: "::1" }, undefined, { "client:port": "[::1]:53477" }],
  ] as const)("AWS-16 tells of %s", (_, changes, facts, wanted) => {
    expect(fieldsOfLine(changes, facts)).toMatchObject(wanted);
  });

  it("AWS-16 keeps its thirty fields whatever clients send", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => Buffer.from(value).toString("latin1"));
    fc.assert(
      fc.property(text, text, text, (agent, trace, target) => {
        const fields = fieldsOf({ "user-agent": agent, "x-amzn-trace-id": trace });
        const line = formatted(format(), { ...transaction, fields, target: `/${target}` });
        expect(line).not.toMatch(/[\r\n]/);
        parsed(line);
      }),
    );
  });

  it("AWS-16 cuts what is longer than 8 KB", () => {
    const fields = fieldsOf({ "user-agent": "a".repeat(100_000) });
    expect(fieldsOfLine({ fields }).user_agent).toHaveLength(8192);
  });
});
