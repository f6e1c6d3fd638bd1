import { randomBytes } from "node:crypto";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { TransformOutcome } from "../src/contract.ts";
import { compressGzip } from "../src/jobs/gzip.ts";
import { createTransformPool } from "../src/pool.ts";

const pool = createTransformPool({ threads: 2, queueLimit: 100, deadlineMs: 20_000 });
afterAll(() => pool.close());

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));
const page = "<p>All work and no play makes Jack a dull boy.</p>\n".repeat(2000);

const bodyOf = (outcome: TransformOutcome): Uint8Array<ArrayBuffer> => {
  if (outcome.kind !== "done") throw new Error(outcome.reason);
  return outcome.body;
};

describe("gzip", () => {
  it("CMP-01 HTTP-54 compresses in a thread what gunzip restores", async () => {
    const outcome = await pool.run({ kind: "gzip", source: bytesOf(page), level: 6 });
    const body = bodyOf(outcome);
    expect(gunzipSync(body).toString()).toBe(page);
    expect(body.byteLength).toBe(body.buffer.byteLength);
    expect(outcome.kind === "done" && outcome.cpuMs).toBeGreaterThanOrEqual(0);
  });

  it("HTTP-56 compresses more with a higher level", async () => {
    const sizes: number[] = [];
    const words = Array.from({ length: 20_000 }, (_, nth) => `word${Math.imul(nth, nth) % 401}`).join(" ");
    for (const level of [1, 9])
      sizes.push(bodyOf(await pool.run({ kind: "gzip", source: bytesOf(words), level })).length);
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
  });

  it("gives equal bytes for equal sources, without a time in the header", async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(async () => bodyOf(await pool.run({ kind: "gzip", source: bytesOf(page), level: 5 }))),
    );
    expect(first).toEqual(second);
    expect([...(first?.subarray(4, 8) ?? [])]).toEqual([0, 0, 0, 0]);
  });

  it("moves the source when it fills its memory, and leaves the rest of shared memory alone", async () => {
    const own = bytesOf(page);
    await pool.run({ kind: "gzip", source: own, level: 1 });
    expect(own.byteLength).toBe(0);
    const shared = bytesOf(`${page}tail`);
    const outcome = await pool.run({ kind: "gzip", source: shared.subarray(0, page.length), level: 1 });
    expect(gunzipSync(bodyOf(outcome)).toString()).toBe(page);
    expect(Buffer.from(shared).toString()).toBe(`${page}tail`);
  });

  it.each([
    { what: "nothing", source: new Uint8Array(0) },
    { what: "a few bytes", source: bytesOf("abc") },
    { what: "what does not compress", source: Uint8Array.from(randomBytes(10_000)) },
  ])("leaves $what unchanged", async ({ source }) => {
    expect((await pool.run({ kind: "gzip", source, level: 9 })).kind).toBe("unchanged");
  });

  it("restores any source it has compressed", () => {
    const chunk = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(chunk, fc.nat(60), fc.integer({ min: 1, max: 9 }), (part, times, level) => {
        const source = Uint8Array.from(Buffer.concat(Array.from({ length: times }, () => part)));
        const outcome = compressGzip({ kind: "gzip", source, level });
        if (outcome.kind === "unchanged") return;
        expect(outcome.body.length).toBeLessThan(source.length);
        expect(Buffer.from(gunzipSync(outcome.body)).equals(source)).toBe(true);
      }),
    );
  });
});
