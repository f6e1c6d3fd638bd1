import { describe, expect, it } from "vitest";
import { ArrivingBytes } from "../src/arrivingBytes.ts";

const arrived = (...chunks: readonly string[]): ArrivingBytes => {
  const bytes = new ArrivingBytes(0);
  for (const chunk of chunks) bytes.push(Buffer.from(chunk));
  return bytes;
};

describe("what is cut off the end of arriving bytes", () => {
  it.each([
    { at: 9, kept: "abcdefghi" },
    { at: 20, kept: "abcdefghi" },
    { at: 7, kept: "abcdefg" },
    { at: 6, kept: "abcdef" },
    { at: 0, kept: "" },
  ])("cut at $at, $kept is left", ({ at, kept }) => {
    const bytes = arrived("abc", "def", "ghi");
    bytes.cutAt(at);
    expect([bytes.receivedTo, bytes.copyHeld().toString(), Buffer.concat(bytes.unwritten()).toString()]).toEqual([
      kept.length,
      kept,
      kept,
    ]);
  });

  it("is followed by what comes next", () => {
    const bytes = arrived("abc", "def");
    bytes.cutAt(4);
    bytes.push(Buffer.from("xyz"));
    expect(bytes.copyHeld().toString()).toBe("abcdxyz");
  });
});

describe("an empty chunk", () => {
  it("is nothing to write, before and after others", () => {
    const bytes = arrived("");
    expect(bytes.unwritten()).toEqual([]);
    bytes.push(Buffer.from("abc"));
    bytes.wrote(3);
    bytes.push(Buffer.alloc(0));
    expect([bytes.unwritten(), bytes.receivedTo]).toEqual([[], 3]);
  });
});
