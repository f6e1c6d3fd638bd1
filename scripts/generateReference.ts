/**
 * Writes the generated pages of docs/reference; with `--check` it only says which of them are out of date. Run with
 * `node --conditions=@basalt/source scripts/generateReference.ts [--check]`.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { printError } from "../infra/lib/print.ts";
import { renderReference, renderServerXsd, renderVhostsXsd } from "../packages/config/src/index.ts";
import { renderApiReference } from "../packages/management/src/apiReference.ts";
import { renderSnmpReference } from "../packages/management/src/snmp/reference.ts";
import { renderStatisticsReference } from "../packages/telemetry/src/statistics/reference.ts";

const PAGES: Readonly<Record<string, () => string>> = {
  "config.md": renderReference,
  "server.xsd": renderServerXsd,
  "vhosts.xsd": renderVhostsXsd,
  "openapi.json": renderApiReference,
  "snmp.md": renderSnmpReference,
  "statistics.md": renderStatisticsReference,
};

const folder = new URL("../docs/reference/", import.meta.url);
const isCheck = process.argv.includes("--check");

await mkdir(folder, { recursive: true });
for (const [name, render] of Object.entries(PAGES)) {
  const target = new URL(name, folder);
  if (!isCheck) await writeFile(target, render());
  else if ((await readFile(target, "utf8").catch(() => "")) !== render()) {
    printError(`docs/reference/${name} is out of date: run scripts/generateReference.ts`);
    process.exitCode = 1;
  }
}
