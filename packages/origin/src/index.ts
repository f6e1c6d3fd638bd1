export type { ConnectCallback, Connector, Endpoint, TlsEndpoint } from "./connector.ts";
export * from "./contract.ts";
export type { FailureReason, HealthSource, OriginEvent } from "./events.ts";
export type { ResolvedIp } from "./ipTable.ts";
export { createOriginBoard, type OriginBoardDependencies } from "./originBoard.ts";
export { createOriginPool, type OriginPoolDependencies, type SharedOriginPool } from "./pool.ts";
export { createSystemResolver, type IpFamily, type OriginResolver, type SystemResolverOptions } from "./resolver.ts";
export { type Scheduler, unrefScheduler } from "./scheduler.ts";
export { shareOf } from "./sessionGate.ts";
