import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print } from "../lib/print.ts";
import { onInterrupt } from "../lib/processes.ts";
import { findDeviations, readExpectations } from "./expectations.ts";
import { CACHING_PROFILES, PEERS, type ProxySettings, type RunningProxy, startBasalt, startPeer } from "./proxies.ts";
import { formatNumbers, listFailures, type ProxyResult } from "./report.ts";
import { runSuite } from "./runSuite.ts";
import { openStage, stopAllStages } from "./stage.ts";
import { listGroups } from "./suite.ts";

const HELP = `The public HTTP cache test suite (http-cache-tests) against Basalt with two workers.
  --profile rfc9111|guide   caching profile of the virtual host (rfc9111)
  --peer nginx|varnish      measures this one too, after Basalt and in front of the same origin; may be repeated
  --id TEST                 this test only, with all that goes over the wire; may be repeated
  --at-once N               tests under way together (100)
  --results NAME            name of the result file in infra/conformance/results/ (the profile's)`;

const { values } = parseArgs({
  options: {
    profile: { type: "string", default: "rfc9111" },
    peer: { type: "string", multiple: true, default: [] },
    id: { type: "string", multiple: true, default: [] },
    "at-once": { type: "string", default: "100" },
    results: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosenFrom = <Name extends string>(names: readonly Name[], given: string): Name => {
  const found = names.find((name) => name === given);
  if (found === undefined) throw new Error(`${given} is none of ${names.join(", ")}`);
  return found;
};

interface Candidate {
  readonly name: string;
  start(settings: ProxySettings): Promise<RunningProxy>;
}

async function measure({ name, start }: Candidate): Promise<ProxyResult> {
  const stage = await openStage(name, start);
  try {
    const verdicts = await runSuite({
      port: stage.proxy.port,
      ids: values.id,
      atOnce: Number(values["at-once"]),
      ...(values.id.length === 0 ? {} : { onDump: print }),
    });
    return { name, version: stage.proxy.version, verdicts };
  } finally {
    await stage.stop();
  }
}

async function saveResults(name: string, results: readonly ProxyResult[]): Promise<string> {
  const folder = join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  const record = results.map((result) => ({
    name: result.name,
    version: result.version,
    failures: Object.fromEntries(
      [...result.verdicts].flatMap(([id, verdict]) => (verdict.kind === "passed" ? [] : [[id, verdict.finding]])),
    ),
    passed: [...result.verdicts].flatMap(([id, verdict]) => (verdict.kind === "passed" ? [id] : [])),
  }));
  await writeFile(path, `${JSON.stringify(record, undefined, 2)}\n`);
  return path;
}

/** Says what differs from `expected.json`. */
async function isAsExpected({ verdicts }: ProxyResult): Promise<boolean> {
  const { broken, mended } = findDeviations(verdicts, await readExpectations());
  for (const [id, finding] of broken) print(`BROKEN ${id}: ${finding}`);
  for (const id of mended) print(`passes although expected.json lists it: ${id}`);
  return broken.size === 0 && mended.length === 0;
}

onInterrupt(stopAllStages);

if (values.help) {
  print(HELP);
} else {
  const profile = chosenFrom(CACHING_PROFILES, values.profile);
  const peers = values.peer.map((name) => chosenFrom(PEERS, name));
  const candidates: readonly Candidate[] = [
    { name: "basalt", start: (settings) => startBasalt(settings, profile) },
    ...peers.map((peer) => ({ name: peer, start: (settings: ProxySettings) => startPeer(peer, settings) })),
  ];
  const groups = listGroups();
  const results: ProxyResult[] = [];
  for (const candidate of candidates) results.push(await measure(candidate));
  const [own] = results;
  if (own !== undefined) for (const line of listFailures(groups, own.verdicts)) print(line);
  print();
  print(formatNumbers(groups, results));
  print();
  print(results.map(({ name, version }) => `${name} ${version}`).join(", "));
  if (values.id.length === 0) print(`saved ${await saveResults(values.results ?? profile, results)}`);
  process.exit(own !== undefined && profile === "rfc9111" && !(await isAsExpected(own)) ? 1 : 0);
}
