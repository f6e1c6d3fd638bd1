import { describe, expect, it } from "vitest";
import { ReadWindows } from "../src/readWindows.ts";

describe("what open files have read last", () => {
  it("FS-22 is bounded, the longest unused given up first", () => {
    const windows = new ReadWindows(100);
    const [first, second, third] = [{}, {}, {}];
    windows.keep(first, 0, Buffer.alloc(40));
    windows.keep(second, 0, Buffer.alloc(40));
    expect(windows.find(first, { from: 10, to: 20 })?.length).toBe(10);
    windows.keep(third, 0, Buffer.alloc(40));
    expect(windows.find(second, { from: 0, to: 1 })).toBeUndefined();
    expect(windows.find(first, { from: 30, to: 41 })).toBeUndefined();
    expect(windows.bytes).toBe(80);
    windows.drop(first);
    windows.drop(first);
    expect(windows.bytes).toBe(40);
  });
});
