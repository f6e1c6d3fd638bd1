import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable, print } from "../lib/print.ts";
import { type DimsFigure, renderDimsTable, writeDimsReport } from "./dimsReport.ts";
import { type DimsRow, makeDimsRows } from "./dimsRows.ts";
import { contendByPool, contendDirectly, type DimsRate, measurePoolLatency } from "./dimsRuns.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./statistics.ts";

const HELP = `scripts/bench-dims [--rows a,b] [--rounds 3] [--seconds 3] [--threads 1,2] [--latency] [--quick]

Conversions per second through the pool, beside sharp called directly in a loop in the same process and vipsthumbnail.
--latency: also p50 and p99 of the first row at 80 % of its rate. --quick: one short round, nothing is written.`;

const { values } = parseArgs({
  options: {
    rows: { type: "string" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    threads: { type: "string", default: "1,2" },
    latency: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

/** Runs per second of a command, one after the other, on one thread of libvips. */
const measureCommand = async (command: readonly string[], seconds: number): Promise<number> => {
  const startedMs = performance.now();
  let runs = 0;
  while (runs === 0 || performance.now() - startedMs < seconds * 1000) {
    const [program = "", ...args] = command;
    const code = await new Promise<number | null>((resolve) => {
      const child = spawn(program, args, { stdio: "ignore", env: { ...process.env, VIPS_CONCURRENCY: "1" } });
      child.once("error", () => resolve(-1));
      child.once("close", resolve);
    });
    if (code !== 0) return Number.NaN;
    runs += 1;
  }
  return (runs * 1000) / (performance.now() - startedMs);
};

const measureRow = async (row: DimsRow, folder: string, threads: number, seconds: number): Promise<DimsFigure> => {
  const file = join(folder, row.fileName);
  await writeFile(file, row.source);
  const [pool, direct, command]: [DimsRate[], DimsRate[], number[]] = [[], [], []];
  const ours = await contendByPool(row, threads);
  try {
    const theirs = row.direct === undefined ? undefined : await contendDirectly(row.direct, threads);
    for (let round = 0; round < rounds; round++) {
      pool.push(await ours.measure(seconds));
      if (theirs !== undefined) direct.push(await theirs.measure(seconds));
      if (row.command !== undefined && threads === 1) {
        command.push(await measureCommand(row.command(file, join(folder, `out-${row.fileName}`)), seconds));
      }
    }
  } finally {
    await ours.close();
  }
  return {
    id: row.id,
    title: row.title,
    threads,
    sourceBytes: row.source.byteLength,
    pool: middleOf(pool),
    direct: direct.length === 0 ? undefined : { ...middleOf(direct), ...ratiosOf(pool, direct) },
    commandPerSecond: command.length === 0 || command.some(Number.isNaN) ? undefined : median(command),
  };
};

const middleOf = (rates: readonly DimsRate[]): DimsRate => ({
  perSecond: median(rates.map(({ perSecond }) => perSecond)),
  cpuMs: median(rates.map(({ cpuMs }) => cpuMs)),
});

const ratiosOf = (pool: readonly DimsRate[], direct: readonly DimsRate[]) => {
  const pairs = pool.flatMap((ours, round) => {
    const theirs = direct[round];
    return theirs === undefined ? [] : [{ ours, theirs }];
  });
  return {
    ratio: median(pairs.map(({ ours, theirs }) => ours.perSecond / theirs.perSecond)),
    cpuRatio: median(pairs.map(({ ours, theirs }) => theirs.cpuMs / ours.cpuMs)),
  };
};

const rounds = values.quick ? 1 : Number(values.rounds);

const main = async (): Promise<void> => {
  if (values.help) return print(HELP);
  const seconds = values.quick ? 1 : Number(values.seconds);
  const rows = (await makeDimsRows()).filter(({ id }) => values.rows?.split(",").includes(id) ?? true);
  if (rows.length === 0) throw new Error("no such row");
  const folder = await mkdtemp(join(tmpdir(), "basalt-bench-dims-"));
  try {
    const figures: DimsFigure[] = [];
    for (const threads of values.threads.split(",").map(Number)) {
      for (const row of rows) {
        const figure = await measureRow(row, folder, threads, seconds);
        figures.push(figure);
        print(formatTable(renderDimsTable([figure]).slice(1)));
      }
    }
    print();
    print(formatTable(renderDimsTable(figures)));
    if (figures.every(({ commandPerSecond }) => commandPerSecond === undefined)) {
      print("vipsthumbnail (libvips-tools) is not here: nothing to compare with");
    }
    const [first] = rows;
    if (values.latency && first !== undefined) print(await measurePoolLatency(first, 1, seconds * 3));
    if (!values.quick) {
      const date = new Date().toISOString().slice(0, 10);
      print(await writeDimsReport({ date, machine: describeMachine(), rounds, secondsPerRun: seconds, figures }));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
};

await main();
