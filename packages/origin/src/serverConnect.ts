import type { OriginAddress } from "@basalt/config";
import type { OriginSettings } from "./contract.ts";
import { endpointOf } from "./endpoint.ts";
import type { ProbeMeans, ProbePlan, ProbeResult } from "./serverProbe.ts";

/**
 * Connects to one server and closes the connection again without a word (AWS-26); over TCP alone, whatever its scheme.
 * `done` hears the result once; the function returned gives up without one.
 */
export const connectToServer = (
  server: { readonly id: string; readonly ip: string; readonly address: OriginAddress },
  settings: OriginSettings,
  { connectTimeoutMs }: Pick<ProbePlan, "connectTimeoutMs">,
  { connector }: Pick<ProbeMeans, "connector">,
  done: (result: ProbeResult) => void,
): (() => void) => {
  const endpoint = { ...endpointOf(settings, server.address, server), tls: undefined };
  let isOver = false;
  const giveUp = connector(endpoint, connectTimeoutMs, (error, socket) => {
    socket?.destroy();
    if (isOver) return;
    isOver = true;
    const detail = error === null ? "connected" : error.detail;
    queueMicrotask(() => done({ isSuccess: error === null, status: undefined, detail }));
  });
  return () => {
    if (isOver) return;
    isOver = true;
    giveUp();
  };
};
