import { describe, expect, it } from "vitest";
import { remembered } from "../../src/dims/remembered.ts";

describe("what is remembered of answers", () => {
  it("is right for any number of texts, and asked for once while there are few", () => {
    let asked = 0;
    const lengthOf = remembered((text) => {
      asked += 1;
      return text.length;
    });
    for (let round = 0; round < 3; round += 1) {
      for (const text of ["a", "bb", "ccc"]) expect(lengthOf(text)).toBe(text.length);
    }
    expect(asked).toBe(3);
    for (let length = 0; length < 1_000; length += 1) expect(lengthOf("x".repeat(length))).toBe(length);
  });

  it("is nothing of long texts, which would fill the memory", () => {
    let asked = 0;
    const answer = remembered(() => {
      asked += 1;
      return true;
    });
    for (let round = 0; round < 3; round += 1) answer("x".repeat(8_000));
    expect(asked).toBe(3);
  });
});
