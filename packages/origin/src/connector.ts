import { connect, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls } from "node:tls";
import { EdgeError } from "@basalt/types";
import { readAuthorities } from "./authorities.ts";
import { TCP_KEEP_ALIVE_MS } from "./limits.ts";

/** Where a server is reached. */
export interface Endpoint {
  /** For error details. */
  readonly address: string;
  /** An IP. */
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls: TlsEndpoint | undefined;
}

export interface TlsEndpoint {
  /** Sent as SNI; the certificate must be for it. */
  readonly serverName: string;
  /** Another name that the certificate may be for instead. */
  readonly alternativeName: string | undefined;
  readonly verify: boolean;
  /** PEM file; empty: the authorities that the runtime knows. */
  readonly caFile: string;
}

/** Called once, with the connected socket or with ORIGIN_CONNECT_FAILED or ORIGIN_CONNECT_TIMEOUT. */
export type ConnectCallback = (...outcome: [error: null, socket: Socket] | [error: EdgeError, socket: null]) => void;

/**
 * Opens a connection within `timeoutMs` (0: no limit), the TLS handshake included. The result gives up; the callback
 * then gets an error. `onEstablished`: the SYN has been answered.
 */
export type Connector = (
  endpoint: Endpoint,
  timeoutMs: number,
  callback: ConnectCallback,
  onEstablished?: () => void,
) => () => void;

export const openConnection: Connector = (endpoint, timeoutMs, callback, onEstablished) => {
  const raw = connect({
    host: endpoint.host,
    port: endpoint.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
  });
  let socket = raw;
  let isOver = false;
  /** The listeners stay: whatever is reported after the outcome must not be an uncaught error. */
  const fail = (error: EdgeError): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    socket.destroy();
    raw.destroy();
    callback(error, null);
  };
  const succeed = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    callback(null, socket);
  };
  const refuse = (why: string, cause?: unknown): void =>
    fail(new EdgeError("ORIGIN_CONNECT_FAILED", { detail: `${endpoint.address}: ${why}`, cause }));
  const onError = (cause: Error): void => {
    const code = "code" in cause ? String(cause.code) : cause.name;
    if (code !== "ETIMEDOUT") refuse(cause.message || code, cause);
    else fail(new EdgeError("ORIGIN_CONNECT_TIMEOUT", { detail: `${endpoint.address}: ${cause.message}`, cause }));
  };
  const onClose = (): void => refuse("closed during the handshake");
  const onTimeout = (): void => {
    const detail = `${endpoint.address}: no connection within ${timeoutMs} ms`;
    fail(new EdgeError("ORIGIN_CONNECT_TIMEOUT", { detail }));
  };
  const secure = ({ serverName, alternativeName, verify, caFile }: TlsEndpoint): void => {
    try {
      socket = connectTls({
        socket: raw,
        servername: serverName,
        rejectUnauthorized: verify,
        ALPNProtocols: ["http/1.1"],
        ...(caFile === "" ? {} : { ca: readAuthorities(caFile) }),
        checkServerIdentity: (_, certificate) => {
          const mismatch = checkServerIdentity(serverName, certificate);
          if (mismatch === undefined || alternativeName === undefined) return mismatch;
          return checkServerIdentity(alternativeName, certificate) === undefined ? undefined : mismatch;
        },
      });
      socket.once("secureConnect", succeed).on("error", onError).once("close", onClose);
    } catch (cause) {
      refuse(cause instanceof Error ? cause.message : String(cause), cause);
    }
  };
  const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
  raw.on("error", onError).once("connect", () => {
    onEstablished?.();
    if (endpoint.tls === undefined) succeed();
    else secure(endpoint.tls);
  });
  return () => refuse("given up");
};
