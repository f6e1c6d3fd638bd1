import { loadAtRate, type RateResult } from "./constantRate.ts";
import type { Figure } from "./figures.ts";
import { LOAD_ROWS } from "./loadRows.ts";
import { describeSubject, measureLoad, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

const SHARE_OF_MAXIMUM = 0.7;
/** Above this the generator itself, one core of JavaScript, adds more than it measures. */
const MAX_RATE = 45_000;

/** p99 of 1 KB hits at 70 % of what each server reaches at most, by load at a constant rate. */
export async function measureLatency(rig: Rig): Promise<Figure[]> {
  const row = LOAD_ROWS[0];
  if (row === undefined) return [];
  const subjects = [await describeSubject(await rig.startBasalt()), await describeSubject(await rig.startNginx())];
  const runs: Record<"basalt" | "nginx", RateResult[]> = { basalt: [], nginx: [] };
  const rates: Record<"basalt" | "nginx", number> = { basalt: 0, nginx: 0 };
  for (const subject of subjects) {
    await warmUp(subject, row, rig.origin, rig.loadCores);
    const maximum = await measureLoad(subject, row, rig.seconds, rig.loadCores);
    rates[subject.contender.name] = Math.min(MAX_RATE, maximum.requestsPerSecond * SHARE_OF_MAXIMUM);
  }
  for (let round = 0; round < rig.rounds; round++) {
    for (const { contender } of subjects) {
      const rate = rates[contender.name];
      runs[contender.name].push(await loadAtRate(contender.port, row.path, rate, rig.seconds, row.connections));
    }
  }
  for (const { contender } of subjects) await rig.stop(contender);
  const p99 = (name: "basalt" | "nginx") => runs[name].map((run) => run.p99Us);
  const ratios = p99("basalt").map((us, round) => us / (p99("nginx")[round] ?? Number.NaN));
  const lateness = (name: "basalt" | "nginx") => median(runs[name].map((run) => run.ownLatenessP99Us));
  return [
    {
      id: "latency",
      title: "p99 at 70 % of its own maximum, 1 KB",
      unit: "µs",
      basalt: median(p99("basalt")),
      nginx: median(p99("nginx")),
      value: median(ratios),
      valueUnit: "×",
      spread: [Math.min(...ratios), Math.max(...ratios)],
      budget: 2,
      stretch: 1,
      better: "lower",
      remark:
        `at ${Math.round(rates.basalt)}/s and ${Math.round(rates.nginx)}/s` +
        `${rates.basalt === MAX_RATE ? " (the generator's limit)" : ""}; the generator's own lateness at p99 ` +
        `${lateness("basalt")} µs and ${lateness("nginx")} µs`,
    },
  ];
}
