import { describe, expect, it } from "vitest";
import { lineMatcher } from "../src/logs/lineMatcher.ts";

const RECORD = '{"status":500,"path":"/a","tls":null,"user":{"name":"bob"}}';

describe("the lines that a subscription takes", () => {
  it.each([
    ["words", "ERROR -Timeout", "an ERROR here", {}],
    ["words that are not all there", "ERROR -Timeout", "ERROR Timeout", undefined],
    ["every line", "", "anything", {}],
    ["fields by position", "[a, b=5*, ..., last]", "x 502 y z", { a: "x", b: "502", last: "z" }],
    ["fields by position that do not match", "[a, b=5*, c]", "x 402 y", undefined],
    ["fields of JSON", '{ $.status = 5* && $.user.name = "bob" }', RECORD, { "$.status": "500", "$.user.name": "bob" }],
    ["fields of JSON that are not there", "{ $.nothing NOT EXISTS || $.tls IS NULL }", RECORD, { "$.tls": "null" }],
    ["no JSON", "{ $.status = 500 }", '{"status":500', undefined],
    ["text in front of JSON", "{ $.status = 500 }", `x ${RECORD}`, undefined],
    ["no pattern", "[a", "a", undefined],
  ])("AWS-86 %s", (_, pattern, line, fields) => {
    expect(lineMatcher(pattern)(line)).toEqual(fields);
  });
});
