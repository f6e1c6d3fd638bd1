import { randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { TransformOutcome } from "../../src/contract.ts";
import { compressWhole } from "../../src/jobs/compress.ts";
import { createTransformPool } from "../../src/pool.ts";

const pool = createTransformPool({
  threads: 2,
  queueLimit: 100,
  queueLimitBytes: 100_000_000,
  deadlineMs: 20_000,
  idleThreadMs: 20_000,
  onStuckThread: () => {},
});
afterAll(() => pool.close());

const TERMS = { vhost: "a.example", weight: 100, maxRunning: 0, priority: "asked", heldBytes: 0 } as const;

type Coding = "gzip" | "br" | "zstd";
type Bytes = Uint8Array<ArrayBuffer>;

const compress = (coding: Coding, source: Bytes, level: number): Promise<TransformOutcome> =>
  pool.run(TERMS, async () => ({ kind: "whole", operation: { kind: "compress", coding, level }, source }));

const RESTORE: { readonly [Name in Coding]: (body: Bytes) => Buffer } = {
  gzip: (body) => gunzipSync(body),
  br: (body) => brotliDecompressSync(body),
  zstd: (body) => zstdDecompressSync(body),
};

/** Lowest and highest level of each. */
const CODINGS = [
  ["gzip", 1, 9],
  ["br", 0, 11],
  ["zstd", 1, 19],
] as const;

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));
const page = "<p>All work and no play makes Jack a dull boy.</p>\n".repeat(2000);

const bodyOf = (outcome: TransformOutcome): Uint8Array<ArrayBuffer> => {
  if (outcome.kind !== "done") throw new Error(outcome.reason);
  return outcome.body;
};

describe.each(CODINGS)("%s", (coding, least, most) => {
  it("CMP-01 HTTP-54 compresses in a thread what clients restore", async () => {
    for (const level of [least, most]) {
      const outcome = await compress(coding, bytesOf(page), level);
      const body = bodyOf(outcome);
      expect(RESTORE[coding](body).toString()).toBe(page);
      expect(body.byteLength).toBe(body.buffer.byteLength);
      expect(outcome.kind === "done" && outcome.cpuMs).toBeGreaterThanOrEqual(0);
    }
  });

  it("CMP-04 HTTP-56 compresses more with a higher level", async () => {
    const words = Array.from({ length: 20_000 }, (_, nth) => `word${Math.imul(nth, nth) % 401}`).join(" ");
    const fast = bodyOf(await compress(coding, bytesOf(words), least));
    const small = bodyOf(await compress(coding, bytesOf(words), most));
    expect(small.length).toBeLessThan(fast.length);
  });

  it("CMP-09 gives equal bytes for equal sources", async () => {
    const [first, second] = await Promise.all([1, 2].map(async () => bodyOf(await compress(coding, bytesOf(page), 5))));
    expect(first).toEqual(second);
  });

  it.each([
    { what: "nothing", source: new Uint8Array(0) },
    { what: "a few bytes", source: bytesOf("abc") },
    { what: "what does not compress", source: Uint8Array.from(randomBytes(10_000)) },
  ])("CMP-01 leaves $what unchanged", async ({ source }) => {
    expect((await compress(coding, source, most)).kind).toBe("unchanged");
  });

  it("CMP-09 restores any source it has compressed", () => {
    const chunk = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(chunk, fc.nat(60), fc.integer({ min: least, max: Math.min(most, 9) }), (part, times, level) => {
        const source = Uint8Array.from(Buffer.concat(Array.from({ length: times }, () => part)));
        const outcome = compressWhole({ kind: "compress", coding, level }, source);
        if (outcome.kind !== "done") return;
        expect(outcome.body.length).toBeLessThan(source.length);
        expect(RESTORE[coding](outcome.body).equals(source)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe("compression jobs", () => {
  it("CMP-09 write no time into the header of gzip, so that tags survive a restart", async () => {
    const body = bodyOf(await compress("gzip", bytesOf(page), 6));
    expect([...body.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  });

  it("moves the source when it fills its memory, and leaves the rest of shared memory alone", async () => {
    const own = bytesOf(page);
    await compress("gzip", own, 1);
    expect(own.byteLength).toBe(0);
    const shared = bytesOf(`${page}tail`);
    const outcome = await compress("gzip", shared.subarray(0, page.length), 1);
    expect(gunzipSync(bodyOf(outcome)).toString()).toBe(page);
    expect(Buffer.from(shared).toString()).toBe(`${page}tail`);
  });
});
