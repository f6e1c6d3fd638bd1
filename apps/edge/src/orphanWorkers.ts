import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ObjectCoordinator } from "@basalt/cache";
import { Channel, portOverSocket } from "@basalt/ipc";
import { controlSocketPath } from "@basalt/management";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import type { OrphanClient, OrphanHost } from "./orphanProtocol.ts";
import { isRunning, type ProcessIdentity, signalTo } from "./processIdentity.ts";

/** Beside the management socket, and no longer than that. */
export const orphanSocketPath = (home: string): string =>
  controlSocketPath(home).replace(/(basalt)?\.sock$/, (_, name) =>
    name === undefined ? ".orphan.sock" : "orphan.sock",
  );

/** A worker that answers nothing for so long is stuck: it might serve what is purged. */
const ARRIVAL_LIMIT_MS = 3_000;
const POLL_MS = 10;
/** Behind the limit that a worker keeps by itself. */
const GRACE_MS = 2_000;

interface Guest {
  readonly pid: number;
  readonly newestVersion: number;
  readonly channel: Channel<OrphanHost, OrphanClient>;
}

/** Once the primary can answer: what it offers to the workers that it has not started. */
export interface OrphanHostParts {
  readonly coordinator: Pick<ObjectCoordinator, "startBehind" | "addWorker" | "removeWorker" | "outdated">;
  readonly purge: (call: PurgeCall) => Promise<PurgeAnswer>;
}

/**
 * Workers of an earlier primary that serve until those of this one do. While they serve they are told of every
 * invalidation, as if they were workers of this primary.
 */
export class OrphanWorkers {
  readonly #path: string;
  readonly #log: Pick<InfoLog, "notice" | "warning" | "error">;
  readonly #arrivalLimitMs: number;
  readonly #expected: readonly ProcessIdentity[];
  readonly #server: Server;
  readonly #guests = new Map<number, Guest>();
  #parts: OrphanHostParts | undefined;
  #drainMs: number | undefined;
  #killAtMs = Number.POSITIVE_INFINITY;

  /** Listens at once, so that they are there when the store is open. */
  constructor(
    path: string,
    expected: readonly ProcessIdentity[],
    log: Pick<InfoLog, "notice" | "warning" | "error">,
    arrivalLimitMs = ARRIVAL_LIMIT_MS,
  ) {
    this.#path = path;
    this.#arrivalLimitMs = arrivalLimitMs;
    this.#log = log;
    this.#expected = expected;
    this.#server = createServer((socket) => this.#receive(socket));
    this.#server.on("error", (error) => log.warning(`workers of the last primary cannot be reached: ${error.message}`));
    rmSync(path, { force: true });
    if (expected.length > 0) this.#listen();
  }

  /** Resolves when every one of them follows this primary; those that do not answer are killed. */
  async gather(parts: OrphanHostParts): Promise<void> {
    if (this.#expected.length === 0) return;
    const limitMs = performance.now() + this.#arrivalLimitMs;
    while (this.#missing().length > 0 && performance.now() < limitMs) await pause(POLL_MS);
    for (const stuck of this.#missing()) {
      this.#log.warning(`worker of the last primary, pid ${stuck.pid}, does not answer and is killed`);
      signalTo(stuck, "SIGKILL");
    }
    while (this.#missing().length > 0) await pause(POLL_MS);
    this.#parts = parts;
    for (const guest of this.#guests.values()) this.#enter(guest, parts);
    if (this.#guests.size > 0) this.#log.notice(`${this.#guests.size} workers of the last primary serve meanwhile`);
  }

  /** Resolves when they accept nothing more at these places. */
  async unlisten(places: readonly string[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (const { channel } of this.#guests.values()) {
      for (const place of places) calls.push(channel.call("unlisten", { place }).catch(() => null));
    }
    await Promise.all(calls);
  }

  /**
   * The workers of this primary serve: the others finish what they do. Resolves when they have ended. It may be called
   * again, with less time.
   */
  async drain(limitMs: number): Promise<void> {
    this.#drainMs = Math.min(limitMs, this.#drainMs ?? limitMs);
    this.#killAtMs = Math.min(this.#killAtMs, performance.now() + limitMs + GRACE_MS);
    for (const { channel } of this.#guests.values()) channel.tell("drain", { limitMs });
    while (this.#living().length > 0 && performance.now() < this.#killAtMs) await pause(POLL_MS * 10);
    for (const late of this.#living()) signalTo(late, "SIGKILL");
    this.#close();
  }

  /** The next primary will be theirs. */
  leave(): void {
    for (const { channel } of [...this.#guests.values()]) {
      channel.tell("leaving", null);
      channel.close();
    }
    this.#close();
  }

  #listen(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const previousMask = process.umask(0o177);
    try {
      this.#server.listen(this.#path, () => chmodSync(this.#path, 0o600));
    } finally {
      process.umask(previousMask);
    }
  }

  #living(): ProcessIdentity[] {
    return this.#expected.filter(isRunning);
  }

  #missing(): ProcessIdentity[] {
    return this.#living().filter(({ pid }) => !this.#guests.has(pid));
  }

  #receive(socket: Socket): void {
    let guest: Guest | undefined;
    const channel: Channel<OrphanHost, OrphanClient> = new Channel<OrphanHost, OrphanClient>(
      portOverSocket(socket),
      {
        arrive: ({ pid, newestVersion }) => {
          guest = { pid, newestVersion, channel };
          this.#guests.set(pid, guest);
          // Nobody waited for it: it has missed what was purged meanwhile.
          if (this.#parts !== undefined) channel.tell("drain", { limitMs: 0 });
          else if (this.#drainMs !== undefined) channel.tell("drain", { limitMs: this.#drainMs });
          return null;
        },
        purge: (call) => this.#served().purge(call),
        outdated: ({ vhost, urls }) => this.#served().coordinator.outdated(vhost, urls),
      },
      { log: ({ level, text }) => this.#log[level](`worker of the last primary, pid ${guest?.pid ?? 0}: ${text}`) },
    );
    channel.onClose(() => {
      if (guest === undefined || this.#guests.get(guest.pid) !== guest) return;
      this.#guests.delete(guest.pid);
      this.#parts?.coordinator.removeWorker(-guest.pid);
    });
  }

  #served(): OrphanHostParts {
    if (this.#parts === undefined) throw new EdgeError("SHUTTING_DOWN", { detail: "the next primary is starting" });
    return this.#parts;
  }

  /** Numbers of its own workers are positive. */
  #enter({ pid, newestVersion, channel }: Guest, { coordinator }: OrphanHostParts): void {
    coordinator.startBehind(newestVersion);
    coordinator.addWorker(-pid, channel);
  }

  #close(): void {
    this.#server.close();
    rmSync(this.#path, { force: true });
  }
}
