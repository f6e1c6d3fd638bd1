import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../../infra/lib/json.ts";
import { checkout } from "./workspace.ts";

/** Full titles (with those of their groups) of the tests that a finished run reported as passed or failed. */
export function readTitlesOfRun(resultsFile: string): string[] {
  const titles: string[] = [];
  collectTitles(JSON.parse(readFileSync(resultsFile, "utf8")), "fullName", titles);
  return titles;
}

/** Titles as Vitest collects them, without running a test; reading the files alone would miss scenes and tables. */
export function collectTitlesOfWorkspace(): string[] {
  const vitest = join(checkout, "node_modules", "vitest", "vitest.mjs");
  const output = execFileSync(process.execPath, [vitest, "list", "--json", "--no-static-parse"], {
    cwd: checkout,
    encoding: "utf8",
    maxBuffer: 256 << 20,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const titles: string[] = [];
  collectTitles(JSON.parse(output.slice(output.indexOf("["))), "name", titles);
  return titles;
}

function collectTitles(value: unknown, key: string, titles: string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) collectTitles(each, key, titles);
  } else if (isRecord(value)) {
    const title = value[key];
    if (typeof title === "string" && value.status !== "todo") titles.push(title);
    for (const each of Object.values(value)) if (typeof each === "object") collectTitles(each, key, titles);
  }
}
