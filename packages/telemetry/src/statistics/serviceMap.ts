import { originScopeOf } from "../blockKey.ts";
import {
  clientResponseClassSlot,
  ORIGIN_SERVER_SLOT,
  ORIGIN_SERVER_SLOT_COUNT,
  originOutcomeSlot,
  RESPONSE_CLASSES,
  VHOST_SLOT,
} from "../counterTable.ts";
import type { Period } from "./period.ts";

/** Figures of a node or an edge. Shares are parts of 1 of what was answered or has failed; 0 where nothing was. */
export interface ServiceFigures {
  readonly requests: number;
  /** Answered below 400: green. */
  readonly success: number;
  /** 4xx but 429: yellow. */
  readonly error: number;
  /** 429: purple. */
  readonly throttle: number;
  /** 5xx, and exchanges with an origin that failed: red. */
  readonly fault: number;
  /** Mean, from the complete request to the end of the response. */
  readonly latencyMs: number;
  readonly requestsPerMinute: number;
  /** Recorded traces. */
  readonly tracesPerMinute: number;
}

export interface ServiceNode extends ServiceFigures {
  readonly id: number;
  /** `client`, the name of a virtual host, or host and port of an origin. */
  readonly name: string;
  readonly type: "client" | "vhost" | "origin";
}

export interface ServiceMap {
  /** End of the time; 0 before the first second is over. */
  readonly endedAtMs: number;
  readonly seconds: number;
  /** Virtual hosts with traffic that are left out because there are too many. */
  readonly omitted: number;
  readonly nodes: readonly ServiceNode[];
  /** By the ids of nodes; the figures are those of what went this way. */
  readonly edges: readonly (ServiceFigures & { readonly from: number; readonly to: number })[];
}

export interface MappedService {
  readonly vhost: string;
  /** By slot of VHOST_SLOT. */
  readonly values: Float64Array;
  /** By slot of ORIGIN_SERVER_SLOT. */
  readonly origins: readonly (readonly [origin: string, values: Float64Array])[];
}

interface MappedTime {
  readonly endedAtMs: number;
  readonly seconds: number;
  /** A host was asked for by its name: it is shown also without any traffic. */
  readonly isOfOne: boolean;
}

/** Nobody can read a picture of more, and one of all of thousands would hold up the primary. */
const MOST_VHOSTS = 500;

const HUNDREDTHS_PER_MS = 100;
const SECONDS_PER_MINUTE = 60;

/** Sums that figures are made of, so that nodes can be added up. */
class Flow {
  requests = 0;
  ok = 0;
  error = 0;
  throttle = 0;
  fault = 0;
  hundredths = 0;
  traced = 0;

  add(other: Flow): void {
    this.requests += other.requests;
    this.ok += other.ok;
    this.error += other.error;
    this.throttle += other.throttle;
    this.fault += other.fault;
    this.hundredths += other.hundredths;
    this.traced += other.traced;
  }

  figures(seconds: number): ServiceFigures {
    const ended = this.ok + this.error + this.throttle + this.fault;
    const perMinute = (amount: number): number =>
      seconds === 0 ? 0 : rounded((amount * SECONDS_PER_MINUTE) / seconds, 2);
    const share = (amount: number): number => (ended === 0 ? 0 : rounded(amount / ended, 4));
    return {
      requests: this.requests,
      success: share(this.ok),
      error: share(this.error),
      throttle: share(this.throttle),
      fault: share(this.fault),
      latencyMs: ended === 0 ? 0 : rounded(this.hundredths / HUNDREDTHS_PER_MS / ended, 2),
      requestsPerMinute: perMinute(this.requests),
      tracesPerMinute: perMinute(this.traced),
    };
  }
}

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

const flowOfClients = (values: Float64Array): Flow => {
  const at = (slot: number): number => values[slot] ?? 0;
  const flow = new Flow();
  flow.requests = at(VHOST_SLOT.clientRequests);
  flow.ok = [100, 200, 300].reduce((sum, status) => sum + at(clientResponseClassSlot(status)), 0);
  flow.throttle = at(VHOST_SLOT.clientThrottled);
  flow.error = at(clientResponseClassSlot(400)) - flow.throttle;
  flow.fault = at(clientResponseClassSlot(500));
  flow.hundredths = RESPONSE_CLASSES.reduce((sum, _, index) => sum + at(VHOST_SLOT.clientCompleteTime + index), 0);
  flow.traced = at(VHOST_SLOT.clientTraced);
  return flow;
};

const flowToOrigin = (values: Float64Array): Flow => {
  const at = (slot: number): number => values[slot] ?? 0;
  const flow = new Flow();
  flow.ok = at(originOutcomeSlot("ok"));
  flow.error = at(originOutcomeSlot("error"));
  flow.throttle = at(originOutcomeSlot("throttle"));
  flow.fault = at(originOutcomeSlot("fault"));
  flow.requests = flow.ok + flow.error + flow.throttle + flow.fault;
  flow.hundredths = at(ORIGIN_SERVER_SLOT.time);
  flow.traced = at(ORIGIN_SERVER_SLOT.traced);
  return flow;
};

/** Rows of the origins of each virtual host. */
export const originsByVhost = ({ origins }: Period): ReadonlyMap<string, MappedService["origins"]> => {
  const byVhost = new Map<string, (readonly [string, Float64Array])[]>();
  for (const key of origins.keys) {
    const { vhost, origin } = originScopeOf(key);
    const row = [origin, origins.find(key) ?? new Float64Array(ORIGIN_SERVER_SLOT_COUNT)] as const;
    const rows = byVhost.get(vhost);
    if (rows === undefined) byVhost.set(vhost, [row]);
    else rows.push(row);
  }
  return byVhost;
};

const shownOf = (services: readonly MappedService[], isOfOne: boolean) => {
  const measured = services.map(({ vhost, values, origins }) => ({ vhost, flow: flowOfClients(values), origins }));
  if (isOfOne) return { shown: measured, omitted: 0 };
  const busy = measured.filter(({ flow, origins }) => flow.requests > 0 || origins.length > 0);
  if (busy.length <= MOST_VHOSTS) return { shown: busy, omitted: 0 };
  const shown = busy.toSorted((left, right) => right.flow.requests - left.flow.requests).slice(0, MOST_VHOSTS);
  return { shown, omitted: busy.length - MOST_VHOSTS };
};

/** AWS-100: who calls whom. An origin that serves several hosts is one node, with an edge from each of them. */
export const drawServiceMap = (services: readonly MappedService[], time: MappedTime): ServiceMap => {
  const { endedAtMs, seconds, isOfOne } = time;
  const { shown, omitted } = shownOf(services, isOfOne);
  const clients = new Flow();
  const nodes: { readonly name: string; readonly type: ServiceNode["type"]; readonly flow: Flow }[] = [
    { name: "client", type: "client", flow: clients },
  ];
  const edges: { readonly from: number; readonly to: number; readonly flow: Flow }[] = [];
  const originIds = new Map<string, number>();
  const hosts = shown.map((host) => ({
    ...host,
    id: nodes.push({ name: host.vhost, type: "vhost", flow: host.flow }) - 1,
  }));
  for (const { id, flow, origins } of hosts) {
    clients.add(flow);
    edges.push({ from: 0, to: id, flow });
    for (const [origin, values] of origins) {
      const to = originIds.get(origin) ?? nodes.push({ name: origin, type: "origin", flow: new Flow() }) - 1;
      originIds.set(origin, to);
      const edge = flowToOrigin(values);
      nodes[to]?.flow.add(edge);
      edges.push({ from: id, to, flow: edge });
    }
  }
  return {
    endedAtMs,
    seconds,
    omitted,
    nodes: nodes.map(({ name, type, flow }, id) => ({ id, name, type, ...flow.figures(seconds) })),
    edges: edges.map(({ from, to, flow }) => ({ from, to, ...flow.figures(seconds) })),
  };
};
