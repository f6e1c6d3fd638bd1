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

/**
 * Boundary: makes a bound socket without accepting from it. The primary holds it, so that connections queue in the
 * kernel while no worker is there; workers receive it and accept from it themselves.
 */
export const bindListeningSocket = (address: string, port: number): ListeningHandle => {
  const created = (net as unknown as NetInternals)._createServerHandle(
    address,
    port,
    net.isIPv6(address) ? 6 : 4,
    null,
    0,
  );
  const place = `${address}:${port}`;
  if (typeof created === "number")
    throw new EdgeError("INTERNAL", { detail: `cannot listen on ${place}: ${describe(created)}` });
  const status = created.getsockname({});
  if (status !== 0) {
    created.close();
    throw new EdgeError("INTERNAL", { detail: `cannot listen on ${place}: ${describe(status)}` });
  }
  return created;
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
