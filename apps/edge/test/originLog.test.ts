import type { OriginEvent } from "@basalt/origin";
import { AdjustableClock, milliseconds } from "@basalt/types";
import { beforeEach, describe, expect, it } from "vitest";
import { OriginLog } from "../src/originLog.ts";

const lines: string[] = [];
let clock: AdjustableClock;
let log: OriginLog;

beforeEach(() => {
  lines.length = 0;
  clock = new AdjustableClock();
  log = new OriginLog(
    { notice: (text) => lines.push(`notice ${text}`), warning: (text) => lines.push(`warning ${text}`) },
    clock,
  );
});

const vhost = "a.test";
const failure: OriginEvent = { kind: "failure", vhost, server: "1.1.1.1", reason: "Connect-Timeout", detail: "silent" };

describe("lines about origin servers", () => {
  it("LOG-40 tell exclusion, recovery and the list of servers", () => {
    log.note({ kind: "excluded", vhost, server: "1.1.1.1", source: "exchanges", reason: "Connect-Timeout" });
    log.note({ kind: "servers", vhost, inService: ["1.1.1.2", "1.1.1.3"] });
    log.note({ kind: "recovered", vhost, server: "1.1.1.1", source: "recovery" });
    log.note({ kind: "servers", vhost, inService: [] });
    expect(lines).toEqual([
      "warning origin: [a.test] 1.1.1.1 excluded from service (exchanges: Connect-Timeout)",
      "notice origin: [a.test] Origin server list: 1.1.1.2,1.1.1.3",
      "notice origin: [a.test] 1.1.1.1 recovered back in service (recovery)",
      "notice origin: [a.test] Origin server list: ",
    ]);
  });

  it("ORG-10 tell a failure, and how many went untold in the second after it", () => {
    for (let index = 0; index < 1_000; index++) log.note(failure);
    log.note({ ...failure, server: "1.1.1.2" });
    expect(lines).toEqual([
      "warning origin: [a.test] 1.1.1.1 Connect-Timeout: silent",
      "warning origin: [a.test] 1.1.1.2 Connect-Timeout: silent",
    ]);
    clock.setOffset(milliseconds(clock.offsetMs + 1_001));
    log.note(failure);
    expect(lines.at(-1)).toBe("warning origin: [a.test] 1.1.1.1 Connect-Timeout: silent, and 999 before it");
  });

  it("LOG-35 tell what a domain resolves to when that is news, and once why it does not", () => {
    const resolved = {
      kind: "resolved",
      vhost,
      domain: "o.test",
      answer: [{ ip: "1.1.1.1", ttlSeconds: 5 }],
      durationMs: 3,
    } as const;
    log.note({ ...resolved, isNews: true });
    log.note({ ...resolved, isNews: false });
    for (let index = 0; index < 3; index++)
      log.note({ kind: "unresolved", vhost, domain: "o.test", reason: "ENOTFOUND", durationMs: 3 });
    log.note({ ...resolved, isNews: false });
    expect(lines).toEqual([
      "notice dns: [a.test] o.test resolves to 1.1.1.1 (5 s)",
      "warning dns: [a.test] o.test cannot be resolved: ENOTFOUND",
      "notice dns: [a.test] o.test resolves to 1.1.1.1 (5 s)",
    ]);
  });

  it("say nothing of single probes", () => {
    const probe = { kind: "probe", vhost, server: "1.1.1.1", source: "recovery", uri: "/" } as const;
    log.note({ ...probe, isSuccess: true, status: 200, detail: "", durationMs: 1 });
    expect(lines).toEqual([]);
  });
});
