import { parseMetrics, sumMetric } from "../lib/metrics.ts";
import type { BasaltContender } from "./basalt.ts";
import type { Figure } from "./figures.ts";
import { LOAD_ROWS } from "./loadRows.ts";
import { describeSubject, type LoadSample, measureLoad, type Subject, warmUp } from "./measureLoad.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";
import { buildUncounted } from "./uncounted.ts";

/** One of the three, with its samples of all starts. */
interface Contender {
  readonly settings: Parameters<Rig["startBasalt"]>[0];
  readonly samples: LoadSample[];
}

/** A contender that runs. */
interface Running {
  readonly basalt: BasaltContender;
  readonly subject: Subject;
  readonly samples: LoadSample[];
  /** Requests that it had counted when it was warm. */
  readonly countedBefore: number;
}

/** Servers differ by a few percent from start to start, as code and memory fall: so much that one start tells nothing. */
const STARTS = 5;

/**
 * What statistics and access log cost on a hit of 1 KB: the product with both, the product without the log, and a build
 * that counts nothing, without the log (`uncounted.ts`), in turns on the same core, all three started several times.
 */
export async function measureStatisticsCost(rig: Rig): Promise<Figure[]> {
  const row = LOAD_ROWS.find(({ id }) => id === "hit-1k");
  if (row === undefined) return [];
  const start = async ({ settings }: Contender): Promise<Running> => {
    const basalt = await rig.startBasalt(settings);
    const subject = await describeSubject(basalt);
    await warmUp(subject, row, rig.origin, rig.loadCores);
    return { basalt, subject, samples: [], countedBefore: await readCountedRequests(basalt) };
  };
  const both: Contender = { settings: { hasAccessLog: true }, samples: [] };
  const unlogged: Contender = { settings: {}, samples: [] };
  const neither: Contender = { settings: { program: await buildUncounted() }, samples: [] };
  const contenders = [both, unlogged, neither];
  let counted = 0;
  for (let started = 0; started < STARTS; started++) {
    const running = new Map<Contender, Running>();
    for (const contender of contenders) running.set(contender, await start(contender));
    const inTurns = [...running.values()];
    for (let round = 0; round < rig.rounds; round++) {
      // Each is first, second and last equally often.
      for (let turn = 0; turn < inTurns.length; turn++) {
        const next = inTurns[(round + turn) % inTurns.length];
        next?.samples.push(await measureLoad(next.subject, row, rig.seconds, rig.loadCores));
      }
    }
    for (const [contender, one] of running) {
      if (contender === neither) await countedNothing(one);
      else counted += await countedOfAll(one, row.connections);
      contender.samples.push(...one.samples);
      await rig.stop(one.basalt);
    }
  }

  const [cost, counting, logging] = [compare(both, neither), compare(unlogged, neither), compare(both, unlogged)];
  return [
    {
      id: "statistics-cost",
      title: "hit, 1 KB, statistics and access log on, relative to both off",
      unit: "requests per server CPU second",
      basalt: perCpuSecond(both),
      nginx: undefined,
      value: cost.middle,
      valueUnit: "×",
      spread: cost.spread,
      budget: 0.93,
      stretch: 0.97,
      better: "higher",
      remark:
        `statistics alone ${inWords(counting)}, the access log beside them ${inWords(logging)}; ` +
        `${Math.round(perCpuSecond(unlogged))} with statistics alone, ${Math.round(perCpuSecond(neither))} with neither; ` +
        `${counted} requests counted by the two that count, none by the one that does not`,
    },
  ];
}

interface Comparison {
  readonly middle: number;
  readonly spread: readonly [number, number];
}

const perCpuSecond = ({ samples }: Contender): number => median(samples.map((sample) => sample.requestsPerCpuSecond));

/** Round by round. */
const compare = (one: Contender, other: Contender): Comparison => {
  const ratios = one.samples.map(
    (sample, round) => sample.requestsPerCpuSecond / (other.samples[round]?.requestsPerCpuSecond ?? Number.NaN),
  );
  return { middle: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)] };
};

const inWords = ({ middle, spread: [least, most] }: Comparison): string =>
  `${middle.toFixed(3)} (${least.toFixed(2)} – ${most.toFixed(2)})`;

/** By the counters that Prometheus is shown, brought to this moment. */
async function readCountedRequests({ managerPort }: BasaltContender): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${managerPort}/metrics`)).text();
  const samples = parseMetrics(text).filter(({ name }) => name === COUNTED);
  if (samples.length === 0) throw new Error(`${COUNTED} is not among the metrics`);
  return sumMetric(samples, COUNTED);
}

const COUNTED = "basalt_client_requests_total";

/** wrk leaves without the last answers of its connections, which count nevertheless. */
async function countedOfAll({ basalt, samples, countedBefore }: Running, connections: number): Promise<number> {
  const asked = samples.reduce((sum, { requests }) => sum + requests, 0);
  const counted = (await readCountedRequests(basalt)) - countedBefore;
  if (counted < asked || counted > asked + samples.length * connections) {
    throw new Error(`${asked} requests were answered and ${counted} counted`);
  }
  return counted;
}

async function countedNothing({ basalt }: Running): Promise<void> {
  const counted = await readCountedRequests(basalt);
  if (counted !== 0) throw new Error(`the build without statistics has counted ${counted} requests`);
}
