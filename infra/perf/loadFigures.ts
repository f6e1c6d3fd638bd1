import { print } from "../lib/print.ts";
import type { ContenderSettings } from "./contender.ts";
import type { Figure } from "./figures.ts";
import type { LoadRow } from "./loadRows.ts";
import { describeSubject, type LoadSample, learnRow, measureLoad, type Subject, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

type Name = "basalt" | "nginx";

/** All load rows: in every round both contenders run each row one right after the other, in alternating order. */
export async function measureLoadFigures(rig: Rig, rows: readonly LoadRow[]): Promise<Figure[]> {
  const secure = rows.filter((row) => row.isSecure === true);
  const plain = rows.filter((row) => row.isSecure !== true);
  const inMemory = plain.filter((row) => row.objects === undefined);
  const outsideMemory = plain.filter((row) => row.objects !== undefined);
  return [
    ...(await measureGroup(rig, inMemory, {})),
    ...(await measureGroup(rig, outsideMemory, { smallMemoryTier: true })),
    ...(await measureGroup(rig, secure, { certificate: "ec" })),
  ];
}

async function measureGroup(
  rig: Rig,
  rows: readonly LoadRow[],
  settings: Partial<ContenderSettings>,
): Promise<Figure[]> {
  if (rows.length === 0) return [];
  const basalt = await rig.startBasalt(settings);
  const nginx = await rig.startNginx(settings);
  const subjects = [await describeSubject(basalt), await describeSubject(nginx)] as const;
  const samples = new Map<string, Record<Name, LoadSample[]>>();
  const learntRows = new Map<string, LoadRow>();
  for (const row of rows) {
    samples.set(row.id, { basalt: [], nginx: [] });
    for (const subject of subjects) {
      const learnt = await learnRow(subject.contender, row);
      learntRows.set(`${subject.contender.name} ${row.id}`, learnt);
      await warmUp(subject, learnt, rig.origin, rig.loadCores);
    }
  }
  for (let round = 0; round < rig.rounds; round++) {
    const order: readonly Subject[] = round % 2 === 0 ? subjects : [...subjects].reverse();
    for (const row of rows) {
      for (const subject of order) {
        const { name } = subject.contender;
        const learnt = learntRows.get(`${name} ${row.id}`) ?? row;
        samples.get(row.id)?.[name].push(await measureLoad(subject, learnt, rig.seconds, rig.loadCores));
      }
    }
    print(`round ${round + 1} of ${rig.rounds} done (${rows.length} rows)`);
  }
  await rig.stop(basalt);
  await rig.stop(nginx);
  return rows.map((row) => summarise(row, samples.get(row.id) ?? { basalt: [], nginx: [] }));
}

function summarise(row: LoadRow, samples: Record<Name, LoadSample[]>): Figure {
  const ratios = (read: (sample: LoadSample) => number) =>
    samples.basalt.map((sample, round) => {
      const other = samples.nginx[round];
      return other === undefined ? Number.NaN : read(sample) / read(other);
    });
  const byCpu = ratios((sample) => sample.requestsPerCpuSecond);
  const middle = (name: Name, read: (sample: LoadSample) => number) => median(samples[name].map(read));
  const wall = (name: Name) => Math.round(middle(name, (sample) => sample.requestsPerSecond));
  const onlyWorkers = median(ratios((sample) => sample.requestsPerWorkerCpuSecond));
  return {
    id: row.id,
    title: row.title,
    unit: "requests per server CPU second",
    basalt: middle("basalt", (sample) => sample.requestsPerCpuSecond),
    nginx: middle("nginx", (sample) => sample.requestsPerCpuSecond),
    value: median(byCpu),
    valueUnit: "×",
    spread: [Math.min(...byCpu), Math.max(...byCpu)],
    budget: row.budget,
    stretch: row.stretch,
    better: "higher",
    remark:
      `worker's CPU alone ${onlyWorkers.toFixed(2)}; wall clock ${wall("basalt")}/s against ${wall("nginx")}/s, ` +
      `cores busy ${middle("basalt", (sample) => sample.busyCores).toFixed(2)} and ` +
      `${middle("nginx", (sample) => sample.busyCores).toFixed(2)}`,
  };
}
