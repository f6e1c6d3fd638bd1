import net from "node:net";
import { EdgeError } from "@basalt/types";
import type { ListeningHandle } from "./runtime.ts";

export type { ListeningHandle } from "./runtime.ts";

/** Connections that wait in the kernel while all workers are busy or being replaced. */
export const LISTEN_BACKLOG = 4096;

interface NetInternals {
  _createServerHandle(
    address: string | null,
    port: number,
    family: 4 | 6,
    fd: number | null,
    flags: number,
  ): ListeningHandle | number;
}

/** Of libuv: the socket may share its port with others that say so too (SO_REUSEPORT), of processes of the same user. */
const UV_TCP_REUSEPORT = 2;

const bindSocket = (address: string, port: number, flags: number): ListeningHandle | number => {
  const family = net.isIPv6(address) ? 6 : 4;
  const created = (net as unknown as NetInternals)._createServerHandle(address, port, family, null, flags);
  if (typeof created === "number") return created;
  const status = created.getsockname({});
  if (status === 0) return created;
  created.close();
  return status;
};

/**
 * Boundary: makes a bound socket without accepting from it. The primary holds it, so that connections queue in the
 * kernel while no worker is there; workers receive it and accept from it themselves. A later one of all addresses, or of
 * one, can be bound beside it (`isBeside`), so that a reload from one to the other closes nothing before its successor
 * accepts. Sockets of others are none to be beside of: where there is one, this one cannot be had.
 */
export const bindListeningSocket = (address: string, port: number, isBeside = false): ListeningHandle => {
  const alone = isBeside ? undefined : bindSocket(address, port, 0);
  if (typeof alone === "object") alone.close();
  const bound = typeof alone === "number" ? alone : bindSocket(address, port, UV_TCP_REUSEPORT);
  if (typeof bound === "object") return bound;
  throw new EdgeError("INTERNAL", { detail: `cannot listen on ${address}:${port}: ${describe(bound)}` });
};

/**
 * Boundary: a listening TCP socket that this process was started with (systemd socket activation), and where it is bound.
 * Undefined where the descriptor is something else.
 */
export const inheritedListeningSocket = (
  descriptor: number,
): { readonly address: string; readonly port: number; readonly handle: ListeningHandle } | undefined => {
  const created = (net as unknown as NetInternals)._createServerHandle(null, 0, 4, descriptor, 0);
  if (typeof created === "number") return undefined;
  const name: { address?: string; port?: number } = {};
  const status = created.getsockname(name);
  if (status === 0 && name.address !== undefined && name.port !== undefined) {
    return { address: name.address, port: name.port, handle: created };
  }
  created.close();
  return undefined;
};

/** Boundary: what a process channel delivered as a socket. */
export const receivedListeningSocket = (handle: object): ListeningHandle => handle as ListeningHandle;

const describe = (status: number): string => {
  switch (status) {
    case -98:
      return "the address is in use";
    case -99:
      return "this host has no such address";
    case -13:
      return "permission denied";
    default:
      return `error ${status}`;
  }
};
