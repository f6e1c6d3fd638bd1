import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, printError } from "../../infra/lib/print.ts";
import { Findings } from "./findings.ts";
import { checkBrowser } from "./mediaBrowser.ts";
import { checkBytes } from "./mediaBytes.ts";
import { checkDecoding } from "./mediaDecode.ts";
import { checkHostile } from "./mediaHostile.ts";
import { checkMemory } from "./mediaMemory.ts";

const { values } = parseArgs({
  options: {
    /** Those alone, separated by commas. */
    part: { type: "string" },
    /** Of the corpus, for the parts `decode` and `browser`. */
    files: { type: "string" },
    mutations: { type: "string", default: "1000" },
    /** Where screenshots go. */
    out: { type: "string", default: join(tmpdir(), "basalt-check-media") },
  },
});

const findings = new Findings();
const files = values.files?.split(",");
const PARTS: readonly (readonly [string, () => Promise<void>])[] = [
  ["decode", () => checkDecoding(findings, files)],
  ["browser", () => checkBrowser(findings, values.out, files)],
  ["bytes", () => checkBytes(findings)],
  ["hostile", () => checkHostile(findings, Number(values.mutations))],
  ["memory", () => checkMemory(findings)],
];

const wanted = values.part?.split(",") ?? PARTS.map(([name]) => name);
const unknown = wanted.filter((name) => !PARTS.some(([known]) => known === name));
if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(", ")}`);

for (const [name, run] of PARTS) {
  if (!wanted.includes(name)) continue;
  print(`== ${name}`);
  try {
    await run();
  } catch (cause) {
    findings.fail();
    printError(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  }
}
print(findings.verdict());
process.exit(findings.failures === 0 ? 0 : 1);
