import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseRecord } from "../lib/json.ts";
import { type StartedProcess, startProcess, stopProcess } from "../lib/processes.ts";

export type Verdict =
  | { readonly kind: "passed" }
  /** `setup`: the conditions of the test did not come about, so that it says nothing by itself. */
  | { readonly kind: "failed" | "setup"; readonly finding: string };

export type Verdicts = ReadonlyMap<string, Verdict>;

export interface SuiteOrigin {
  readonly port: number;
  /** The last 64 KB that it printed: its port, and what its handlers did not expect. */
  output(): string;
  stop(): Promise<void>;
}

const ORIGIN_STARTS_WITHIN_MS = 60_000;
const CLIENT_ENDS_WITHIN_MS = 300_000;

const startProgram = (name: string, args: readonly string[] = []): StartedProcess =>
  startProcess(process.execPath, [join(import.meta.dirname, name), ...args], { environment: { NODE_OPTIONS: "" } });

export async function startSuiteOrigin(): Promise<SuiteOrigin> {
  const started = startProgram("suiteOriginMain.ts");
  const deadline = Date.now() + ORIGIN_STARTS_WITHIN_MS;
  for (;;) {
    const line = /^(\d+)\n/m.exec(started.output());
    if (line !== null) return { port: Number(line[1]), output: started.output, stop: () => stopProcess(started, 2000) };
    if (Date.now() > deadline) throw new Error(`the suite's origin does not start: ${started.output()}`);
    await delay(20);
  }
}

export interface SuiteRun {
  /** Where the proxy under test listens. */
  readonly port: number;
  /** The tests to run; all when empty. */
  readonly ids?: readonly string[];
  /** How many tests may be under way together: most of them wait for some seconds once or twice. */
  readonly atOnce?: number;
  /** Called with all that went over the wire. */
  readonly onDump?: (text: string) => void;
}

/** Runs the suite's client against a proxy in front of the suite's origin. */
export async function runSuite({ port, ids = [], atOnce = 100, onDump }: SuiteRun): Promise<Verdicts> {
  const folder = await mkdtemp(join(tmpdir(), "basalt-conformance-"));
  const results = join(folder, "results.json");
  try {
    const client = startProgram("suiteClientMain.ts", [
      ...["--base", `http://127.0.0.1:${port}`, "--at-once", String(atOnce), "--results", results],
      ...ids.flatMap((id) => ["--id", id]),
      ...(onDump === undefined ? [] : ["--dump"]),
    ]);
    const guard = setTimeout(() => stopProcess(client, 0), CLIENT_ENDS_WITHIN_MS);
    const code = await client.exited;
    clearTimeout(guard);
    onDump?.(client.output());
    if (code !== 0) throw new Error(`the suite's client ended with ${code}: ${client.output().slice(-2000)}`);
    return parseVerdicts(await readFile(results, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The client's results: `true`, or a pair of the error's name and its message. */
export function parseVerdicts(text: string): Verdicts {
  return new Map(Object.entries(parseRecord(text)).map(([id, result]) => [id, parseVerdict(result)]));
}

function parseVerdict(result: unknown): Verdict {
  if (result === true) return { kind: "passed" };
  const [name, finding] = Array.isArray(result) ? result.map(String) : ["", JSON.stringify(result)];
  return {
    kind: name === "Setup" ? "setup" : "failed",
    finding: `${name === "Assertion" ? "" : `${name}: `}${finding}`,
  };
}
