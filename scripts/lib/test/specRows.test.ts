import { describe, expect, it } from "vitest";
import { collectNamedIds, measureCoverage, readSpecRows } from "../specRows.ts";

const idsOf = (file: string, text: string) => readSpecRows(file, text).map(({ id }) => id);

describe("rows of the specification", () => {
  it("are the ids of the first column, in all their forms", () => {
    const text = [
      "| ID | Name |",
      "|---|---|",
      "| TTL-03 | ok |",
      "| `STAT-96.1` | `URI` |",
      "| **STAT-30a** | x |",
      "| AWS-A2 | y |",
      "| OPEN-S13 | z |",
      "| SHA-1 digest, binary | not an id |",
      "| TLS_RSA_WITH_AES_128_CBC_SHA | not an id |",
      "Text that names TTL-99 in passing.",
    ].join("\n");
    expect(idsOf("08-x.md", text)).toEqual(["TTL-03", "STAT-96.1", "STAT-30a", "AWS-A2", "OPEN-S13"]);
  });

  it("are also the acceptance cases, which go by the number of their file", () => {
    expect(idsOf("02-caching-policy.md", "A1. t=0 `GET /a` → MISS.\n\nA12. More.\nAbout A3.")).toEqual([
      "A1 of spec 02",
      "A12 of spec 02",
    ]);
  });

  it("of a table file go by the column that names them", () => {
    expect(idsOf("s.tsv", "section\tjson path\nhost\tHost.Version\tx\nhost\tHost.Name\ty\n")).toEqual([
      "Host.Version",
      "Host.Name",
    ]);
  });
});

describe("a row of an acceptance case", () => {
  it("is named by its id or by the number of its file", () => {
    const rows = ["LOG-A1", "LOG-A2", "LOG-A3", "LOG-01"].map((id) => ({ file: "10-logs.md", id }));
    const titles = ["LOG-A1 a", "A2 of spec 10: b", "A3 of spec 08: c", "LOG-02"];
    expect(measureCoverage(rows, titles)).toEqual([{ file: "10-logs.md", rows: 4, missing: ["LOG-A3", "LOG-01"] }]);
  });
});

describe("ids in test titles", () => {
  it.each([
    ["TTL-03 gives 1800 s to a 2xx", ["TTL-03"]],
    ["ORG-01..03: failures", ["ORG-01", "ORG-02", "ORG-03"]],
    ["CFG-09 to CFG-11 and KEY-02", ["CFG-09", "CFG-10", "CFG-11", "KEY-02"]],
    ["HTTP-06–HTTP-07", ["HTTP-06", "HTTP-07"]],
    ["HTTP-06…08", ["HTTP-06", "HTTP-07", "HTTP-08"]],
    ["STAT-96.1 and STAT-30a", ["STAT-96.1", "STAT-30a"]],
    ["A1–A2 of spec 03", ["A1 of spec 03", "A2 of spec 03"]],
    ["A6 of spec 04, AWS-A2", ["A6 of spec 04", "AWS-A2"]],
    ["TTL-10 to 30 seconds is no range to speak of", ["TTL-10", "TTL-30"]],
    ["UTF-8 text", ["UTF-8"]],
    ["no id at all", []],
  ])("%s", (title, ids) => {
    const named = collectNamedIds([title]);
    for (const id of ids) expect(named).toContain(id);
    if (ids.length === 0) expect(named.size).toBe(0);
  });

  it("make the difference between named and missing rows", () => {
    const rows = readSpecRows("a.md", "| TTL-01 | a |\n| TTL-02 | b |\n| TTL-03 | c |");
    const statistics = readSpecRows("s.tsv", "h\tpath\nx\tHost.Name\nx\tMem\n");
    expect(measureCoverage([...rows, ...statistics], ["TTL-01..02 hold", "field Host.Name and Mem"])).toEqual([
      { file: "a.md", rows: 3, missing: ["TTL-03"] },
      { file: "s.tsv", rows: 2, missing: ["Mem"] },
    ]);
    expect(measureCoverage(statistics, ["every row of s.tsv"])[0]?.missing).toEqual([]);
  });
});
