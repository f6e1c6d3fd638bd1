import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { print, printError } from "../lib/print.ts";
import { onInterrupt } from "../lib/processes.ts";
import { listAllowedCores } from "../lib/procfs.ts";
import { startRigOrigin } from "../lib/rigOrigin.ts";
import { LOAD_ROWS, type LoadRow } from "./loadRows.ts";
import { describeSubject, learnRow, measureLoad, type Subject, warmUp } from "./measureLoad.ts";
import { createRig } from "./rig.ts";
import { bootstrapInterval, median } from "./statistics.ts";

/**
 * What a change costs on the hot path: this build and another one on the same core in short turns, so that whatever else
 * the machine does falls on both. A process keeps the luck of its start (memory layout, compiled code), therefore both
 * are started several times.
 */

const HELP = `scripts/bench-builds --other CHECKOUT [--rows hit-1k,hit-1k-browser,not-modified] [--starts 4] [--rounds 12] [--seconds 1]

CHECKOUT: another checkout of Basalt that is built. Prints requests per CPU second of the worker, this build relative to
the other: the median over all pairs, and the interval that holds it with 95 % certainty.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      other: { type: "string" },
      rows: { type: "string", default: "hit-1k,hit-1k-browser,not-modified" },
      starts: { type: "string", default: "4" },
      rounds: { type: "string", default: "12" },
      seconds: { type: "string", default: "1" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true || values.other === undefined) {
    print(HELP);
    process.exit(values.help === true ? 0 : 2);
  }
  const wanted = values.rows.split(",");
  const rows = LOAD_ROWS.filter(({ id }) => wanted.includes(id));
  const [starts, rounds, seconds] = [Number(values.starts), Number(values.rounds), Number(values.seconds)];
  const cores = listAllowedCores();
  const [serverCore = 0, loadCore = serverCore] = cores;
  execFileSync("taskset", ["-a", "-c", "-p", String(loadCore), String(process.pid)], { stdio: "ignore" });
  const origin = await startRigOrigin([loadCore]);
  const rig = createRig({ serverCores: [serverCore], loadCores: [loadCore], origin, rounds, seconds, smoke: false });
  const takeDown = async () => {
    await rig.stopAll();
    await origin.stop();
  };
  onInterrupt(takeDown);
  const ratios = new Map<string, number[]>(rows.map(({ id }) => [id, []]));
  try {
    for (let start = 1; start <= starts; start++) {
      const other = await rig.startBasalt({ program: join(resolve(values.other), "apps", "cli", "dist", "main.js") });
      const own = await rig.startBasalt();
      const [before, after] = [await describeSubject(other), await describeSubject(own)];
      for (const plainRow of rows) {
        const { id } = plainRow;
        const rowOf = new Map<Subject, LoadRow>();
        for (const subject of [before, after]) {
          const row = await learnRow(subject.contender, plainRow);
          await warmUp(subject, row, origin, [loadCore]);
          rowOf.set(subject, row);
        }
        const measure = async (subject: Subject) =>
          (await measureLoad(subject, rowOf.get(subject) ?? plainRow, seconds, [loadCore])).requestsPerWorkerCpuSecond;
        for (let round = 0; round < rounds; round++) {
          const isOtherFirst = round % 2 === 0;
          const first = await measure(isOtherFirst ? before : after);
          const second = await measure(isOtherFirst ? after : before);
          ratios.get(id)?.push(isOtherFirst ? second / first : first / second);
        }
        print(`start ${start} of ${starts}, ${id}: ${median((ratios.get(id) ?? []).slice(-rounds)).toFixed(3)}`);
      }
      await rig.stop(other);
      await rig.stop(own);
    }
  } finally {
    await takeDown();
  }
  for (const row of rows) {
    const samples = ratios.get(row.id) ?? [];
    const { low, high } = bootstrapInterval(samples);
    const figure = `${median(samples).toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}, ${samples.length} pairs)`;
    print(`${row.title}: ${figure}`);
  }
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    printError(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
