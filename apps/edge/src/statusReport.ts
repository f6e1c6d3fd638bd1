import type { StatusReport, WorkerStatus } from "@basalt/management";
import type { ProcessFigures } from "@basalt/telemetry";
import { ownFigures } from "./processFigures.ts";
import type { TransformFigures } from "./protocol.ts";
import type { TransformProcess } from "./transformProcess.ts";
import type { WorkerPool } from "./workerPool.ts";

/** The processes of the instance as `status` lists them. */
export const describeProcesses = (
  workers: WorkerPool,
  transform: TransformProcess,
  figures: TransformFigures | undefined,
): Pick<StatusReport, "workers" | "transform"> => ({
  workers: workers.slots.map(
    ({ worker, restarts }, slot): WorkerStatus => ({
      slot,
      pid: worker?.pid ?? 0,
      state: worker === undefined || worker.state === "gone" ? "waiting" : worker.state,
      uptimeSeconds: worker === undefined ? 0 : Math.floor((performance.now() - worker.startedMs) / 1000),
      restarts,
      connections: worker?.figures?.connections ?? 0,
      requests: worker?.figures?.requests ?? 0,
      rssBytes: worker?.figures?.residentBytes ?? 0,
    }),
  ),
  transform: {
    slot: 0,
    pid: transform.pid,
    state: transform.isServing ? "serving" : "waiting",
    uptimeSeconds: transform.uptimeSeconds,
    restarts: transform.restarts,
    connections: 0,
    requests: figures?.done ?? 0,
    rssBytes: figures?.residentBytes ?? 0,
  },
});

/** Memory and processor time of each process, for metrics. */
export const figuresOfProcesses = (
  workers: WorkerPool,
  transform: TransformFigures | undefined,
): readonly ProcessFigures[] => {
  const figures: ProcessFigures[] = [{ process: "primary", ...ownFigures() }];
  for (const { worker } of workers.slots) {
    if (worker?.figures === undefined) continue;
    const { residentBytes, cpuSeconds, eventLoopLagSeconds } = worker.figures;
    figures.push({ process: `worker-${worker.slot}`, residentBytes, cpuSeconds, eventLoopLagSeconds });
  }
  if (transform !== undefined) figures.push({ process: "transform", ...transform });
  return figures;
};
