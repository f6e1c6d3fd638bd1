import { request } from "node:http";
import { HANG_LIMIT_MS } from "../limits.ts";

export interface ControlAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export type ControlTarget = { readonly socketPath: string } | { readonly port: number };

export interface ApiRequest {
  readonly method?: string;
  readonly host?: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** One management call, over the manager port or the control socket. */
export const callManagement = (target: ControlTarget, path: string, call: ApiRequest = {}): Promise<ControlAnswer> =>
  new Promise((resolve, reject) => {
    const where = "socketPath" in target ? target : { host: "127.0.0.1", port: target.port };
    const outgoing = request(
      {
        ...where,
        path,
        method: call.method ?? "GET",
        agent: false,
        headers: { host: call.host ?? "localhost", ...call.headers },
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (part: string) => {
          text += part;
        });
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, contentType: incoming.headers["content-type"] ?? "", text }),
        );
      },
    );
    outgoing.setTimeout(call.limitMs ?? HANG_LIMIT_MS, () => outgoing.destroy(new Error(`${path}: no answer in time`)));
    outgoing.on("error", reject);
    outgoing.end(call.body ?? "");
  });

/** The JSON envelope of the management API (CFG-19). */
export interface Envelope {
  readonly httpStatus: number;
  readonly method: string;
  readonly status: string;
  readonly result: unknown;
}

export const parseEnvelope = (answer: ControlAnswer): Envelope => {
  const parsed: unknown = JSON.parse(answer.text);
  if (typeof parsed !== "object" || parsed === null) throw new Error(`no envelope: ${answer.text}`);
  return {
    httpStatus: answer.status,
    method: "method" in parsed && typeof parsed.method === "string" ? parsed.method : "",
    status: "status" in parsed && typeof parsed.status === "string" ? parsed.status : "",
    result: "result" in parsed ? parsed.result : undefined,
  };
};

export interface RunningProcess {
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly connections: number;
  readonly requests: number;
  readonly rssBytes: number;
}

export interface DiskReport {
  readonly path: string;
  readonly state: string;
  readonly usedBytes: number;
  /** Undefined without a quota. */
  readonly quotaBytes: number | undefined;
}

export interface EdgeStatus {
  /** `Healthy` or `Emergency` (OPT-68). */
  readonly state: string;
  readonly primaryPid: number;
  readonly generation: number;
  readonly objects: number;
  readonly workers: readonly RunningProcess[];
  readonly transform: RunningProcess | undefined;
  readonly disks: readonly DiskReport[];
}

const numberOf = (value: object, key: string): number => {
  const found: unknown = Reflect.get(value, key);
  return typeof found === "number" ? found : 0;
};

const textOf = (value: object, key: string): string => {
  const found: unknown = Reflect.get(value, key);
  return typeof found === "string" ? found : "";
};

const listOf = (value: object, key: string): readonly unknown[] => {
  const found: unknown = Reflect.get(value, key);
  return Array.isArray(found) ? found : [];
};

const diskOf = (value: unknown): DiskReport | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  const quota: unknown = Reflect.get(value, "quotaBytes");
  return {
    path: textOf(value, "path"),
    state: textOf(value, "state"),
    usedBytes: numberOf(value, "usedBytes"),
    quotaBytes: typeof quota === "number" ? quota : undefined,
  };
};

const processOf = (value: unknown): RunningProcess | undefined => {
  if (typeof value !== "object" || value === null) return undefined;
  return {
    pid: numberOf(value, "pid"),
    state: textOf(value, "state"),
    restarts: numberOf(value, "restarts"),
    connections: numberOf(value, "connections"),
    requests: numberOf(value, "requests"),
    rssBytes: numberOf(value, "rssBytes"),
  };
};

/** Accepts the report with or without the envelope of the API around it. */
export const parseStatus = (text: string): EdgeStatus => {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new Error(`no status: ${text}`);
  const inner = "result" in parsed ? parsed.result : parsed;
  if (typeof inner !== "object" || inner === null) throw new Error(`no status: ${text}`);
  return {
    state: textOf(inner, "state"),
    primaryPid: numberOf(inner, "pid"),
    generation: numberOf(inner, "generation"),
    objects: numberOf(inner, "objects"),
    workers: listOf(inner, "workers")
      .map(processOf)
      .filter((worker) => worker !== undefined),
    transform: "transform" in inner ? processOf(inner.transform) : undefined,
    disks: listOf(inner, "disks")
      .map(diskOf)
      .filter((disk) => disk !== undefined),
  };
};
