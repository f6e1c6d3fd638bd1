import type { ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { Channel, portToChild } from "@basalt/ipc";
import {
  inheritedListeningSocket,
  type ListeningHandle,
  receivedListeningSocket,
} from "@basalt/server/listening-socket";
import type {
  KeptSocket,
  KeptTermination,
  KeptTicketKeys,
  LaunchedService,
  LauncherService,
} from "./launcherProtocol.ts";
import { identify, isRunning, type ProcessIdentity, signalTo } from "./processIdentity.ts";

/** First descriptor that a service manager passes (sd_listen_fds). */
const FIRST_DESCRIPTOR = 3;
const POLL_MS = 50;
/** Workers that are to end have their own limit, `<DrainSeconds>`; this one is for those that do not. */
const END_LIMIT_MS = 60_000;

interface Kept extends KeptSocket {
  readonly handle: ListeningHandle;
}

/**
 * What outlives a primary, in the launcher: the listening sockets, which it never accepts from, the names of the workers
 * that go on without their primary, the keys of session tickets, and the end that the instance has been told of.
 */
export class SocketKeeper {
  readonly #sockets = new Map<string, Kept>();
  readonly #workers = new Map<number, ProcessIdentity>();
  #ticketKeys: KeptTicketKeys | undefined;
  #termination: (KeptTermination & { readonly toldMs: number }) | undefined;

  /** Takes the sockets that systemd has passed to this process (LISTEN_PID, LISTEN_FDS); returns their places. */
  takeActivated(environment: NodeJS.ProcessEnv): readonly string[] {
    const { LISTEN_PID, LISTEN_FDS } = environment;
    delete environment.LISTEN_PID;
    delete environment.LISTEN_FDS;
    delete environment.LISTEN_FDNAMES;
    if (LISTEN_PID !== String(process.pid) || !/^\d{1,3}$/.test(LISTEN_FDS ?? "")) return [];
    const places: string[] = [];
    for (let index = 0; index < Number(LISTEN_FDS); index++) {
      const found = inheritedListeningSocket(FIRST_DESCRIPTOR + index);
      if (found === undefined) continue;
      const place = `${found.address}:${found.port}`;
      this.#sockets.set(place, { place, port: found.port, isActivated: true, handle: found.handle });
      places.push(place);
    }
    return places;
  }

  /** Talks to a primary that has just been started with a process channel. */
  serve(primary: ChildProcess): void {
    const channel: Channel<LauncherService, LaunchedService> = new Channel<LauncherService, LaunchedService>(
      portToChild(primary),
      {
        takeOver: () => {
          for (const { handle, ...socket } of this.#sockets.values()) channel.tell("socket", socket, handle);
          return {
            launcher: identify(process.pid),
            orphans: this.orphans,
            ticketKeys: this.#ticketKeys,
            termination: this.termination,
          };
        },
        release: ({ place }) => {
          this.#sockets.get(place)?.handle.close();
          this.#sockets.delete(place);
          return null;
        },
        enlist: (worker) => {
          this.#workers.set(worker.pid, worker);
          return null;
        },
      },
      {
        hold: (socket, handle) => {
          if (handle === undefined) return;
          this.#sockets.get(socket.place)?.handle.close();
          this.#sockets.set(socket.place, { ...socket, handle: receivedListeningSocket(handle) });
        },
        dismiss: ({ pid }) => {
          this.#workers.delete(pid);
        },
        keepTicketKeys: (kept) => {
          this.#ticketKeys = kept;
        },
        keepTermination: (termination) => {
          this.#termination = { ...termination, toldMs: performance.now() };
        },
      },
    );
  }

  /** Workers that run; between two primaries these are the ones that serve. */
  get orphans(): readonly ProcessIdentity[] {
    for (const [pid, worker] of this.#workers) if (!isRunning(worker)) this.#workers.delete(pid);
    return [...this.#workers.values()];
  }

  /** What is left of the end that the instance has been told of. */
  get termination(): KeptTermination | undefined {
    if (this.#termination === undefined) return undefined;
    const { leaveMs, drainMs, toldMs } = this.#termination;
    return { leaveMs: Math.max(0, toldMs + leaveMs - performance.now()), drainMs };
  }

  /** Has workers without a primary finish what they do and end; resolves when none is left. */
  async endOrphans(): Promise<void> {
    for (const worker of this.orphans) signalTo(worker, "SIGTERM");
    const limitMs = performance.now() + END_LIMIT_MS;
    while (this.orphans.length > 0 && performance.now() < limitMs) await pause(POLL_MS);
    for (const worker of this.orphans) signalTo(worker, "SIGKILL");
  }

  close(): void {
    for (const { handle } of this.#sockets.values()) handle.close();
    this.#sockets.clear();
  }
}
