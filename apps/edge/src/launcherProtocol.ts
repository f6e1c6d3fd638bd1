import type { TicketKey } from "@basalt/server";
import type { ProcessIdentity } from "./processIdentity.ts";

/** Keys of session tickets: in the memory of processes only, never on a disk. */
export interface KeptTicketKeys {
  /** The first encrypts. */
  readonly keys: readonly TicketKey[];
  /** When the first began to. */
  readonly sinceMs: number;
}

/** An end that the instance has been told of (AWS-28). */
export interface KeptTermination {
  /** From now on it serves for so long, but is not ready. */
  readonly leaveMs: number;
  /** Undefined: as is configured. */
  readonly drainMs: number | undefined;
}

/** What the launcher has kept for the primary that comes next. */
export interface KeptForPrimary {
  readonly launcher: ProcessIdentity;
  /** Workers of earlier primaries that still run. */
  readonly orphans: readonly ProcessIdentity[];
  /** By which the orphans still give out sessions; undefined at the first start. */
  readonly ticketKeys: KeptTicketKeys | undefined;
  readonly termination: KeptTermination | undefined;
}

/** A listening socket travels with the event. */
export interface KeptSocket {
  /** `address:port` */
  readonly place: string;
  readonly port: number;
  /** systemd made it, and holds it whatever we do. */
  readonly isActivated: boolean;
}

/** What the launcher offers to the primary. It never accepts from the sockets that it keeps. */
export interface LauncherService {
  readonly calls: {
    /** The sockets come as `socket` events before the answer. */
    takeOver: { readonly request: null; readonly reply: KeptForPrimary };
    /** Answered when this process no longer holds the socket. */
    release: { readonly request: { readonly place: string }; readonly reply: null };
    /** The process may outlive the primary: whoever comes next is to know of it. */
    enlist: { readonly request: ProcessIdentity; readonly reply: null };
  };
  readonly events: {
    /** Keep this socket; the handle travels with the event. */
    hold: KeptSocket;
    dismiss: { readonly pid: number };
    /** In place of those told before. */
    keepTicketKeys: KeptTicketKeys;
    /** In place of what was told before. */
    keepTermination: KeptTermination;
  };
}

/** What the primary offers to its launcher. */
export interface LaunchedService {
  readonly calls: Readonly<Record<never, never>>;
  readonly events: { readonly socket: KeptSocket };
}
