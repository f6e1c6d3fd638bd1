import { join } from "node:path";
import { type Clock, epochMs, monotonicMs, type Problem } from "@basalt/types";
import type { DiskIndex } from "../../src/contract.ts";
import { openDiskRegistry } from "../../src/disks/diskRegistry.ts";
import type { ConfiguredDisk, DiskRegistry, DiskRegistrySettings } from "../../src/disks/registryContract.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** The part of an index that knows disks; survives its registries as a file would. */
export class NumberTable implements Pick<DiskIndex, "disks" | "numberDisk" | "retireDisk"> {
  readonly retired: number[] = [];
  readonly #paths = new Map<number, string>();
  #last = 0;

  disks(): readonly { readonly number: number; readonly path: string }[] {
    return [...this.#paths].map(([number, path]) => ({ number, path }));
  }

  numberDisk(path: string): number {
    this.#last += 1;
    this.#paths.set(this.#last, path);
    return this.#last;
  }

  retireDisk(number: number): void {
    if (this.#paths.delete(number)) this.retired.push(number);
  }

  get given(): number {
    return this.#last;
  }
}

export class StandingClock implements Clock {
  #nowMs = 1_760_000_000_000;

  now() {
    return epochMs(this.#nowMs);
  }

  monotonic() {
    return monotonicMs(this.#nowMs);
  }

  advanceSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}

type OnCrash = "hang" | "bypass" | "selfkill";

/** As `@basalt/policy` decides: the store only asks. */
const decideLoss =
  (onCrash: OnCrash): DiskRegistrySettings["decideLoss"] =>
  (states) => {
    if (states.includes("Normal")) return "serve";
    if (onCrash === "bypass") return "bypass";
    if (!states.includes("Invalid")) return "serve";
    return onCrash === "hang" ? "reinsertAll" : "terminate";
  };

export const FAIL_COUNT = 3;
const FAIL_SECONDS = 60;

/** A primary with folders for its disks; `start` again to model a restart. */
export const diskHost = (folders: readonly string[]) => {
  const root = temporaryFolder();
  const path = (name: string): string => join(root, name);
  const problems: Problem[] = [];
  const changes: string[] = [];
  const ends: string[] = [];
  const clock = new StandingClock();
  const host = {
    path,
    clock,
    problems,
    changes,
    ends,
    index: new NumberTable(),
    messages: () => problems.map(({ message }) => message),
    start: (disks: readonly (string | ConfiguredDisk)[] = folders, onCrash: OnCrash = "hang"): Promise<DiskRegistry> =>
      openDiskRegistry({
        disks: disks.map((disk) => (typeof disk === "string" ? { path: path(disk) } : disk)),
        index: host.index,
        judgeFailure: (earlierMs, atMs) => {
          const recentMs = [...earlierMs.filter((moment) => moment > atMs - FAIL_SECONDS * 1000), atMs];
          return { recentMs, isExcluded: recentMs.length >= FAIL_COUNT };
        },
        decideLoss: decideLoss(onCrash),
        clock,
        onProblem: (problem) => problems.push(problem),
        onChange: (registry) => changes.push(registry.inUse.map(({ number }) => number).join()),
        onTerminate: () => ends.push("end"),
      }),
  };
  return host;
};

/** Number of each disk by the name of its folder. */
export const numbersOf = (registry: DiskRegistry): Record<string, number | undefined> =>
  Object.fromEntries(registry.disks.map(({ path, number }) => [path.slice(path.lastIndexOf("/") + 1), number]));

export const statesOf = (registry: DiskRegistry): string[] => registry.disks.map(({ state }) => state);
