import { describe, expect, it } from "vitest";
import { writeTransportSegment } from "../../src/index.ts";
import { checkTransport } from "../support/transportChecker.ts";
import { avcCodec, avcPicture, pictureSample, transportSegment } from "../support/transportInput.ts";

const segment = (number: number): Uint8Array =>
  writeTransportSegment(
    transportSegment(number, [
      {
        codec: avcCodec(),
        samples: [{ bytes: pictureSample(avcPicture(3_000, true)), decodeTicks: number * 3_600, isKey: true }],
        endTicks: (number + 1) * 3_600,
      },
    ]),
  );

const without = (bytes: Uint8Array, packet: number): Uint8Array =>
  Uint8Array.from([...bytes.subarray(0, packet * 188), ...bytes.subarray((packet + 1) * 188)]);

const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
};

describe("the checker of transport streams finds", () => {
  const good = segment(0);

  it("nothing in good ones", () => {
    expect(checkTransport([good, segment(1), segment(2)]).problems).toEqual([]);
  });

  it.each<[string, readonly Uint8Array[], RegExp]>([
    ["a missing packet", [without(good, 5)], /counts/],
    ["a missing segment's worth of tables", [good, without(without(segment(1), 0), 0)], /not a PAT|no tables/],
    ["a segment that comes twice", [good, good], /PCR goes|DTS from/],
    ["a segment left out", [good, segment(2)], /pid 0 counts/],
    ["a lost sync byte", [changed(good, 188 * 3, 0)], /no sync byte/],
    ["a damaged table", [changed(good, 10, 9)], /CRC/],
    ["a cut segment", [good.subarray(0, 1_000)], /bytes/],
    ["a damaged delimiter", [changed(good, 188 * 2 + 4 + 8 + 14 + 4, 1)], /delimiter/],
  ])("%s", (_, segments, problem) => {
    expect(checkTransport(segments).problems.join("\n")).toMatch(problem);
  });
});
