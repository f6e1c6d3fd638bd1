import type { VhostSettings } from "@basalt/config";
import { compileThrottling, type ThrottlingRules, trafficLimitsOf } from "@basalt/policy";
import type { Pacer } from "./pacer.ts";
import type { TrafficGate } from "./trafficGate.ts";

/** What limits the responses of a virtual host; at least one of them is there. */
export interface VhostBandwidth {
  readonly throttling: ThrottlingRules | undefined;
  readonly gate: TrafficGate | undefined;
  readonly sessionBytesPerSecond: number | undefined;
}

/** Undefined for a host without any limit. */
export const compileBandwidth = (settings: VhostSettings, pacer: Pacer): VhostBandwidth | undefined => {
  const throttling = compileThrottling(settings);
  const { hostBytesPerSecond, sessionBytesPerSecond } = trafficLimitsOf(settings);
  const gate = hostBytesPerSecond === undefined ? undefined : pacer.gateOf(settings.name, hostBytesPerSecond);
  if (throttling === undefined && gate === undefined && sessionBytesPerSecond === undefined) return undefined;
  return { throttling, gate, sessionBytesPerSecond };
};
