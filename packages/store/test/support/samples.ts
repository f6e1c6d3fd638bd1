import { createHash } from "node:crypto";
import { epochMs, type Problem } from "@basalt/types";
import type { IndexRow, ObjectLocation, RowImage } from "../../src/contract.ts";
import { computeCacheKey } from "../../src/diskIndex/cacheKey.ts";

export const sampleLocation = (change: Partial<ObjectLocation> = {}): ObjectLocation => ({
  disk: 1,
  segment: 7,
  offset: 4096,
  headBytes: 300,
  bodyBytes: 1024,
  file: 0,
  ...change,
});

interface RowChange extends Partial<IndexRow> {
  readonly variant?: string;
}

export const sampleRow = ({ variant = "", ...change }: RowChange = {}): IndexRow => {
  const vhost = change.vhost ?? "www.example.com";
  const url = change.url ?? "/index.html";
  return {
    key: computeCacheKey(vhost, url, variant),
    vhost,
    url,
    location: sampleLocation(),
    version: 12,
    freshUntil: epochMs(1_760_000_001_800_000),
    ttl: 1800,
    updatedAt: epochMs(1_760_000_000_000),
    lastAccess: epochMs(1_760_000_000_000),
    flags: 0,
    missingBytes: 0,
    ...change,
  };
};

/** What the record of such a row carries. */
export const sampleImage = (change: RowChange = {}): RowImage => {
  const { key, vhost, url, version, freshUntil, ttl, updatedAt, flags } = sampleRow(change);
  return { key, vhost, url, version, freshUntil, ttl, updatedAt, flags };
};

/** Bytes that differ for every seed and are the same in every process. */
export const patternBytes = (length: number, seed: number): Buffer => {
  const block = createHash("sha512").update(String(seed)).digest();
  const bytes = Buffer.allocUnsafe(length);
  for (let offset = 0; offset < length; offset += block.length) block.copy(bytes, offset);
  for (let offset = 0; offset < length; offset += 4096) bytes[offset] = (seed + offset / 4096) % 256;
  return bytes;
};

/** Collects what is reported. */
export const collectProblems = (): { readonly problems: Problem[]; readonly onProblem: (problem: Problem) => void } => {
  const problems: Problem[] = [];
  return { problems, onProblem: (problem) => problems.push(problem) };
};

export const unexpectedProblem = (problem: Problem): never => {
  throw new Error(`unexpected: ${problem.file}: ${problem.message}`);
};
