import type { VhostOptions } from "@basalt/config";
import { FIELD } from "@basalt/http";

/** Whether a client's connection stays open after a response, and the lines that say so (flat). */
export interface ConnectionDecision {
  readonly keepAlive: boolean;
  readonly fields: readonly string[];
}

export type ConnectionOptions = Pick<
  VhostOptions,
  "connectionHeader" | "clientKeepAliveSeconds" | "keepAliveHeader" | "keepAliveHeaderMax"
>;

/** Facts: `FieldBlock.flags`, minor version, and the transactions already answered on the connection. */
export type ConnectionRules = (fieldFlags: number, minorVersion: 0 | 1, served: number) => ConnectionDecision;

const CLOSE: ConnectionDecision = { keepAlive: false, fields: ["Connection", "close"] };

/**
 * The rules HTTP-06 to HTTP-11 in their order. An HTTP/1.0 client without `Connection: keep-alive` counts as one that
 * asked to close (OPEN 2). With Max n there are n + 1 transactions, the last answered with close (OPEN 1, reading A).
 */
export const compileConnectionRules = (options: ConnectionOptions): ConnectionRules => {
  if (options.connectionHeader === "close") return () => CLOSE;
  const timeout = `timeout=${options.clientKeepAliveSeconds}`;
  const keepAlive = (parameters: readonly string[]): ConnectionDecision => ({
    keepAlive: true,
    fields: ["Connection", "keep-alive", ...(parameters.length > 0 ? ["Keep-Alive", parameters.join(", ")] : [])],
  });
  const unlimited = keepAlive(options.keepAliveHeader ? [timeout] : []);
  const max = options.keepAliveHeader ? options.keepAliveHeaderMax : 0;
  return (fieldFlags, minorVersion, served) => {
    if ((fieldFlags & FIELD.CLOSE) !== 0) return CLOSE;
    if (minorVersion === 0 && (fieldFlags & FIELD.KEEP_ALIVE) === 0) return CLOSE;
    if (max === 0) return unlimited;
    return served >= max ? CLOSE : keepAlive([timeout, `max=${max - served}`]);
  };
};
