import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkout } from "../lib/edge.ts";
import { isRecord, numberAt, parseRecord, recordAt, recordsAt, stringAt } from "../lib/json.ts";
import { findFreePort } from "../lib/ports.ts";
import { formatTable, print } from "../lib/print.ts";
import { signal } from "../lib/processes.ts";
import { listListeningPorts } from "../lib/procfs.ts";
import { runWrk } from "../lib/wrk.ts";
import type { LoadRow } from "./loadRows.ts";
import { describeSubject, learnRow, urlOf, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";

const SAMPLE_INTERVAL_US = 200;
const SHOWN_FUNCTIONS = 20;
const ATTACH_WITHIN_MS = 5000;

/** Runs one row against Basalt with V8's sampling profiler on its worker; prints where the time went. */
export async function profileRow(rig: Rig, wanted: LoadRow, hasAccessLog: boolean): Promise<void> {
  const basalt = await rig.startBasalt({
    hasAccessLog,
    smallMemoryTier: wanted.objects !== undefined,
    ...(wanted.isSecure === true ? { certificate: "ec" as const } : {}),
    // node:cluster counts up from here for its workers; 0 would become 1, which Node refuses.
    environment: { NODE_OPTIONS: `--inspect-port=127.0.0.1:${await findFreePort()}` },
  });
  const subject = await describeSubject(basalt);
  const row = await learnRow(basalt, wanted);
  await warmUp(subject, row, rig.origin, rig.loadCores);
  const worker = subject.workerPids[0];
  if (worker === undefined) throw new Error("no worker to profile");
  const inspector = await attach(worker);
  await inspector.send("Profiler.enable");
  await inspector.send("Profiler.setSamplingInterval", { interval: SAMPLE_INTERVAL_US });
  await inspector.send("Profiler.start");
  const result = await runWrk({
    url: urlOf(basalt, row),
    connections: row.connections,
    seconds: rig.seconds * 2,
    fields: row.fields,
    cores: rig.loadCores,
    ...(row.objects === undefined ? {} : { rotate: [row.objects] }),
  });
  const { profile } = await inspector.send("Profiler.stop");
  inspector.close();
  await rig.stop(basalt);
  if (!isRecord(profile)) throw new Error("the inspector gave no profile");
  const folder = join(checkout, ".basalt", "profiles");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${row.id}.cpuprofile`);
  await writeFile(file, JSON.stringify(profile));
  print(`\n${row.title}: ${Math.round(result.requests / result.seconds)} requests/s while profiled, self time:`);
  print(formatTable(summariseProfile(profile)));
  print(`\nopen ${file} in a browser's performance panel for the flame graph`);
}

interface Inspector {
  send(method: string, parameters?: object): Promise<Record<string, unknown>>;
  close(): void;
}

/** SIGUSR1 makes a running Node open its inspector. */
async function attach(pid: number): Promise<Inspector> {
  const before = new Set(listListeningPorts(pid));
  signal(pid, "SIGUSR1");
  const deadline = Date.now() + ATTACH_WITHIN_MS;
  let port: number | undefined;
  while (port === undefined) {
    if (Date.now() > deadline) throw new Error("the worker's inspector does not open");
    await delay(50);
    port = listListeningPorts(pid).find((each) => !before.has(each));
  }
  const targets: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const target = Array.isArray(targets) ? targets.find(isRecord) : undefined;
  if (target === undefined) throw new Error("the worker's inspector has no target");
  return connectInspector(stringAt(target, "webSocketDebuggerUrl"));
}

function connectInspector(url: string): Promise<Inspector> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const waiting = new Map<number, (result: Record<string, unknown>) => void>();
    let last = 0;
    socket.onerror = () => reject(new Error("cannot reach the worker's inspector"));
    socket.onmessage = (event) => {
      const message = parseRecord(String(event.data));
      if (typeof message.id === "number") waiting.get(message.id)?.(isRecord(message.result) ? message.result : {});
    };
    socket.onopen = () =>
      resolve({
        send: (method, params = {}) =>
          new Promise((answered) => {
            last += 1;
            waiting.set(last, answered);
            socket.send(JSON.stringify({ id: last, method, params }));
          }),
        close: () => socket.close(),
      });
  });
}

/** Self time by function, the largest first. */
export function summariseProfile(profile: Record<string, unknown>): string[][] {
  const names = new Map<number, string>();
  for (const node of recordsAt(profile, "nodes")) {
    const frame = recordAt(node, "callFrame");
    const url = stringAt(frame, "url");
    const place = url === "" ? "" : ` ${basename(url)}:${numberAt(frame, "lineNumber") + 1}`;
    names.set(numberAt(node, "id"), `${stringAt(frame, "functionName") || "(anonymous)"}${place}`);
  }
  const { samples, timeDeltas } = profile;
  if (!Array.isArray(samples) || !Array.isArray(timeDeltas)) throw new Error("the profile has no samples");
  const selfUs = new Map<string, number>();
  let totalUs = 0;
  samples.forEach((id: unknown, index) => {
    const name = (typeof id === "number" ? names.get(id) : undefined) ?? "(unknown)";
    const deltaUs: unknown = timeDeltas[index];
    if (typeof deltaUs !== "number") return;
    selfUs.set(name, (selfUs.get(name) ?? 0) + deltaUs);
    totalUs += deltaUs;
  });
  return [...selfUs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_FUNCTIONS)
    .map(([name, us]) => [name, `${((100 * us) / totalUs).toFixed(1)} %`]);
}
