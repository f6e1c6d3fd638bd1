import { connectAsker, type RawAsker } from "../lib/rawAsker.ts";
import type { Figure } from "./figures.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

const OBJECT_BYTES = 1024;
const WARM_REQUESTS = 300;

/** What a miss adds to the origin's own answer: unique URLs one after the other, in turns directly and through. */
export async function measureMiss(rig: Rig): Promise<Figure[]> {
  const basalt = await rig.startBasalt();
  const nginx = await rig.startNginx();
  const count = rig.smoke ? 200 : 2000;
  const askers = {
    origin: await connectAsker(rig.origin.port),
    basalt: await connectAsker(basalt.port),
    nginx: await connectAsker(nginx.port),
  };
  const times: Record<keyof typeof askers, number[]> = { origin: [], basalt: [], nginx: [] };
  for (let number = 0; number < WARM_REQUESTS + count; number++) {
    for (const name of ["origin", "basalt", "nginx"] as const) {
      const ms = await timeMs(askers[name], `/bytes/${OBJECT_BYTES}/miss-${number}`);
      if (number >= WARM_REQUESTS) times[name].push(ms);
    }
  }
  for (const asker of Object.values(askers)) asker.close();
  await rig.stop(basalt);
  await rig.stop(nginx);
  const direct = median(times.origin);
  const added = median(times.basalt) - direct;
  return [
    {
      id: "miss",
      title: "miss: added to the origin's own answer time, p50",
      unit: "ms",
      basalt: added,
      nginx: median(times.nginx) - direct,
      value: added,
      valueUnit: "ms",
      spread: undefined,
      budget: 0.6,
      stretch: 0.2,
      better: "lower",
      remark: `${count} unique URLs of 1 KB; the origin itself ${direct.toFixed(3)} ms`,
    },
  ];
}

async function timeMs(asker: RawAsker, path: string): Promise<number> {
  const started = performance.now();
  const status = await asker.ask(path);
  if (status !== 200) throw new Error(`a miss was answered with ${status}`);
  return performance.now() - started;
}
