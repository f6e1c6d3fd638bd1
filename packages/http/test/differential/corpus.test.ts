import { describe, expect, it } from "vitest";
import { readByteByByte, readInPieces, readWithBasalt } from "./basalt.ts";
import { readCorpus } from "./corpus.ts";
import { isKnownToLlhttp, readWithLlhttp } from "./llhttp.ts";
import type { Reading } from "./reading.ts";

const outcomeOf = (reading: Reading): string => {
  if (reading.kind === "incomplete") return "incomplete";
  if (reading.kind === "rejected") return `reject ${reading.rejection.code}`;
  return ["accept", reading.method, reading.target, reading.minorVersion, reading.body].join(" ").trimEnd();
};

const corpus = readCorpus();

describe("HTTP-34 the corpus of interesting requests", () => {
  it("has at least 80 cases with different titles in each file", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(80);
    expect(new Set(corpus.map(({ file, title }) => `${file} ${title}`)).size).toBe(corpus.length);
  });

  it.each(corpus)("$file: $title: $outcome", ({ bytes, outcome }) => {
    const reading = readWithBasalt(bytes);
    expect(outcomeOf(reading)).toBe(outcome);
    if (reading.kind === "accepted" && isKnownToLlhttp(reading.method)) {
      expect(readWithLlhttp(bytes, reading.length)).toEqual(reading);
    }
  });

  it("reads every case alike when it is split at any byte, or comes byte by byte", () => {
    for (const { bytes, title } of corpus) {
      const whole = readWithBasalt(bytes);
      expect(readByteByByte(bytes), title).toEqual(whole);
      for (let cut = 1; cut < bytes.length; cut++) {
        expect(readInPieces(bytes, [cut, bytes.length]), `${title}, cut at ${cut}`).toEqual(whole);
      }
    }
  });
});
