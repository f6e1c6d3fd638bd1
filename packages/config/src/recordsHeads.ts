import type { VhostLogs } from "./contract.ts";

/** Whether somebody gets the heads of a host's requests and responses (AWS-91): nothing is kept of them otherwise. */
export const recordsHeads = ({ detail }: Pick<VhostLogs, "detail">): boolean => detail.enabled || detail.sysLog;
