import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { getResults, runTests } from "http-cache-tests/client/runner.mjs";
import { recordsAt } from "../lib/json.ts";
import { rawGroups } from "./suite.ts";

/**
 * One run of the suite's client, as a process: its tests and its runner keep state that a second run would find.
 * Writes the results to a file, as JSON; with `--dump` it prints what goes over the wire.
 */
const { values } = parseArgs({
  options: {
    base: { type: "string", default: "" },
    "at-once": { type: "string", default: "100" },
    id: { type: "string", multiple: true, default: [] },
    dump: { type: "boolean", default: false },
    results: { type: "string", default: "" },
  },
});
const wanted = new Set(values.id);
const isWanted = (test: Record<string, unknown>): boolean =>
  wanted.size === 0 || (typeof test.id === "string" && wanted.has(test.id));
const chosen = rawGroups.map((group) => ({
  ...group,
  tests: recordsAt(group, "tests")
    .filter(isWanted)
    .map((test) => (values.dump ? { ...test, dump: true } : test)),
}));

// Its own client: it opens a connection per request and adds nothing to what a test says.
const suiteRequire = createRequire(fileURLToPath(import.meta.resolve("http-cache-tests/client/runner.mjs")));
await runTests(chosen, suiteRequire("node-fetch"), false, values.base, Number(values["at-once"]));
await writeFile(values.results, JSON.stringify(getResults()));
