import { type BodyReader, createMemoryTier, type ObjectLocation } from "@basalt/store";
import { describe, expect, it } from "vitest";
import type { TierEntry } from "../src/index.ts";
import { MemoryBody, StoredBody } from "../src/storedBody.ts";
import { patternBytes, readSource } from "./support/reading.ts";

const MIB = 1024 * 1024;
const WHOLE = patternBytes(3 * MIB + 10);
const LOCATION: ObjectLocation = { disk: 0, segment: 1, offset: 0, headBytes: 10, bodyBytes: WHOLE.length, file: 7 };

class Reader implements BodyReader {
  reads = 0;
  released = 0;
  availableBytes = WHOLE.length;

  read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    this.reads++;
    return Promise.resolve(
      WHOLE.copy(target, targetOffset, position, Math.min(position + length, this.availableBytes)),
    );
  }

  release(): void {
    this.released++;
  }
}

const open = (tierBytes = 64 * MIB) => {
  const reader = new Reader();
  const tier = createMemoryTier<TierEntry>(tierBytes);
  return { reader, tier, body: new StoredBody(LOCATION, reader, tier, 3) };
};

describe("a body on disk", () => {
  it("is read whole, and one pass leaves no block in memory", async () => {
    const { body, tier } = open();
    expect((await readSource(body, MIB)).equals(WHOLE)).toBe(true);
    expect(tier.bytes).toBeLessThan(10_000);
    expect(body.peek(0)).toBeUndefined();
  });

  it("keeps a block that is asked for a second time", async () => {
    const { body, reader } = open();
    const target = Buffer.alloc(100);
    await body.read(target, 100, MIB + 5);
    expect(body.peek(MIB + 5)).toBeUndefined();
    await body.read(target, 100, MIB + 5);
    expect(body.peek(MIB + 5)?.equals(WHOLE.subarray(MIB + 5, 2 * MIB))).toBe(true);
    expect(body.peek(2 * MIB)).toBeUndefined();
    const { reads } = reader;
    expect(body.peek(MIB)?.length).toBe(MIB);
    expect(reader.reads).toBe(reads);
  });

  it("keeps the short block at its end", async () => {
    const { body } = open();
    for (let time = 0; time < 2; time++) await body.read(Buffer.alloc(5), 5, 3 * MIB);
    expect(body.peek(3 * MIB)?.length).toBe(10);
    expect(body.peek(3 * MIB + 10)).toBeUndefined();
  });

  it("is read without a tier that could hold a block", async () => {
    const { body } = open(1000);
    for (let time = 0; time < 3; time++) expect((await readSource(body, MIB)).equals(WHOLE)).toBe(true);
  });

  it("fails where the file is shorter than the index says", async () => {
    const { body, reader } = open();
    reader.availableBytes = 100;
    await expect(readSource(body, 50)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("gives nothing at and behind its end", async () => {
    const { body } = open();
    expect(await body.read(Buffer.alloc(10), 10, WHOLE.length)).toBe(0);
    expect(await body.read(Buffer.alloc(10), 10, WHOLE.length + 5)).toBe(0);
  });

  it("lets go of its file when the last reader does", () => {
    const { body, reader } = open();
    body.retain();
    body.retain();
    body.release();
    expect(reader.released).toBe(0);
    body.release();
    expect(reader.released).toBe(1);
  });
});

describe("a body in memory", () => {
  it("gives what is behind a position", async () => {
    const body = new MemoryBody(Buffer.from("0123456789"));
    expect(String(body.peek(4))).toBe("456789");
    expect(body.peek(10)).toBeUndefined();
    const target = Buffer.alloc(4);
    expect(await body.read(target, 3, 8)).toBe(2);
    expect(target.toString("latin1", 0, 2)).toBe("89");
    expect(String(await readSource(body))).toBe("0123456789");
  });
});
