import { folderScopeOf } from "../blockKey.ts";
import { type CounterAggregate, PROCESS_BLOCK } from "../counterAggregate.ts";
import { PROCESS_SLOT_COUNT, TRAFFIC_SLOT_COUNT, VHOST_SLOT_COUNT } from "../counterTable.ts";
import { countedSlots, PARTS_OF_HOST } from "./countedSlots.ts";
import type { PortFacts, StoredFileFacts } from "./facts.ts";
import type { Period } from "./period.ts";

/** What is known of a virtual host beside its counters. */
export interface VhostSubject {
  readonly name: string;
  readonly uptimeSeconds: number;
  readonly files: StoredFileFacts;
  readonly stats: {
    readonly dirDepth: number;
    readonly dirDepthAccum: boolean;
    readonly httpsTraffic: boolean;
    readonly clientLocal: boolean;
    readonly originLocal: boolean;
  };
  readonly ports: readonly PortFacts[];
}

const add = (total: Float64Array, more: Float64Array | undefined, mask?: readonly boolean[]): void => {
  if (more === undefined) return;
  for (let slot = 0; slot < total.length; slot++) {
    if (mask === undefined || mask[slot] === true) total[slot] = (total[slot] ?? 0) + (more[slot] ?? 0);
  }
};

/** Figures of one period, picked as the settings of each virtual host say (STAT-14, STAT-15). */
export class PeriodFigures {
  readonly #aggregate: CounterAggregate;
  readonly #period: Period;
  /** By virtual host, loopback clients apart. */
  #folders: ReadonlyMap<string, readonly FolderRow[]> | undefined;

  constructor(aggregate: CounterAggregate, period: Period) {
    this.#aggregate = aggregate;
    this.#period = period;
  }

  process(): Float64Array {
    const values = new Float64Array(PROCESS_SLOT_COUNT);
    add(values, this.#period.figuresOf(PROCESS_BLOCK));
    return values;
  }

  vhost({ name, stats }: Pick<VhostSubject, "name" | "stats">): Float64Array {
    const values = new Float64Array(VHOST_SLOT_COUNT);
    for (const scope of PARTS_OF_HOST) {
      const mask = countedSlots(stats, scope);
      if (mask !== undefined) add(values, this.#block(name, scope.isLocal, undefined, scope.isTls), mask);
    }
    return values;
  }

  port({ name, stats }: VhostSubject, port: number): Float64Array {
    const values = new Float64Array(VHOST_SLOT_COUNT);
    add(values, this.#block(name, false, port));
    if (stats.clientLocal) add(values, this.#block(name, true, port));
    return values;
  }

  /** Client traffic by folder (STAT-77); `whole` is that of the host. */
  folders({ name, stats }: VhostSubject, whole: Float64Array): Map<string, Float64Array> {
    const byPath = new Map<string, Float64Array>();
    if (stats.dirDepth === 0) return byPath.set("/", whole.subarray(0, TRAFFIC_SLOT_COUNT));
    byPath.set("/", new Float64Array(TRAFFIC_SLOT_COUNT));
    for (const { isLocal, path, values } of this.#foldersOf(name)) {
      if (isLocal && !stats.clientLocal) continue;
      for (const folder of stats.dirDepthAccum ? withAncestors(path) : [path]) {
        const sum = byPath.get(folder) ?? new Float64Array(TRAFFIC_SLOT_COUNT);
        add(sum, values);
        byPath.set(folder, sum);
      }
    }
    return byPath;
  }

  #foldersOf(vhost: string): readonly FolderRow[] {
    this.#folders ??= groupFolders(this.#period);
    return this.#folders.get(vhost) ?? [];
  }

  #block(vhost: string, isLocal: boolean, port: number | undefined, isTls = false): Float64Array | undefined {
    const block = this.#aggregate.find({ vhost, isLocal, port, isTls });
    return block === undefined ? undefined : this.#period.figuresOf(block);
  }
}

interface FolderRow {
  readonly isLocal: boolean;
  readonly path: string;
  readonly values: Float64Array;
}

const groupFolders = ({ folders }: Period): ReadonlyMap<string, readonly FolderRow[]> => {
  const byVhost = new Map<string, FolderRow[]>();
  for (const key of folders.keys) {
    const { vhost, isLocal, path } = folderScopeOf(key);
    const values = folders.find(key);
    if (values === undefined) continue;
    const rows = byVhost.get(vhost);
    if (rows === undefined) byVhost.set(vhost, [{ isLocal, path, values }]);
    else rows.push({ isLocal, path, values });
  }
  return byVhost;
};

/** STAT-12: the folder and all that it lies in, up to `/`. */
export const withAncestors = (path: string): readonly string[] => {
  if (path === "/") return ["/"];
  const paths = [path];
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) paths.push(path.slice(0, end));
  return [...paths, "/"];
};

export const sumOfRows = (rows: readonly Float64Array[], width: number): Float64Array => {
  const total = new Float64Array(width);
  for (const row of rows) add(total, row);
  return total;
};
