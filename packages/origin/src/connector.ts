import { connect, type LookupFunction, type Socket } from "node:net";
import { EdgeError } from "@basalt/types";
import { TCP_KEEP_ALIVE_MS } from "./limits.ts";

/** Where an address is reached. */
export interface Endpoint {
  /** As configured; for error details. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly lookup: LookupFunction | undefined;
}

/** Called once, with the connected socket or with ORIGIN_CONNECT_FAILED or ORIGIN_CONNECT_TIMEOUT. */
export type ConnectCallback = (...outcome: [error: null, socket: Socket] | [error: EdgeError, socket: null]) => void;

/** Opens a TCP connection within `timeoutMs` (0: no limit). The result gives up; the callback then gets an error. */
export type Connector = (endpoint: Endpoint, timeoutMs: number, callback: ConnectCallback) => () => void;

export const openConnection: Connector = (endpoint, timeoutMs, callback) => {
  const socket = connect({
    host: endpoint.host,
    port: endpoint.port,
    autoSelectFamily: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    ...(endpoint.lookup === undefined ? {} : { lookup: endpoint.lookup }),
  });
  const fail = (error: EdgeError): void => {
    clearTimeout(timer);
    socket.off("connect", succeed).off("error", onError);
    socket.on("error", () => {});
    socket.destroy();
    callback(error, null);
  };
  const succeed = (): void => {
    clearTimeout(timer);
    socket.off("error", onError);
    callback(null, socket);
  };
  const onError = (cause: Error): void => {
    const timedOut = "code" in cause && cause.code === "ETIMEDOUT";
    const detail = `${endpoint.address}: ${cause.message || String("code" in cause ? cause.code : cause.name)}`;
    fail(new EdgeError(timedOut ? "ORIGIN_CONNECT_TIMEOUT" : "ORIGIN_CONNECT_FAILED", { detail, cause }));
  };
  const onTimeout = (): void => {
    const detail = `${endpoint.address}: no connection within ${timeoutMs} ms`;
    fail(new EdgeError("ORIGIN_CONNECT_TIMEOUT", { detail }));
  };
  const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
  socket.once("connect", succeed).once("error", onError);
  return () => {
    if (socket.connecting) fail(new EdgeError("ORIGIN_CONNECT_FAILED", { detail: `${endpoint.address}: given up` }));
  };
};
