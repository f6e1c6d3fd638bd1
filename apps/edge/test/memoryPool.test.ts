import { describe, expect, it } from "vitest";
import { MemoryPool } from "../src/memoryPool.ts";

const twoOf = (bytes: number): MemoryPool<ArrayBuffer> => new MemoryPool(2, () => new ArrayBuffer(bytes));

describe("memory that is used again", () => {
  it("is what was given back last", () => {
    const pool = twoOf(10);
    const [first, second] = [pool.take(), pool.take()];
    if (first === undefined || second === undefined) throw new Error("no memory");
    expect(second).not.toBe(first);
    pool.give(first);
    pool.give(second);
    expect(pool.spareCount).toBe(2);
    expect(pool.take()).toBe(second);
    expect(pool.take()).toBe(first);
    expect(pool.spareCount).toBe(0);
  });

  it("is not had while all of it is lent; what is written off makes room for another", () => {
    const pool = twoOf(10);
    const taken = pool.take();
    pool.take();
    expect(pool.take()).toBeUndefined();
    pool.writeOff();
    expect(pool.take()).not.toBe(taken);
    expect(pool.take()).toBeUndefined();
    expect(pool.spareCount).toBe(0);
  });
});
