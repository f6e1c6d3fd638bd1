import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable, print, printError } from "../../infra/lib/print.ts";
import { measureCoverage, readSpecRows } from "../lib/specRows.ts";
import { readTitlesOfRun, readTitlesOfWorkspace } from "../lib/testTitles.ts";
import { checkout } from "../lib/workspace.ts";

const { values } = parseArgs({
  options: { missing: { type: "string" }, results: { type: "string" }, help: { type: "boolean" } },
});
const specFolder = join(checkout, "..", "shared", "spec");

if (values.help) {
  print("scripts/spec-coverage [--missing FILE|all] [--results VITEST.json]");
} else if (!existsSync(specFolder)) {
  print("the specification is not beside this checkout (../shared/spec): nothing to compare");
} else {
  report();
}

function report(): void {
  const rows = readdirSync(specFolder)
    .filter((file) => file.endsWith(".md") || file.endsWith(".tsv"))
    .sort()
    .flatMap((file) => readSpecRows(file, readFileSync(join(specFolder, file), "utf8")));
  const titles =
    values.results !== undefined && existsSync(values.results)
      ? readTitlesOfRun(values.results)
      : readTitlesOfWorkspace();
  const files = measureCoverage(rows, titles);
  if (values.missing !== undefined) {
    const wanted = files.filter(({ file }) => values.missing === "all" || file.startsWith(values.missing ?? ""));
    if (wanted.length === 0) {
      printError(`no specification file is called ${values.missing}`);
      process.exitCode = 2;
    }
    for (const { file, missing } of wanted) print(`${file}\n  ${missing.join("\n  ")}`);
    return;
  }
  const sum = (count: (each: (typeof files)[number]) => number) =>
    files.reduce((total, each) => total + count(each), 0);
  const line = (name: string, count: number, missing: number) => [
    name,
    String(count),
    String(count - missing),
    String(missing),
    `${count === 0 ? 100 : Math.floor(((count - missing) / count) * 100)} %`,
  ];
  print(
    formatTable([
      ["file", "rows", "named", "missing", ""],
      ...files.map(({ file, rows: count, missing }) => line(file, count, missing.length)),
      line(
        "all",
        sum((each) => each.rows),
        sum((each) => each.missing.length),
      ),
    ]),
  );
}
