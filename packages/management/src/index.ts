export { type Access, decideAccess, type ManagerSettings } from "./access.ts";
export * from "./contract.ts";
export type * from "./explanation.ts";
export { createManagementServer, type ManagementServer, type ManagementServerOptions } from "./server.ts";
export { controlSocketPath } from "./socketPath.ts";
