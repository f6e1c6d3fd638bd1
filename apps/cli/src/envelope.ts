import type { CleanupReport, DiskStatus, StatusReport, WorkerStatus } from "@basalt/management";

/** Boundary: JSON of the management API to values. */

export interface Envelope {
  readonly status: string;
  readonly result: unknown;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const parseEnvelope = (text: string): Envelope | undefined => {
  const value = parseJson(text);
  return isRecord(value) && typeof value.status === "string"
    ? { status: value.status, result: value.result }
    : undefined;
};

const WORKER_STATES: readonly WorkerStatus["state"][] = ["starting", "serving", "draining", "waiting"];

const parseWorker = (value: unknown): WorkerStatus => {
  const worker = isRecord(value) ? value : {};
  return {
    slot: numberOf(worker.slot),
    pid: numberOf(worker.pid),
    state: WORKER_STATES.find((state) => state === worker.state) ?? "waiting",
    uptimeSeconds: numberOf(worker.uptimeSeconds),
    restarts: numberOf(worker.restarts),
    connections: numberOf(worker.connections),
    requests: numberOf(worker.requests),
    rssBytes: numberOf(worker.rssBytes),
  };
};

const DISK_STATES: readonly DiskStatus["state"][] = ["Normal", "Invalid", "Unmounted"];

const parseDisk = (value: unknown): DiskStatus => {
  const disk = isRecord(value) ? value : {};
  return {
    path: textOf(disk.path),
    state: DISK_STATES.find((state) => state === disk.state) ?? "Invalid",
    usedBytes: numberOf(disk.usedBytes),
    quotaBytes: typeof disk.quotaBytes === "number" ? disk.quotaBytes : null,
    availableBytes: numberOf(disk.availableBytes),
  };
};

export const parseStatusReport = (value: unknown): StatusReport | undefined => {
  if (!isRecord(value)) return undefined;
  return {
    version: textOf(value.version),
    pid: numberOf(value.pid),
    uptimeSeconds: numberOf(value.uptimeSeconds),
    generation: numberOf(value.generation),
    state: value.state === "Emergency" ? "Emergency" : "Healthy",
    workers: listOf(value.workers).map(parseWorker),
    transform: parseWorker(value.transform),
    objects: numberOf(value.objects),
    bodyBytes: numberOf(value.bodyBytes),
    disks: listOf(value.disks).map(parseDisk),
    listening: listOf(value.listening).map(textOf),
  };
};

export const parseCleanupResult = (value: unknown): CleanupReport => {
  const result = isRecord(value) ? value : {};
  return {
    objects: numberOf(result.Count),
    bytes: numberOf(result.Size),
    segments: numberOf(result.Segments),
    folders: numberOf(result.Folders),
    elapsedMs: numberOf(result.Time),
  };
};

/** The one pair of each object in a list. */
const pairsOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  listOf(value).flatMap((item) => (isRecord(item) ? Object.entries(item).slice(0, 1) : []));

/** Origin servers of one virtual host. */
export interface OriginReport {
  readonly vhost: string;
  readonly addresses: readonly {
    readonly address: string;
    readonly role: "active" | "standby";
    readonly state: string;
  }[];
  readonly ips: readonly { readonly ip: string; readonly isActive: boolean; readonly ttlSeconds: number }[];
  /** Servers that are not used, and what their last failure was. */
  readonly out: readonly { readonly server: string; readonly reason: string }[];
}

/** Undefined when the text is not the body of `/monitoring/origin`. */
export const parseOriginReports = (text: string): readonly OriginReport[] | undefined => {
  const value = parseJson(text);
  if (!isRecord(value) || !Array.isArray(value.origin)) return undefined;
  return value.origin.filter(isRecord).map((host) => ({
    vhost: textOf(host.VirtualHost),
    addresses: (["active", "standby"] as const).flatMap((role) =>
      pairsOf(role === "active" ? host.Address : host.Address2).map(([address, state]) => ({
        address,
        role,
        state: textOf(state),
      })),
    ),
    ips: [true, false].flatMap((isActive) =>
      pairsOf(isActive ? host.ActiveIP : host.InactiveIP).map(([ip, ttl]) => ({
        ip,
        isActive,
        ttlSeconds: numberOf(ttl),
      })),
    ),
    out: listOf(host.State)
      .filter(isRecord)
      .filter(({ State }) => State === "OutOfService")
      .map(({ Server, Reason }) => ({ server: textOf(Server), reason: textOf(Reason) })),
  }));
};

export interface ReloadResult {
  readonly generation: number;
  readonly changes: number;
  /** Elements whose change is in force after a restart only. */
  readonly needRestart: readonly string[];
  /** Warnings of an applied, problems of a refused configuration, ready to print. */
  readonly problems: readonly string[];
}

export const parseReloadResult = (value: unknown): ReloadResult => {
  const result = isRecord(value) ? value : {};
  const problems = [...listOf(result.Warnings), ...listOf(result.Problems)];
  return {
    generation: numberOf(result.Generation),
    changes: numberOf(result.Changes),
    needRestart: listOf(result.NeedRestart).map(textOf),
    problems: problems.map((problem) => textOf(isRecord(problem) ? problem.text : "")),
  };
};
