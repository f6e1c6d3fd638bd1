import type { MediaOutcome } from "@basalt/media";
import { describe, expect, it } from "vitest";
import { inWorkspace } from "../src/mediaWorkspace.ts";

const ROOM_AT = 100;

/** Two pieces, and room for a result with some bytes on both sides of it. */
const job = (roomBytes: number) => {
  const memory = new Uint8Array(new SharedArrayBuffer(ROOM_AT + roomBytes + 50)).fill(9);
  const pieces = [
    { start: 1_000, bytes: memory.subarray(0, 20).fill(1) },
    { start: 2_000, bytes: memory.subarray(30, 40).fill(2) },
  ];
  return { memory, pieces, room: memory.subarray(ROOM_AT, ROOM_AT + roomBytes) };
};

const bytesOf = (body: Uint8Array<ArrayBuffer>): MediaOutcome => ({ kind: "bytes", body, contentType: "video/MP2T" });

describe("media jobs in memory that is shared", () => {
  it("have their source and their room in memory of the thread, and their result in the room of the host", () => {
    const { memory, pieces, room } = job(60);
    const outcome = inWorkspace(room, pieces, (own, ownRoom) => {
      expect(own.map(({ start, bytes }) => [start, bytes.length, new Set(bytes)])).toEqual([
        [1_000, 20, new Set([1])],
        [2_000, 10, new Set([2])],
      ]);
      expect(own.every(({ bytes }) => bytes.buffer === ownRoom.buffer)).toBe(true);
      expect(ownRoom.byteLength).toBe(60);
      return bytesOf(ownRoom.subarray(0, 50).fill(7));
    });
    if (outcome.kind !== "bytes") throw new Error(outcome.kind);
    expect(outcome.body.buffer).toBe(memory.buffer);
    expect([outcome.body.byteOffset, outcome.body.byteLength]).toEqual([ROOM_AT, 50]);
    expect(new Set(outcome.body)).toEqual(new Set([7]));
    expect(new Set(memory.subarray(ROOM_AT + 50))).toEqual(new Set([9]));
    expect(memory[ROOM_AT - 1]).toBe(9);
  });

  it("answer with memory of their own what had no room, and everything else as it is", () => {
    const { memory, pieces, room } = job(10);
    const before = memory.slice();
    const large = inWorkspace(room, pieces, () => bytesOf(new Uint8Array(20)));
    expect(large).toMatchObject({ kind: "bytes", body: { byteLength: 20 } });
    expect(inWorkspace(room, pieces, () => ({ kind: "absent" }))).toEqual({ kind: "absent" });
    expect(memory).toEqual(before);
  });
});
