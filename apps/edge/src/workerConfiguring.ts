import { EdgeError } from "@basalt/types";
import type { WorkerProcess } from "./workerProcess.ts";

interface Configured<Configuration> extends Pick<WorkerProcess, "state" | "slot"> {
  configure(configuration: Configuration): Promise<void>;
}

/** A worker that cannot work by a configuration: it may be left with parts of it. */
export interface ConfigurationRefusal<Worker> {
  readonly worker: Worker;
  readonly reason: string;
}

/**
 * Hands a configuration to all workers that have one; resolves with those that could not take it. One that ends
 * meanwhile is replaced by another, which starts with it; one that drains finishes what it has by either.
 */
export const configureWorkers = async <Configuration, Worker extends Configured<Configuration>>(
  workers: Iterable<Worker>,
  configurationOf: (worker: Worker) => Configuration,
): Promise<readonly ConfigurationRefusal<Worker>[]> => {
  const refusals: ConfigurationRefusal<Worker>[] = [];
  const configuring = [...workers].map(async (worker) => {
    if (worker.state === "starting") return;
    try {
      await worker.configure(configurationOf(worker));
    } catch (cause) {
      const { code, detail } = EdgeError.from(cause);
      if (code === "SHUTTING_DOWN" || worker.state !== "serving") return;
      refusals.push({ worker, reason: `worker ${worker.slot} cannot work by this configuration: ${detail}` });
    }
  });
  await Promise.all(configuring);
  return refusals;
};
