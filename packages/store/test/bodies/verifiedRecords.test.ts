import { describe, expect, it } from "vitest";
import { VerifiedLimit, VerifiedRecords } from "../../src/bodies/verifiedRecords.ts";
import { patternBytes, sampleLocation } from "../support/samples.ts";

const RECORD = patternBytes(1000, 1);
const LONG_RECORD = patternBytes(1024 ** 2, 1);

describe("what is remembered of records", () => {
  it("is bounded over all files of a process, also where no reader is ever released", () => {
    const limit = new VerifiedLimit(100);
    const files = Array.from({ length: 20 }, () => new VerifiedRecords(limit));
    const locations = Array.from({ length: 50 }, (_, place) => sampleLocation({ offset: place * 2048 }));
    for (const location of locations) for (const file of files) file.note(location, RECORD);
    const known = files.flatMap((file) => locations.filter((location) => file.sumsOf(location) !== undefined));
    expect(known.length).toBeGreaterThan(0);
    expect(known.length).toBeLessThanOrEqual(101);
  });

  it("stays when the same records are found whole again and again, and counts long ones by their length", () => {
    const limit = new VerifiedLimit(6);
    const file = new VerifiedRecords(limit);
    const [first, second] = [sampleLocation(), sampleLocation({ offset: 2 * 1024 ** 2 })];
    for (let times = 0; times < 50; times++) file.note(first, LONG_RECORD);
    expect(file.isUnchanged(first, LONG_RECORD)).toBe(true);
    file.note(second, LONG_RECORD);
    expect([file.sumsOf(first), file.isUnchanged(second, LONG_RECORD)]).toEqual([undefined, true]);
  });
});
