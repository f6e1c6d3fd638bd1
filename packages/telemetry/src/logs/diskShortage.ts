import { dirname, join } from "node:path";
import { deleteFile, freeBytesAt, listLogFiles, sizeOf } from "./keptFiles.ts";
import type { LogPlan } from "./logPlan.ts";

/** Below this, access logs go until twice as much is free. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;

export interface LogSpaceParts {
  readonly freeBytes?: ((folder: string) => Promise<number | undefined>) | undefined;
  readonly onProblem: (text: string) => void;
  /** Begins a new file of that log. */
  readonly renew: (plan: LogPlan) => void;
}

interface WrittenLog {
  readonly plan: LogPlan;
  readonly current: string | undefined;
}

/** LOG-28: when the log disk runs short of space, only access logs are deleted, the oldest first. */
export class LogSpace {
  readonly #parts: LogSpaceParts;
  readonly #freeBytes: (folder: string) => Promise<number | undefined>;

  constructor(parts: LogSpaceParts) {
    this.#parts = parts;
    this.#freeBytes = parts.freeBytes ?? freeBytesAt;
  }

  async keep(logs: readonly WrittenLog[]): Promise<void> {
    const access = logs.filter(({ plan }) => plan.kind === "access" || plan.kind === "accessextra");
    const roots = new Set(access.map(({ plan }) => dirname(plan.folder)));
    for (const root of roots) {
      const free = await this.#freeBytes(root);
      if (free === undefined || free >= LEAST_FREE_BYTES) continue;
      await this.#free(
        root,
        access.filter(({ plan }) => dirname(plan.folder) === root),
      );
    }
  }

  async #free(root: string, logs: readonly WrittenLog[]): Promise<void> {
    const isEnough = async (): Promise<boolean> => ((await this.#freeBytes(root)) ?? 0) >= 2 * LEAST_FREE_BYTES;
    const rotated = await Promise.all(
      logs.map(async ({ plan, current }) =>
        (await listLogFiles(plan.folder, plan.kind))
          .filter(({ name }) => join(plan.folder, name) !== current)
          .map((file) => ({ ...file, folder: plan.folder })),
      ),
    );
    let deleted = 0;
    for (const { folder, name } of rotated.flat().toSorted((one, other) => one.startMs - other.startMs)) {
      await deleteFile(folder, name).catch(() => undefined);
      deleted++;
      if (await isEnough()) break;
    }
    if (!(await isEnough())) deleted += await this.#giveUpLargest(logs);
    this.#parts.onProblem(`the disk of the logs in ${root} runs short: ${deleted} access logs were deleted`);
  }

  /** The file in use goes at the next look, when a new one has taken its place. */
  async #giveUpLargest(logs: readonly WrittenLog[]): Promise<number> {
    let largest: { readonly plan: LogPlan; readonly bytes: number } | undefined;
    for (const { plan, current } of logs) {
      const bytes = current === undefined ? 0 : await sizeOf(current);
      if (bytes > (largest?.bytes ?? 0)) largest = { plan, bytes };
    }
    if (largest !== undefined) this.#parts.renew(largest.plan);
    return 0;
  }
}
