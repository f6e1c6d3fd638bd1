export { type AddressRules, type AddressSnapshot, AddressStates } from "./addressStates.ts";
export type { ConnectCallback, Connector, Endpoint } from "./connector.ts";
export * from "./contract.ts";
export type { FailureReason, OriginEvent } from "./events.ts";
export { createOriginPool, type OriginPoolDependencies, type OriginSettings, type SharedOriginPool } from "./pool.ts";
export type { Scheduler } from "./recoveryProber.ts";
