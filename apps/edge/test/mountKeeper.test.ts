import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type MountHolder, MountKeeper } from "../src/fileSystem/mountKeeper.ts";

const SETTINGS = { enabled: true, path: "/cachefs", dotDir: false, separator: "^" };

const begin = (problems: readonly (string | undefined)[] = [], enabled = true) => {
  const workers: MountHolder[] = [
    { id: 1, pid: 101 },
    { id: 2, pid: 102 },
  ];
  const asked: number[] = [];
  const said: string[] = [];
  const keeper = new MountKeeper({
    settings: { ...SETTINGS, enabled },
    workers: () => workers,
    mount: ({ id }) => {
      asked.push(id);
      return Promise.resolve(problems[asked.length - 1]);
    },
    log: { notice: (text) => said.push(text), warning: (text) => said.push(text) },
  });
  return { keeper, workers, asked, said };
};

describe("who holds the mount", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("FS-01 is one worker, and the next when that one leaves", async () => {
    const { keeper, workers, asked, said } = begin();
    keeper.settle();
    keeper.settle();
    await vi.runAllTimersAsync();
    expect(asked).toEqual([1]);
    expect(said[0]).toContain("mounted at /cachefs by the worker with pid 101");
    workers.shift();
    keeper.left(2);
    expect(asked).toEqual([1]);
    keeper.left(1);
    expect(asked).toEqual([1, 2]);
  });

  it("FS-01 is nobody unless it is asked for, or after the stop", () => {
    const off = begin([], false);
    off.keeper.settle();
    expect(off.asked).toEqual([]);
    const { keeper, asked } = begin();
    keeper.stop();
    keeper.settle();
    expect(asked).toEqual([]);
  });

  it("FS-01 a mount that was taken away is tried again after a while, one of a dead worker at once", async () => {
    const { keeper, asked } = begin();
    keeper.settle();
    await vi.runAllTimersAsync();
    keeper.lost(1);
    keeper.settle();
    await vi.advanceTimersByTimeAsync(4_900);
    expect(asked).toEqual([1]);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toEqual([1, 1]);
    keeper.left(1);
    expect(asked).toEqual([1, 1, 1]);
  });

  it("FS-01 it is tried again when it could not be mounted", async () => {
    const { keeper, asked, said } = begin(["no /dev/fuse", "no /dev/fuse"]);
    keeper.settle();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(asked).toEqual([1]);
    expect(said[0]).toContain("no /dev/fuse");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toEqual([1, 1, 1]);
    expect(said.filter((text) => text.includes("no /dev/fuse"))).toHaveLength(1);
    expect(said.at(-1)).toContain("mounted at /cachefs");
  });
});
