import { CACHE_RESULTS } from "@basalt/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StonFormat, stonColumns } from "../../src/logs/index.ts";
import { fieldsOf, formatted, MOMENT, transactionWith } from "./support.ts";

const text = fc.string({ unit: fc.constantFrom(..."aZ0 ?=%\t\u007f\u00e9\"'[]") });
const HEADERS = ["user-agent", "referer", "range", "accept-encoding", "x-forwarded-for", "authorization"] as const;

describe("columns of the form ston", () => {
  it("AWS-82 each is what stands in the line", () => {
    fc.assert(
      fc.property(
        fc.record({
          target: text.map((rest) => `/${rest}`),
          status: fc.constantFrom(0, 200, 404),
          contentLength: fc.integer({ min: -1, max: 9 }),
          contentCoding: fc.constantFrom(undefined, "gzip", "deflate"),
          bypassKind: fc.constantFrom("none", "bypass", "private"),
          elapsedMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
          result: fc.constantFrom(...CACHE_RESULTS),
          tls: fc.constantFrom(undefined, { protocol: "TLSv1.3", cipher: "x" }),
        }),
        fc.dictionary(fc.constantFrom(...HEADERS), text),
        fc.constantFrom("ON", "OFF", "TrimCIP"),
        (changes, fields, xff) => {
          const transaction = transactionWith({ ...changes, fields: fieldsOf(fields) });
          const line = Buffer.from(formatted(new StonFormat({ xff }), transaction), "latin1").toString("utf8");
          const columns = stonColumns(xff).map((column) => column(transaction, MOMENT));
          expect(columns.join(" ")).toBe(line);
        },
      ),
    );
  });
});
