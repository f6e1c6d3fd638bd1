import type { HealthChecker, OriginAddress, OriginOptions } from "@basalt/config";
import type { OriginSettings } from "../../src/contract.ts";

/** Defaults of the guide, except time-outs: short ones, so that a test of a time-out ends soon. */
const DEFAULTS: OriginOptions = {
  connectTimeoutSeconds: 3,
  receiveTimeoutSeconds: 10,
  bypassConnectTimeoutSeconds: 5,
  bypassReceiveTimeoutSeconds: 300,
  exclusion: 3,
  recovery: { count: 5, cycleSeconds: 10, uri: "/", resCodes: [], log: true },
  dnsMaxTtlSeconds: 60,
  busySessionCount: 100,
  maxSessions: { count: 0, queue: 10_000 },
  tls: { verify: true, caFile: "" },
  reuseTimeoutSeconds: 60,
  partBytes: 0,
  fullRangeInit: false,
  ifRange: false,
  balanceMode: "RoundRobin",
  host: "",
  userAgent: "STON",
  userAgentBypass: false,
  hostBypass: true,
  xffClientIpOnly: false,
  xffClientIpOnlyBypass: true,
  wlProxyClientIp: false,
  wlProxyClientIpBypass: true,
  originalETag: false,
  wholeClientRequest: false,
  urlRewrites: [],
  redirectionTrace: { enabled: false, allow: [] },
  modifyHeader: { enabled: false, firstOnly: false },
  draining: { enabled: false, timeoutSeconds: 300 },
  sticky: { mode: "OFF", name: "EDGEORIGIN", durationSeconds: 3_600 },
  forwarded: { xff: "append", proto: false, port: false },
  webSocketRedirect: false,
};

export const addressAt = (port: number, changes: Partial<OriginAddress> = {}): OriginAddress => ({
  text: `127.0.0.1:${port}`,
  scheme: "http",
  host: "127.0.0.1",
  port,
  isIp: true,
  pathPrefix: "",
  weight: 1,
  countries: [],
  hostField: `www.example.com:${port}`,
  ...changes,
});

/** An address that is a domain. */
export const domainAt = (port: number, changes: Partial<OriginAddress> = {}): OriginAddress =>
  addressAt(port, {
    text: `origin.test:${port}`,
    host: "origin.test",
    isIp: false,
    hostField: `origin.test:${port}`,
    ...changes,
  });

export const checkerFor = (changes: Partial<HealthChecker> = {}): HealthChecker => ({
  type: "http",
  fields: [],
  uri: "/",
  resCodes: [],
  timeoutSeconds: 10,
  cycleSeconds: 10,
  exclusion: 3,
  recovery: 5,
  log: true,
  ...changes,
});

export const settingsFor = (
  addresses: readonly OriginAddress[],
  options: Partial<OriginOptions> = {},
  standby: readonly OriginAddress[] = [],
  healthCheckers: readonly HealthChecker[] = [],
): OriginSettings => ({
  name: "www.example.com",
  origin: { addresses, standby, healthCheckers },
  originOptions: { ...DEFAULTS, ...options },
});
