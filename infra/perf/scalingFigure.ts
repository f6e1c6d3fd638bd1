import type { Figure } from "./figures.ts";
import { LOAD_ROWS } from "./loadRows.ts";
import { describeSubject, type LoadSample, measureLoad, type Subject, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

/**
 * Workers 1 → 2. With two cores the load generator always takes a share from two workers, so its share is
 * discounted: what counts is how much a second of server CPU does with two workers on both cores, compared with one
 * worker that has a core to itself, times two. Contention between the workers (locks, caches, the primary) shows as
 * a lower figure; the generator's share does not.
 */
export async function measureScaling(rig: Rig): Promise<Figure[]> {
  const row = LOAD_ROWS[0];
  if (row === undefined) return [];
  const both = [...rig.serverCores, ...rig.loadCores];
  const one = await describeSubject(await rig.startBasalt({ workers: 1 }));
  const two = await describeSubject(await rig.startBasalt({ workers: 2, cores: both }));
  await warmUp(one, row, rig.origin, rig.loadCores);
  await warmUp(two, row, rig.origin, both);
  const samples = new Map<Subject, LoadSample[]>([
    [one, []],
    [two, []],
  ]);
  for (let round = 0; round < rig.rounds; round++) {
    samples.get(one)?.push(await measureLoad(one, row, rig.seconds, rig.loadCores));
    samples.get(two)?.push(await measureLoad(two, row, rig.seconds, both));
  }
  await rig.stop(one.contender);
  await rig.stop(two.contender);
  const perCpu = (subject: Subject) => (samples.get(subject) ?? []).map((sample) => sample.requestsPerCpuSecond);
  const scales = perCpu(two).map((value, round) => (2 * value) / (perCpu(one)[round] ?? Number.NaN));
  const wall = (subject: Subject) =>
    Math.round(median((samples.get(subject) ?? []).map((sample) => sample.requestsPerSecond)));
  return [
    {
      id: "scaling",
      title: "workers 1 → 2, load generator's share discounted",
      unit: "requests per server CPU second",
      basalt: median(perCpu(two)),
      nginx: undefined,
      value: median(scales),
      valueUnit: "×",
      spread: [Math.min(...scales), Math.max(...scales)],
      budget: 1.8,
      stretch: 1.95,
      better: "higher",
      remark: `one worker ${Math.round(median(perCpu(one)))}; wall clock ${wall(one)}/s and, sharing the cores with wrk, ${wall(two)}/s`,
    },
  ];
}
