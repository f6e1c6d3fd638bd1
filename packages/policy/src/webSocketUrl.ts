import type { OriginAddress } from "@basalt/config";

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** Where a client reaches a target of an origin server for a WebSocket (RFC 6455 3). */
export const webSocketUrl = ({ scheme, host, port, pathPrefix }: OriginAddress, target: string): string => {
  const name = host.includes(":") ? `[${host}]` : host;
  const place = port === DEFAULT_PORTS[scheme] ? name : `${name}:${port}`;
  return `${scheme === "https" ? "wss" : "ws"}://${place}${pathPrefix}${target}`;
};
