import { epochMs } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClosedSegment, SegmentShelf } from "../../src/space/segmentShelf.ts";

const segment = (id: number, modifiedMs: number, fileBytes: number): ClosedSegment => ({
  disk: 1,
  segment: id,
  fileBytes,
  modifiedAt: epochMs(modifiedMs),
  isReadmitted: false,
});

const inOrder = (model: ReadonlyMap<number, ClosedSegment>): ClosedSegment[] =>
  [...model.values()].sort((left, right) => left.modifiedAt - right.modifiedAt || left.segment - right.segment);

const steps = fc.array(
  fc.record({
    id: fc.integer({ min: 1, max: 30 }),
    modifiedMs: fc.integer({ min: 0, max: 5 }),
    fileBytes: fc.integer({ min: 0, max: 100 }),
    kind: fc.constantFrom("put", "put", "remove", "peek", "replaceAll"),
  }),
  { maxLength: 400 },
);

const SEGMENTS = 5_000;

describe("the shelf of closed segments", () => {
  it("keeps them in the order of their last append and counts their bytes, whatever comes and goes", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const shelf = new SegmentShelf();
        const model = new Map<number, ClosedSegment>();
        for (const { id, modifiedMs, fileBytes, kind } of list) {
          if (kind === "peek") {
            expect(shelf.oldest).toEqual(inOrder(model)[0]);
          } else if (kind === "replaceAll") {
            model.delete(id);
            shelf.replaceAll([...model.values()]);
          } else if (kind === "remove") {
            expect(shelf.remove(id)).toBe(model.get(id));
            model.delete(id);
          } else {
            const put = segment(id, modifiedMs, fileBytes);
            shelf.put(put);
            model.set(id, put);
          }
        }
        const expected = inOrder(model);
        expect([...shelf]).toEqual(expected);
        expect(shelf.size).toBe(expected.length);
        expect(shelf.oldest).toEqual(expected[0]);
        expect(shelf.bytes).toBe(expected.reduce((sum, { fileBytes }) => sum + fileBytes, 0));
        expect(shelf.oldestAt(epochMs(99))).toBe(expected[0]?.modifiedAt ?? 99);
      }),
      { numRuns: 200 },
    );
  });

  it("gives up many thousands one by one, oldest first", () => {
    const shelf = new SegmentShelf();
    shelf.replaceAll(Array.from({ length: SEGMENTS }, (_, number) => segment(number, SEGMENTS - number, 1)));
    const order: number[] = [];
    for (let oldest = shelf.oldest; oldest !== undefined; oldest = shelf.oldest) {
      order.push(oldest.segment);
      shelf.remove(oldest.segment);
    }
    expect(order).toEqual(Array.from({ length: SEGMENTS }, (_, number) => SEGMENTS - 1 - number));
    expect([shelf.bytes, shelf.size]).toEqual([0, 0]);
  });
});
