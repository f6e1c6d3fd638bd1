import type { Figure } from "./figures.ts";
import { LOAD_ROWS } from "./loadRows.ts";
import { describeSubject, type LoadSample, measureLoad, type Subject, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

/** What the access log costs: hits of 1 KB with it on, against the same server without it, in turns. */
export async function measureAccessLog(rig: Rig): Promise<Figure[]> {
  const row = LOAD_ROWS[0];
  if (row === undefined) return [];
  const off = await describeSubject(await rig.startBasalt());
  const on = await describeSubject(await rig.startBasalt({ hasAccessLog: true }));
  const nginx = await describeSubject(await rig.startNginx({ hasAccessLog: true }));
  const samples = new Map<Subject, LoadSample[]>([
    [off, []],
    [on, []],
    [nginx, []],
  ]);
  for (const subject of samples.keys()) await warmUp(subject, row, rig.origin, rig.loadCores);
  for (let round = 0; round < rig.rounds; round++) {
    for (const [subject, taken] of samples) taken.push(await measureLoad(subject, row, rig.seconds, rig.loadCores));
  }
  for (const { contender } of samples.keys()) await rig.stop(contender);
  const perCpu = (subject: Subject) => (samples.get(subject) ?? []).map((sample) => sample.requestsPerCpuSecond);
  const ratios = perCpu(on).map((value, round) => value / (perCpu(off)[round] ?? Number.NaN));
  return [
    {
      id: "hit-1k-log",
      title: "hit, 1 KB, access log on, relative to off",
      unit: "requests per server CPU second",
      basalt: median(perCpu(on)),
      nginx: median(perCpu(nginx)),
      value: median(ratios),
      valueUnit: "×",
      spread: [Math.min(...ratios), Math.max(...ratios)],
      budget: 0.93,
      stretch: 0.97,
      better: "higher",
      remark: `without the log ${Math.round(median(perCpu(off)))}; nginx writes its log too in this row`,
    },
  ];
}
