import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { isFieldSafe, statusReason, writeResponseHead } from "../src/index.ts";

describe("response heads", () => {
  it("are one status line, the fields as given and a blank line, in latin1", () => {
    const head = writeResponseHead({ status: 206 }, ["Content-Range", "bytes 0-1/2", "X", "\xe4", "Empty", ""]);
    expect(head.toString("latin1")).toBe(
      "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/2\r\nX: \xe4\r\nEmpty: \r\n\r\n",
    );
  });

  it("take a phrase of their own, or none for an unknown status", () => {
    expect(writeResponseHead({ status: 500, reason: "Internal Error" }, []).toString()).toBe(
      "HTTP/1.1 500 Internal Error\r\n\r\n",
    );
    expect(writeResponseHead({ status: 299 }, []).toString()).toBe("HTTP/1.1 299 \r\n\r\n");
  });

  it("HTTP-30 calls 416 what the guide calls it", () => {
    expect(statusReason(416)).toBe("Requested Range Not Satisfiable");
  });

  it("REG-31 HTTP-38 know 451", () => {
    expect(statusReason(451)).toBe("Unavailable For Legal Reasons");
  });

  it.each([
    ["X", "a\r\nSet-Cookie: b"],
    ["X", "a\nb"],
    ["X", "a\rb"],
    ["X", "a\0b"],
    ["X", "a\u010ab"],
    ["X", "a\u{1f600}"],
    ["X", "a\x7f"],
    ["X:", "a"],
    ["X ", "a"],
    ["X\n", "a"],
    ["", "a"],
  ])("refuse the field %j: %j", (name, value) => {
    expect(isFieldSafe(name, value)).toBe(false);
    expect(() => writeResponseHead({ status: 200 }, [name, value])).toThrow(EdgeError);
  });

  it.each([
    { status: 200, reason: "OK\r\nX: y" },
    { status: 99 },
    { status: 1000 },
    { status: 200.5 },
    { status: Number.NaN },
  ])("refuse the status line %j", (line) => {
    expect(() => writeResponseHead(line, [])).toThrow(EdgeError);
  });
});
