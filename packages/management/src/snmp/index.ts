export { SnmpAgent, type SnmpAgentParts } from "./agent.ts";
export type { SnmpConfiguration, SnmpDisk, SnmpState } from "./contract.ts";
export type { SnmpFeeds, SnmpLayout, SnmpVhost, SnmpView } from "./liveSource.ts";
export { MIB_MODULE, renderMib } from "./mib.ts";
