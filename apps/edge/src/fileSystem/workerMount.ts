import { mkdir } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { MountSettings } from "@basalt/config";
import { FileSystem, FuseDevice, type MountPoint, mountDevice, unmount, unmountAll } from "@basalt/filesystem";
import { type EdgeServer, InternalRequests, nextSessionNumber, sessionIdOf } from "@basalt/server";
import type { CounterBlock } from "@basalt/telemetry";
import type { LoggedFileAccess } from "@basalt/telemetry/logs";
import { type Clock, EdgeError } from "@basalt/types";
import { CacheSource } from "./cacheSource.ts";
import { FileCounts } from "./fileCounts.ts";

const SWEEP_MS = 1_000;
/** For the kernel to say what it can do. */
const INIT_LIMIT_MS = 10_000;
/** A file that nobody has read for so long holds up no end. */
const QUIET_MS = 500;
const QUIET_CHECK_MS = 50;

export interface WorkerMountParts {
  readonly clock: Clock;
  readonly counters: CounterBlock;
  readonly server: () => EdgeServer | undefined;
  readonly logAccess: (vhost: string, access: LoggedFileAccess) => void;
  readonly onUnmounted: () => void;
  readonly onDefect: (error: unknown) => void;
}

interface Held {
  readonly device: FuseDevice;
  readonly fileSystem: FileSystem;
  readonly requests: InternalRequests;
  readonly sweeping: NodeJS.Timeout;
  point: MountPoint | undefined;
}

/**
 * The mount of the cache, in the one worker that holds it. This process must never look at what lies below the mount point
 * by a call that blocks: it would wait for itself.
 */
export class WorkerMount {
  readonly #parts: WorkerMountParts;
  #held: Held | undefined;

  constructor(parts: WorkerMountParts) {
    this.#parts = parts;
  }

  /** Resolves when it is mounted; a text says why it could not be. */
  async begin(settings: MountSettings): Promise<string | undefined> {
    const server = this.#parts.server();
    if (server === undefined || this.#held !== undefined) return "the worker is not ready for it";
    try {
      await unmountAll(settings.path);
      await mkdir(settings.path, { recursive: true });
      return await this.#mount(settings, server);
    } catch (error) {
      return EdgeError.from(error).detail ?? String(error);
    }
  }

  /** Takes the mount away; who has a file open may go on. */
  async unmount(): Promise<void> {
    const point = this.#held?.point;
    if (point === undefined) return;
    await unmount(point).catch(() => undefined);
    this.#parts.onUnmounted();
  }

  /** Resolves when nobody waits, and nobody has read an open file for a while. */
  async whenQuiet(): Promise<void> {
    while (this.#held?.fileSystem.isBusy(QUIET_MS) === true) await pause(QUIET_CHECK_MS);
  }

  /** Ends it for whoever has a file open. */
  close(): void {
    if (this.#held !== undefined) this.#close(this.#held);
  }

  async #mount(settings: MountSettings, server: EdgeServer): Promise<string | undefined> {
    const device = new FuseDevice();
    const requests = new InternalRequests(server);
    const ready = Promise.withResolvers<boolean>();
    const fileSystem = this.#fileSystemOf(settings, device, new CacheSource(server, requests), ready.resolve);
    const sweeping = setInterval(() => fileSystem.sweep(), SWEEP_MS);
    sweeping.unref();
    const held: Held = { device, fileSystem, requests, sweeping, point: undefined };
    this.#held = held;
    const point = await mountDevice(device, settings.path);
    if (typeof point === "string") {
      this.#close(held);
      return point;
    }
    held.point = point;
    device.start({
      onMessage: (message) => fileSystem.accept(message),
      onEnd: () => {
        ready.resolve(false);
        if (this.#held !== held) return;
        this.#close(held);
        this.#parts.onUnmounted();
      },
    });
    const isReady = await Promise.race([ready.promise, pause(INIT_LIMIT_MS, false, { ref: false })]);
    if (isReady) return undefined;
    await unmount(point).catch(() => undefined);
    this.#close(held);
    return "the kernel does not speak a version of the protocol that is known here";
  }

  #fileSystemOf(
    { dotDir, separator }: MountSettings,
    device: FuseDevice,
    source: CacheSource,
    onReady: (isUsable: boolean) => void,
  ): FileSystem {
    const { clock, counters, logAccess, onDefect } = this.#parts;
    return new FileSystem({
      settings: { dotDir, separator },
      source,
      counting: new FileCounts(counters),
      transactions: {
        monotonicMs: () => clock.monotonic(),
        nextSession: () => sessionIdOf(nextSessionNumber()),
        log: logAccess,
      },
      answer: (...pieces) => device.answer(...pieces),
      onReady,
      ownUid: process.getuid?.() ?? 0,
      onDefect,
    });
  }

  #close(held: Held): void {
    if (this.#held === held) this.#held = undefined;
    clearInterval(held.sweeping);
    held.fileSystem.close();
    held.requests.close();
    held.device.close();
  }
}
