import { isIPv4, isIPv6 } from "node:net";
import type { ListenAddress } from "../contract.ts";
import { parsePort } from "./originAddress.ts";

/** The forms of CFG-60: `{IP}:{port}`, `*:{port}` and `OFF`. Undefined when it is none. */
export const parseListen = (text: string): ListenAddress | "OFF" | undefined => {
  if (text.toUpperCase() === "OFF") return "OFF";
  const [, bracketed, plain, portText = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
  const port = parsePort(portText);
  if (port === undefined) return undefined;
  if (plain === "*") return { address: undefined, port };
  if (bracketed !== undefined) return isIPv6(bracketed) ? { address: bracketed, port } : undefined;
  return plain !== undefined && isIPv4(plain) ? { address: plain, port } : undefined;
};

export const formatListen = (listen: ListenAddress | "OFF"): string => {
  if (listen === "OFF") return "OFF";
  const address = listen.address ?? "*";
  return address.includes(":") ? `[${address}]:${listen.port}` : `${address}:${listen.port}`;
};
