import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { identify, isRunning, signalTo } from "../src/processIdentity.ts";

describe("a process as it can be found again", () => {
  it("runs until it has ended, and is signalled only while it runs", async () => {
    const child = spawn("sleep", ["60"]);
    const identity = identify(child.pid ?? 0);
    expect(isRunning(identity)).toBe(true);
    const ended = once(child, "exit");
    signalTo(identity, "SIGKILL");
    await ended;
    expect(isRunning(identity)).toBe(false);
    signalTo(identity, "SIGKILL");
  });

  it("is not another process with its number", () => {
    const { pid } = process;
    expect(isRunning(identify(pid))).toBe(true);
    expect(isRunning({ pid, startTicks: "1" })).toBe(false);
    expect(isRunning({ pid: 2 ** 22 + 5, startTicks: "" })).toBe(false);
  });
});
