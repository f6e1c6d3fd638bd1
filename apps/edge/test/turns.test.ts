import { describe, expect, it } from "vitest";
import { inTurns } from "../src/turns.ts";

describe("long work in turns", () => {
  it("lets other work run in between, and answers what it came to", async () => {
    let isOver = false;
    let turns = 0;
    const others = (): void => {
      turns += 1;
      if (!isOver) setImmediate(others);
    };
    setImmediate(others);
    function* steps(): Generator<void, string> {
      for (const endMs = performance.now() + 50; performance.now() < endMs; ) yield;
      return "done";
    }
    expect(await inTurns(steps())).toBe("done");
    isOver = true;
    expect(turns).toBeGreaterThan(2);
  });

  it("fails with the step that fails", async () => {
    function* steps(): Generator<void, void> {
      yield;
      throw new Error("broken");
    }
    await expect(inTurns(steps())).rejects.toThrow("broken");
  });
});
