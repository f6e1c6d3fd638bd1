import type { OriginAddress } from "@basalt/config";
import type { Clock } from "@basalt/types";
import { AddressConnections } from "./addressConnections.ts";
import { Attempt, type AttemptPlan } from "./attempt.ts";
import type { Connector } from "./connector.ts";
import type { OriginSettings } from "./contract.ts";
import { OriginTally } from "./counters.ts";
import { endpointOf } from "./endpoint.ts";
import { decideHost, prefixTarget } from "./requestHead.ts";
import { runAfter, type Scheduler } from "./scheduler.ts";
import type { TransactionListener } from "./transaction.ts";

export interface ProbePlan {
  /** Without the path prefix of the address. */
  readonly uri: string;
  /** Statuses that count as success; empty or 0: any. */
  readonly resCodes: readonly number[];
  /** Whether the whole answer is awaited (ORG-13), not only its status (ORG-09). */
  readonly isWhole: boolean;
  readonly connectTimeoutMs: number;
  readonly receiveTimeoutMs: number;
  /** From the connect to the end; 0: no limit. */
  readonly totalTimeoutMs: number;
  /** Fields that take the place of the usual ones, or stand beside them (AWS-24), flat. */
  readonly fields: readonly string[];
  readonly purpose: "probe" | "healthcheck";
}

export interface ProbeResult {
  readonly isSuccess: boolean;
  /** Undefined when there was no response. */
  readonly status: number | undefined;
  readonly detail: string;
}

export interface ProbeMeans {
  readonly connector: Connector;
  readonly schedule: Scheduler;
  readonly clock: Clock;
  readonly onTransaction: TransactionListener | undefined;
}

const isAccepted = (status: number, resCodes: readonly number[]): boolean =>
  resCodes.length === 0 || resCodes.includes(0) || resCodes.includes(status);

/** The own fields, and of the usual ones those that they do not name. */
const withFields = (own: readonly string[], usual: readonly string[]): readonly string[] => {
  const named = new Set(own.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  return [...own, ...usual.filter((_, index) => !named.has(usual[index - (index % 2)] ?? ""))];
};

/**
 * Asks one server on a connection of its own, with default Host, the configured User-Agent and the fields of the plan,
 * and nothing else (ORG-50). `done` hears the result once; the function returned gives the probe up without one.
 */
export const probeServer = (
  server: { readonly id: string; readonly ip: string; readonly address: OriginAddress },
  settings: OriginSettings,
  plan: ProbePlan,
  { connector, schedule, clock, onTransaction }: ProbeMeans,
  done: (result: ProbeResult) => void,
): (() => void) => {
  const { host, userAgent } = settings.originOptions;
  const connections = new AddressConnections({
    endpoint: endpointOf(settings, server.address, server),
    connector,
    reuseTimeoutMs: settings.originOptions.reuseTimeoutSeconds * 1000,
    onConnect: () => {},
    tally: new OriginTally(),
  });
  const attemptPlan: AttemptPlan = {
    address: server.id,
    method: "GET",
    path: prefixTarget(plan.uri, server.address),
    fields: withFields(plan.fields, [
      "host",
      decideHost(undefined, host, server.address),
      ...(userAgent === "" || userAgent === "*" ? [] : ["user-agent", userAgent]),
    ]),
    body: { kind: "none" },
    upgrade: undefined,
    connectTimeoutMs: plan.connectTimeoutMs,
    receiveTimeoutMs: plan.receiveTimeoutMs,
    fresh: true,
    offersReuse: settings.originOptions.reuseTimeoutSeconds > 0,
    occasion: {
      vhost: settings.name,
      server: { id: server.id, ip: server.ip, port: server.address.port, addressIndex: -1 },
      domain: server.address.host,
      purpose: plan.purpose,
      sessionId: 0n,
      cause: undefined,
      dnsMs: 0,
    },
  };
  let status: number | undefined;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    stopTimer?.();
    attempt.abort();
    connections.close();
  };
  const end = (isSuccess: boolean, detail: string): void => {
    if (isOver) return;
    stop();
    done({ isSuccess, status, detail });
  };
  const judge = (): void => {
    if (status !== undefined && isAccepted(status, plan.resCodes)) end(true, `status ${status}`);
    else end(false, `status ${status} is not one of ${plan.resCodes.join(", ")}`);
  };
  const attempt = new Attempt(
    attemptPlan,
    connections,
    {
      onInformation: () => {},
      onHead: (head) => {
        status = head.status;
        if (!plan.isWhole) judge();
      },
      onData: () => true,
      onComplete: judge,
      onUpgrade: (_, socket) => {
        socket.destroy();
        end(false, "another protocol");
      },
      onFailure: ({ error }) => end(false, error.detail),
    },
    { clock, tally: new OriginTally(), onTransaction },
  );
  const stopTimer =
    plan.totalTimeoutMs > 0
      ? runAfter(schedule, plan.totalTimeoutMs, () => end(false, `no whole answer within ${plan.totalTimeoutMs} ms`))
      : undefined;
  attempt.start();
  return () => {
    if (!isOver) stop();
  };
};
