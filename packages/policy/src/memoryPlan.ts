const MEBIBYTE = 1024 ** 2;
const GIBIBYTE = 1024 ** 3;

/** Memory of the server itself before contents, and of one client session (OPT-03). */
const BASE_BYTES = 140 * MEBIBYTE;
const SESSION_BYTES = 20 * 1024;

/** Memory per object that the number of objects is planned with (OPT-03). */
const OBJECT_BYTES = 900;

/**
 * What processes take under load beside contents and sessions, as measured (decision 0016): the primary and the
 * transform host together, and each worker with its heap, its buffers and what the allocator cannot give back.
 */
const SHARED_PROCESS_BYTES = 136 * MEBIBYTE;
const WORKER_BYTES = 112 * MEBIBYTE;

/** A worker's memory tier is never smaller, however many workers there are. */
const LEAST_TIER_BYTES = 4 * MEBIBYTE;

/** A host too small for the plan still caches something. */
const LEAST_CONTENT_BYTES = 16 * MEBIBYTE;

/** OPT-17: more is never left to the system. */
const MAX_FREE_RATIO = 40;

export interface MemoryPlanInput {
  readonly physicalBytes: number;
  /** All ratios in percent (OPT-15 to OPT-17). */
  readonly systemMemoryRatio: number;
  readonly contentMemoryRatio: number;
  readonly systemFreeMemoryRatio: number;
  /** `<HttpClientSession><Init>` (OPT-20); undefined or 0: by the memory. */
  readonly sessions?: number;
}

export interface MemoryPlan {
  /** Left to the operating system (OPT-02). */
  readonly freeBytes: number;
  /** For content: memory tiers and what is on its way to clients and to the disks. */
  readonly contentBytes: number;
  /** Contents, the server itself and its sessions: what the processes may take together. */
  readonly serverBytes: number;
  /** Most objects with `<Indexing>` Memory (OPT-11). */
  readonly cachingCount: number;
  /** Client sessions expected at start, the column Sockets of spec 20.1. */
  readonly sessions: number;
}

/** The plan of spec 20.1 for a host (OPT-01 to OPT-03); sizes between the rows of its table go to the nearer row. */
export const planMemory = (input: MemoryPlanInput): MemoryPlan => {
  const ramBytes = (input.physicalBytes * input.systemMemoryRatio) / 100;
  const freeBytes = Math.floor((ramBytes * Math.min(MAX_FREE_RATIO, input.systemFreeMemoryRatio)) / 100);
  const bySize = sessionsFor(ramBytes);
  const configured = input.sessions === 0 ? undefined : input.sessions;
  const fixedBytes = BASE_BYTES + (configured ?? bySize.planned) * SESSION_BYTES;
  const ownBytes = ramBytes - freeBytes - fixedBytes;
  const contentBytes = Math.max(LEAST_CONTENT_BYTES, Math.floor((ownBytes * input.contentMemoryRatio) / 100));
  return {
    freeBytes,
    contentBytes,
    serverBytes: contentBytes + fixedBytes,
    cachingCount: Math.floor(contentBytes / OBJECT_BYTES),
    sessions: configured ?? bySize.initial,
  };
};

/**
 * Memory tier of one of so many workers. Half of the content memory belongs to the tiers (small hot objects, a copy in
 * each worker), half to the page cache or tmpfs, which all workers share. Where the processes themselves need more than
 * the plan has for the server, the tiers give way.
 */
export const planTierBytes = (plan: Pick<MemoryPlan, "contentBytes" | "serverBytes">, workers: number): number => {
  const count = Math.max(1, workers);
  const room = plan.serverBytes - SHARED_PROCESS_BYTES - count * WORKER_BYTES;
  return Math.max(LEAST_TIER_BYTES, Math.floor(Math.min(plan.contentBytes / 2, room) / count));
};

/** From 8 GB on memory is planned for more sessions (N of OPT-03) than are expected at start (OPT-20). */
const sessionsFor = (ramBytes: number): { readonly planned: number; readonly initial: number } => {
  if (ramBytes < 1.5 * GIBIBYTE) return { planned: 5_000, initial: 5_000 };
  if (ramBytes < 3 * GIBIBYTE) return { planned: 10_000, initial: 10_000 };
  return { planned: ramBytes < 6 * GIBIBYTE ? 20_000 : 30_000, initial: 20_000 };
};
