import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asWhole, FULL_RANGE_FIELDS } from "../src/index.ts";

const partial = (...fields: string[]) => ({ status: 206, reason: "Partial Content", fields });

describe("ORG-37: the range from 0", () => {
  it("is what is asked for", () => expect(FULL_RANGE_FIELDS).toEqual(["Range", "bytes=0-"]));
});

describe("ORG-38: a 206 as initial answer", () => {
  it("is a complete 200 when it covers everything, without its Content-Range", () => {
    const head = partial("ETag", '"a"', "content-range", "bytes 0-99/100", "Content-Length", "100", "X", "1");
    expect(asWhole(head)).toEqual({
      status: 200,
      reason: "",
      fields: ["ETag", '"a"', "Content-Length", "100", "X", "1"],
    });
  });

  it("may come without a length", () => {
    expect(asWhole(partial("Content-Range", "bytes 0-99/100"))).toEqual({ status: 200, reason: "", fields: [] });
  });

  it.each([
    ["less than all", ["Content-Range", "bytes 0-98/100", "Content-Length", "99"]],
    ["not from the first byte", ["Content-Range", "bytes 1-99/100", "Content-Length", "99"]],
    ["of an unknown length", ["Content-Range", "bytes 0-99/*", "Content-Length", "100"]],
    ["of another length than it says", ["Content-Range", "bytes 0-99/100", "Content-Length", "99"]],
    ["of several lengths", ["Content-Range", "bytes 0-99/100", "Content-Length", "100", "Content-Length", "99"]],
    ["of several ranges", ["Content-Type", "multipart/byteranges; boundary=x"]],
    ["of two that contradict", ["Content-Range", "bytes 0-99/100", "Content-Range", "bytes 0-9/10"]],
    ["nonsense", ["Content-Range", "bytes 0-99"]],
    ["none that could be satisfied", ["Content-Range", "bytes */100"]],
  ])("stays one when it is %s", (_, fields) => {
    const head = partial(...fields);
    expect(asWhole(head)).toBe(head);
  });

  it.each([200, 304, 404, 416, 500])("%i stays what it is", (status) => {
    const head = { status, reason: "", fields: ["Content-Range", "bytes 0-99/100"] };
    expect(asWhole(head)).toBe(head);
  });

  it("never claims more than the origin sent", () => {
    const number = fc.nat(20);
    fc.assert(
      fc.property(number, number, number, number, (first, last, size, length) => {
        const head = partial("Content-Range", `bytes ${first}-${last}/${size}`, "Content-Length", `${length}`);
        const isWhole = first === 0 && last === size - 1 && length === size;
        expect(asWhole(head).status).toBe(isWhole ? 200 : 206);
      }),
    );
  });
});
