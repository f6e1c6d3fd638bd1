import { expect, it } from "vitest";
import { startProcess, stopProcess } from "../processes.ts";
import { isAlive, listAllowedCores, listProcessTree, readCpuSeconds, readMemory } from "../procfs.ts";

it("finds a process with its descendants and ends them all", async () => {
  const started = startProcess("sh", ["-c", "sleep 60 & sleep 60 & wait"]);
  await expect.poll(() => listProcessTree(started.pid).length).toBe(3);
  const tree = listProcessTree(started.pid);
  await stopProcess(started, 2000);
  await expect.poll(() => tree.filter(isAlive)).toEqual([]);
});

it("reads its own figures", () => {
  expect(readCpuSeconds([process.pid])).toBeGreaterThan(0);
  expect(readMemory(process.pid).rssBytes).toBeGreaterThan(10 << 20);
  expect(listAllowedCores().length).toBeGreaterThan(0);
});

it("counts nothing for a process that is gone", () => {
  expect(readCpuSeconds([2 ** 22 + 1])).toBe(0);
  expect(listProcessTree(2 ** 22 + 1)).toEqual([]);
});
