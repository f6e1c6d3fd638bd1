import { describe, expect, it } from "vitest";
import { UsageError } from "../src/command.ts";
import { parseCommandLine } from "../src/commandLine.ts";
import { COMMANDS, usageOf } from "../src/commandTable.ts";
import { parseCleanupResult, parseEnvelope, parseReloadResult, parseStatusReport } from "../src/envelope.ts";
import { formatBytes, formatDuration, formatTable } from "../src/output.ts";
import { countEarlyEnds, decideNextStep, type ProcessEnd } from "../src/restartPolicy.ts";

const end = (code: number | null, livedMs = 50): ProcessEnd => ({
  code,
  signal: code === null ? "SIGKILL" : null,
  livedMs,
});

describe("what follows the end of the primary", () => {
  it.each([
    ["a clean end", end(0), 0, { kind: "end", exitCode: 0 }],
    ["a configuration error", end(78), 3, { kind: "end", exitCode: 78 }],
    ["a restart asked for", end(75), 5, { kind: "restart", delayMs: 0 }],
    ["a first crash", end(1), 0, { kind: "restart", delayMs: 0 }],
    ["a kill", end(null), 0, { kind: "restart", delayMs: 0 }],
    ["a second crash", end(1), 1, { kind: "restart", delayMs: 100 }],
    ["a third crash", end(1), 2, { kind: "restart", delayMs: 200 }],
    ["many crashes", end(1), 40, { kind: "restart", delayMs: 5000 }],
  ])("%s", (_, processEnd, earlyEnds, expected) => {
    expect(decideNextStep(processEnd, earlyEnds)).toEqual(expected);
  });

  it("while workers of an earlier primary serve, a configuration that is at fault may be mended", () => {
    expect(decideNextStep(end(78), 0, true)).toEqual({ kind: "restart", delayMs: 5_000 });
    expect(decideNextStep(end(0), 0, true)).toEqual({ kind: "end", exitCode: 0 });
  });

  it("forgets early ends after 10 s of life and after a restart asked for", () => {
    expect(countEarlyEnds(end(1), 4)).toBe(5);
    expect(countEarlyEnds(end(1, 10_000), 4)).toBe(0);
    expect(countEarlyEnds(end(75), 4)).toBe(0);
  });
});

describe("the command line", () => {
  const parse = (...argv: readonly string[]) => parseCommandLine(argv, "/srv/from-environment");

  it.each([
    [["status"], "status", "/srv/from-environment"],
    [["--home", "/srv/a", "status"], "status", "/srv/a"],
    [["status", "--home=/srv/a"], "status", "/srv/a"],
    [[], "help", "/srv/from-environment"],
    [["start", "--help"], "help", "/srv/from-environment"],
    [["--version"], "version", "/srv/from-environment"],
  ])("reads %j as %s on %s", (argv, name, home) => {
    const { command, invocation } = parse(...argv);
    expect([command.name, invocation.home.path]).toEqual([name, home]);
  });

  it("falls back to the installed home", () => {
    expect(parseCommandLine(["status"], "").invocation.home.path).toBe("/usr/local/basalt");
  });

  it.each([
    [["dance"]],
    [["scale"]],
    [["scale", "1", "2"]],
    [["status", "-f"]],
    [["start", "--json"]],
    [["start", "--nonsense"]],
    [["logs", "-n"]],
    [["status", "extra"]],
    [["cleanup", "10"]],
    [["cleanup", "--age"]],
    [["mount"]],
    [["unmount", "/a", "/b"]],
    [["scale", "2", "--age", "1"]],
  ])("refuses %j", (argv) => {
    expect(() => parse(...argv)).toThrow(UsageError);
  });

  it("has a usage and a sentence for each command", () => {
    expect(COMMANDS.map(usageOf)).toContain("logs [-f] [-n N] [--trace LOG] [--vhost NAME]");
    expect(COMMANDS.map(usageOf)).toContain("cleanup [--age DAYS] [--json]");
    expect(COMMANDS.map(usageOf)).toContain("unmount DISK");
    expect(COMMANDS.filter(({ doc }) => !doc.endsWith("."))).toEqual([]);
  });
});

describe("what is printed", () => {
  it.each([
    [0, "0s"],
    [59.9, "59s"],
    [3600, "1h"],
    [3661, "1h 1m"],
    [90_061, "1d 1h"],
    [-5, "0s"],
  ])("%d seconds as %s", (durationSeconds, expected) => {
    expect(formatDuration(durationSeconds)).toBe(expected);
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KB"],
    [200 * 1024 ** 2, "200 MB"],
    [5e15, "4547 TB"],
  ])("%d bytes as %s", (byteCount, expected) => {
    expect(formatBytes(byteCount)).toBe(expected);
  });

  it("aligns words left and figures right", () => {
    const rows = [
      ["name", "count"],
      ["a", "1"],
      ["long name", "1,000"],
    ];
    expect(formatTable(rows)).toBe("name       count\na              1\nlong name  1,000");
  });
});

describe("answers of the management API", () => {
  it.each(["", "null", "[]", "{", '"text"', '{"status":1}'])("%j is no envelope", (text) => {
    expect(parseEnvelope(text)).toBeUndefined();
  });

  it("survives a status of another version", () => {
    expect(parseStatusReport({ workers: [{ state: "dancing" }, 7, null], listening: [1] })).toMatchObject({
      pid: 0,
      workers: [{ state: "waiting" }, { state: "waiting" }, { state: "waiting" }],
    });
    expect(parseStatusReport({ disks: [{ state: "dancing", quotaBytes: "9" }, 7], state: "ecstatic" })).toMatchObject({
      state: "Healthy",
      disks: [{ path: "", state: "Invalid", quotaBytes: null }, { state: "Invalid" }],
    });
    expect(parseStatusReport(undefined)).toBeUndefined();
    expect(parseCleanupResult(null)).toEqual({ objects: 0, bytes: 0, segments: 0, folders: 0, elapsedMs: 0 });
    expect(parseReloadResult("x")).toEqual({ generation: 0, changes: 0, needRestart: [], problems: [] });
  });
});
