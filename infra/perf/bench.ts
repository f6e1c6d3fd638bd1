import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { formatTable, print, printError } from "../lib/print.ts";
import { onInterrupt } from "../lib/processes.ts";
import { listAllowedCores } from "../lib/procfs.ts";
import { startRigOrigin } from "../lib/rigOrigin.ts";
import { measureAccessLog } from "./accessLogFigure.ts";
import { type Figure, judge } from "./figures.ts";
import { measureHandshakes } from "./handshakeFigure.ts";
import { measureLatency } from "./latencyFigure.ts";
import { measureLoadFigures } from "./loadFigures.ts";
import { LOAD_ROWS } from "./loadRows.ts";
import { describeMachine } from "./machine.ts";
import { measureMemory } from "./memoryFigures.ts";
import { measureMiss } from "./missFigure.ts";
import { profileRow } from "./profile.ts";
import { renderTable, writeReport } from "./report.ts";
import { createRig, type Rig } from "./rig.ts";
import { measureScaling } from "./scalingFigure.ts";
import { measureStart } from "./startFigure.ts";
import { measureStatisticsCost } from "./statisticsCostFigure.ts";

const OTHER_ROWS: Readonly<Record<string, (rig: Rig) => Promise<Figure[]>>> = {
  "hit-1k-log": measureAccessLog,
  "statistics-cost": measureStatisticsCost,
  latency: measureLatency,
  scaling: measureScaling,
  memory: measureMemory,
  start: measureStart,
  miss: measureMiss,
  "tls-handshakes-ecdsa": (rig) => measureHandshakes(rig, "ec"),
  "tls-handshakes-rsa": (rig) => measureHandshakes(rig, "rsa"),
};
const ROW_IDS = [...LOAD_ROWS.map((row) => row.id), ...Object.keys(OTHER_ROWS)];
const SMOKE_ROWS = ["hit-1k", "not-modified"];

const HELP = `scripts/bench [--rows a,b] [--rounds 5] [--seconds 4]   measures and writes infra/perf/results
scripts/bench --profile [--rows hit-1k] [--log]         profiles the worker under each row's load, with the access log on
scripts/bench --smoke                                   one short round of two rows, no judgement

rows: ${ROW_IDS.join(", ")}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: "string" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      smoke: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      log: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    print(HELP);
    return;
  }
  const wanted = values.rows?.split(",") ?? (values.smoke ? SMOKE_ROWS : values.profile ? ["hit-1k"] : ROW_IDS);
  const unknown = wanted.filter((id) => !ROW_IDS.includes(id));
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seconds) || seconds < 1) {
    printError(
      `${unknown.length > 0 ? `no row is called ${unknown.join(", ")}` : "rounds and seconds are whole numbers"}\n\n${HELP}`,
    );
    process.exit(2);
  }
  const machine = describeMachine();
  if (machine.wrk === "" || machine.nginx === "") {
    printError(`${machine.wrk === "" ? "wrk" : "nginx"} is not installed (apt-get install wrk nginx-light)`);
    process.exit(values.smoke ? 0 : 1);
  }
  const cores = listAllowedCores();
  const [serverCore = 0, loadCore = serverCore] = cores;
  if (cores.length < 2) print("only one core: server and load share it, so wall-clock figures say little");
  // Ourselves too, with every thread: we are load, origin requests and constant-rate generator.
  execFileSync("taskset", ["-a", "-c", "-p", String(loadCore), String(process.pid)], { stdio: "ignore" });

  const origin = await startRigOrigin([loadCore]);
  const rig = createRig({
    serverCores: [serverCore],
    loadCores: [loadCore],
    origin,
    rounds: values.smoke ? 1 : rounds,
    seconds: values.smoke ? 1 : seconds,
    smoke: values.smoke,
  });
  const takeDown = async () => {
    await rig.stopAll();
    await origin.stop();
  };
  onInterrupt(takeDown);
  try {
    if (values.profile) {
      for (const row of LOAD_ROWS.filter(({ id }) => wanted.includes(id))) await profileRow(rig, row, values.log);
    } else {
      const figures = await measure(rig, wanted);
      print(`\n${formatTable(renderTable(figures))}\n`);
      for (const figure of figures) print(`${figure.title}: ${figure.remark}`);
      if (!values.smoke) {
        const date = new Date().toISOString().slice(0, 10);
        print(`\n${await writeReport({ date, machine, rounds, secondsPerRun: seconds, figures })}`);
        print(`${figures.filter((figure) => judge(figure) === "missed").length} budgets missed`);
      }
    }
  } finally {
    await takeDown();
  }
}

async function measure(rig: Rig, wanted: readonly string[]): Promise<Figure[]> {
  const figures = await measureLoadFigures(
    rig,
    LOAD_ROWS.filter(({ id }) => wanted.includes(id)),
  );
  for (const [id, measureRow] of Object.entries(OTHER_ROWS)) {
    if (!wanted.includes(id)) continue;
    print(`measuring ${id}`);
    figures.push(...(await measureRow(rig)));
  }
  return figures;
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    printError(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
