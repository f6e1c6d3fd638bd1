import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProxySettings, RunningProxy } from "./proxies.ts";
import { type SuiteOrigin, startSuiteOrigin } from "./runSuite.ts";

/** A proxy in front of the suite's origin, in a folder of its own. */
export interface Stage {
  readonly origin: SuiteOrigin;
  readonly proxy: RunningProxy;
  /** Ends both and removes the folder. */
  stop(): Promise<void>;
}

const running = new Set<() => Promise<void>>();

export async function openStage(
  name: string,
  start: (settings: ProxySettings) => Promise<RunningProxy>,
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), `basalt-conformance-${name}-`));
  const undoing: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    running.delete(stop);
    for (let undo = undoing.pop(); undo !== undefined; undo = undoing.pop()) await undo();
  };
  running.add(stop);
  try {
    const origin = await startSuiteOrigin();
    undoing.push(origin.stop);
    const proxy = await start({ folder, originPort: origin.port });
    undoing.push(proxy.stop);
    return { origin, proxy, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** For a program that is being ended. */
export async function stopAllStages(): Promise<void> {
  for (const stop of [...running]) await stop();
}
