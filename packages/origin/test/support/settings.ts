import type { OriginAddress, OriginOptions } from "@basalt/config";
import type { OriginSettings } from "../../src/pool.ts";

/** Defaults of the guide, except time-outs: short ones, so that a test of a time-out ends soon. */
const DEFAULTS: OriginOptions = {
  connectTimeoutSeconds: 3,
  receiveTimeoutSeconds: 10,
  bypassConnectTimeoutSeconds: 5,
  bypassReceiveTimeoutSeconds: 300,
  exclusion: 3,
  recovery: { count: 5, cycleSeconds: 10, uri: "/", resCodes: [0] },
  reuseTimeoutSeconds: 60,
  partBytes: 0,
  balanceMode: "RoundRobin",
  host: "",
  userAgent: "STON",
  userAgentBypass: false,
  hostBypass: true,
  xffClientIpOnly: false,
  xffClientIpOnlyBypass: true,
  originalETag: false,
  wholeClientRequest: false,
};

export const addressAt = (port: number, changes: Partial<OriginAddress> = {}): OriginAddress => ({
  text: `127.0.0.1:${port}`,
  host: "127.0.0.1",
  port,
  isIp: true,
  pathPrefix: "",
  hostField: `www.example.com:${port}`,
  ...changes,
});

export const settingsFor = (
  addresses: readonly OriginAddress[],
  options: Partial<OriginOptions> = {},
  standby: readonly OriginAddress[] = [],
): OriginSettings => ({
  name: "www.example.com",
  origin: { addresses, standby },
  originOptions: { ...DEFAULTS, ...options },
});
