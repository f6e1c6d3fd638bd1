import { setTimeout as delay } from "node:timers/promises";
import { waitUntilServing } from "../lib/edge.ts";
import { connectAsker } from "../lib/rawAsker.ts";
import type { Figure } from "./figures.ts";
import { fillObjects } from "./fillObjects.ts";
import type { Rig } from "./rig.ts";
import { median } from "./statistics.ts";

const OBJECT_BYTES = 1024;
const RETRY_MS = 2;
const START_WITHIN_MS = 30_000;

/** From the command to the first answer out of the store, with objects of an earlier life on the disk. */
export async function measureStart(rig: Rig): Promise<Figure[]> {
  const count = rig.smoke ? 1000 : 100_000;
  let basalt = await rig.startBasalt();
  const pathPattern = `/bytes/${OBJECT_BYTES}/start-%d`;
  await fillObjects(basalt.port, { pathPattern, count }, rig.origin, rig.loadCores);
  const { objects } = await basalt.edge.status();
  const times: number[] = [];
  for (let round = 0; round < Math.max(3, rig.rounds); round++) {
    const folder = basalt.edge.home;
    await rig.stop(basalt, "keep");
    const asked = await rig.origin.requests();
    const started = performance.now();
    basalt = await rig.launchBasalt({ folder });
    await firstAnswer(basalt.port, `/bytes/${OBJECT_BYTES}/start-1`);
    times.push(performance.now() - started);
    if ((await rig.origin.requests()) !== asked) throw new Error("the first answer after a start was not a hit");
    await waitUntilServing(basalt.edge, START_WITHIN_MS);
  }
  await rig.stop(basalt);
  return [
    {
      id: "start",
      title: "start to first hit",
      unit: "s",
      basalt: median(times) / 1000,
      nginx: undefined,
      value: median(times) / 1000,
      valueUnit: "s",
      spread: [Math.min(...times) / 1000, Math.max(...times) / 1000],
      budget: 2,
      stretch: 0.5,
      better: "lower",
      remark: `${objects} stored objects (the budget is for 10 million)`,
    },
  ];
}

/** Resolves when that path is answered with 200; what is refused before is asked again. */
export async function firstAnswer(port: number, path: string): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  for (;;) {
    const asker = await connectAsker(port).catch(() => undefined);
    const status = await asker?.ask(path).catch(() => undefined);
    asker?.close();
    if (status === 200) return;
    if (performance.now() > deadline) throw new Error("no first hit in time");
    await delay(RETRY_MS);
  }
}
