import { describe, expect, it } from "vitest";
import { readByteByByte, readInPieces, readWithBasalt } from "./basalt.ts";
import { createGenerator } from "./generator.ts";
import { isKnownToLlhttp, judgeWithLlhttp, readWithLlhttp } from "./llhttp.ts";
import type { Reading } from "./reading.ts";
import { STRICTER_CHOICES } from "./stricterChoices.ts";

const CASES = Number(process.env.BASALT_FUZZ_CASES ?? 120_000);
const SEED = Number(process.env.BASALT_FUZZ_SEED ?? Date.now() % 2 ** 31);
/** Every so many cases one is also read split at every position. */
const SPLIT_EVERY = 200;
const MOST_FINDINGS = 10;

const show = (bytes: Buffer): string => JSON.stringify(bytes.toString("latin1"));

/** The same request with a method that llhttp knows and reads alike. */
const withKnownMethod = (bytes: Buffer, reading: Extract<Reading, { kind: "accepted" }>): [Buffer, typeof reading] => {
  if (isKnownToLlhttp(reading.method)) return [bytes, reading];
  const at = bytes.indexOf(reading.method, 0, "latin1");
  const replaced = Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from("POST"),
    bytes.subarray(at + reading.method.length),
  ]);
  const length = reading.length + replaced.length - bytes.length;
  return [replaced, { ...reading, method: "POST", length }];
};

class Comparison {
  readonly findings: string[] = [];
  readonly stricter = new Map<string, number>();
  accepted = 0;
  rejectedByBoth = 0;
  incomplete = 0;

  compare(bytes: Buffer): void {
    const ours = readWithBasalt(bytes);
    if (ours.kind === "accepted") {
      this.accepted++;
      const [comparable, expected] = withKnownMethod(bytes, ours);
      const theirs = readWithLlhttp(comparable, expected.length);
      if (theirs === undefined) this.#find("llhttp sees no such message", bytes, ours);
      else if (JSON.stringify(theirs) !== JSON.stringify(expected)) this.#find("read differently", bytes, ours, theirs);
      return;
    }
    const judged = judgeWithLlhttp(bytes);
    if (ours.kind === "incomplete") {
      this.incomplete++;
      if (judged === "accepted") this.#find("llhttp sees a complete message", bytes, ours);
    } else if (judged === "accepted") {
      const { detail } = ours.rejection;
      this.stricter.set(detail, (this.stricter.get(detail) ?? 0) + 1);
      if (STRICTER_CHOICES[detail] === undefined) this.#find("refused for no documented reason", bytes, ours);
    } else {
      this.rejectedByBoth++;
    }
  }

  #find(what: string, bytes: Buffer, ...readings: readonly Reading[]): void {
    if (this.findings.length < MOST_FINDINGS) {
      this.findings.push(`${what}: ${show(bytes)}\n${readings.map((reading) => JSON.stringify(reading)).join("\n")}`);
    }
  }

  summary(): string {
    const rows = [...this.stricter].sort((left, right) => right[1] - left[1]);
    return [
      `differential fuzz: ${CASES} cases, seed ${SEED} (BASALT_FUZZ_SEED)`,
      `  read alike ${this.accepted}, incomplete ${this.incomplete}, refused by both or not complete ${this.rejectedByBoth}`,
      "  refused here, taken by llhttp:",
      ...rows.map(([detail, count]) => `  ${String(count).padStart(7)}  ${detail}: ${STRICTER_CHOICES[detail] ?? "?"}`),
    ].join("\n");
  }
}

describe("HTTP-34 our reading of requests and llhttp's", () => {
  it("agree on everything we accept, and differ else only by documented stricter choices", { timeout: 120_000 }, () => {
    const generator = createGenerator(SEED);
    const comparison = new Comparison();
    for (let index = 0; index < CASES; index++) comparison.compare(generator.next());
    process.stdout.write(`${comparison.summary()}\n`);
    expect(comparison.findings, `seed ${SEED}`).toEqual([]);
    expect(comparison.accepted).toBeGreaterThan(CASES / 20);
  });

  it("does not depend on how the bytes are split", { timeout: 120_000 }, () => {
    const generator = createGenerator(SEED + 1);
    for (let index = 0; index < CASES / SPLIT_EVERY; index++) {
      const bytes = generator.next();
      const whole = readWithBasalt(bytes);
      expect(readByteByByte(bytes), show(bytes)).toEqual(whole);
      for (let cut = 1; cut < bytes.length; cut++) {
        expect(readInPieces(bytes, [cut, bytes.length]), `${show(bytes)} cut at ${cut}`).toEqual(whole);
      }
    }
  });
});
