import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Invalidation } from "@basalt/cache";
import { Channel, portOverSocket } from "@basalt/ipc";
import type { PurgeAnswer, PurgeCall } from "@basalt/server";
import { EdgeError } from "@basalt/types";
import type { HostLink } from "./hostLink.ts";
import type { OrphanClient, OrphanHost } from "./orphanProtocol.ts";
import { isRunning, type ProcessIdentity } from "./processIdentity.ts";
import type { LogLevel } from "./protocol.ts";
import { createStandIn } from "./standIn.ts";

const CONNECT_EVERY_MS = 50;
const LAUNCHER_CHECK_MS = 500;
/** A purge that came to a service port waits so long for the next primary. */
const PURGE_LIMIT_MS = 5_000;
const NO_PRIMARY = JSON.stringify({ status: "Fail", result: "The server is being restarted; try again." });

/** What a worker needs to outlive its primary. */
export interface SurvivalSettings {
  /** Who keeps the sockets and starts the next primary; without one nobody follows. */
  readonly launcher: ProcessIdentity | undefined;
  /** Where the next primary is to be found. */
  readonly socketPath: string;
  readonly drainMs: number;
}

export interface OrphanBeginning {
  readonly isInService: boolean;
  /** Its own primary had it drain. */
  readonly isDraining: boolean;
  readonly reason: string;
}

export interface OrphanLifeParts {
  readonly link: HostLink;
  readonly settings: () => SurvivalSettings;
  /** Nothing is written any more; resolves when the writes under way have ended. */
  readonly seal: () => Promise<void>;
  /** News of other workers do not come any more. */
  readonly cutOff: () => void;
  readonly invalidate: (invalidation: Invalidation) => Promise<void>;
  readonly unlisten: (place: string) => void;
  readonly drain: (limitMs: number) => void;
  readonly exit: () => void;
  /** What is said while nobody keeps the log. */
  readonly print: (text: string) => void;
}

/**
 * The life of a worker behind the end of its primary: it serves what is stored, fetches what is not without storing it,
 * and looks for the next primary, which tells it what is purged, and to drain as soon as others serve.
 */
export class OrphanLife {
  readonly #parts: OrphanLifeParts;
  #host: Channel<OrphanClient, OrphanHost> | undefined;
  #outdated: { readonly vhost: string; readonly urls: readonly string[] }[] = [];
  #isOrphan = false;
  #isDraining = false;
  /** The primary that had it drain has left on purpose. */
  #isExpectingAnother = true;

  constructor(parts: OrphanLifeParts) {
    this.#parts = parts;
  }

  /**
   * To be called once; with `isInService` false, others accept already, or will: it only finishes what it has, and where
   * it `isDraining` already, as long as it was told.
   */
  begin({ isInService, isDraining, reason }: OrphanBeginning): void {
    if (this.#isOrphan) return;
    this.#isOrphan = true;
    const { link, settings, seal, cutOff, invalidate } = this.#parts;
    void seal();
    link.cutOff(
      createStandIn({
        link,
        invalidate,
        handOn: (outdated) => this.#handOn(outdated),
        purge: (call) => this.#purge(call),
      }),
    );
    cutOff();
    const { launcher, drainMs } = settings();
    if (!isInService || isDraining || launcher === undefined) {
      this.#isDraining = true;
      if (!isDraining) this.drain(drainMs);
      if (launcher === undefined) return;
    } else {
      this.log("notice", `${reason}: serves on without a primary`);
    }
    void this.#lookForPrimary();
    setInterval(() => this.#watchLauncher(), LAUNCHER_CHECK_MS).unref();
  }

  get isOrphan(): boolean {
    return this.#isOrphan;
  }

  log(level: LogLevel, text: string): void {
    if (this.#host?.isOpen === true) this.#host.tell("log", { level, text });
    else this.#parts.print(text);
  }

  /** It may be called again, with less time. */
  drain(limitMs: number): void {
    this.#isDraining = true;
    this.#parts.drain(limitMs);
  }

  async #lookForPrimary(): Promise<void> {
    for (;;) {
      const host = await this.#connect();
      if (host === undefined) {
        await pause(CONNECT_EVERY_MS);
        continue;
      }
      this.#isExpectingAnother = false;
      host.onClose(() => this.#hostGone());
      const { pid } = process;
      const newestVersion = Math.floor(this.#parts.link.newestVersion);
      const hasArrived = await host.call("arrive", { pid, newestVersion }).then(
        () => true,
        () => false,
      );
      if (!hasArrived) return;
      this.#host = host;
      return;
    }
  }

  #hostGone(): void {
    this.#host = undefined;
    // A primary whose workers serve has ended by a crash: there is to be one generation without a primary, not two.
    if (this.#isDraining && !this.#isExpectingAnother) this.#parts.exit();
    else void this.#lookForPrimary();
  }

  #connect(): Promise<Channel<OrphanClient, OrphanHost> | undefined> {
    return new Promise((resolve) => {
      const socket = connect(this.#parts.settings().socketPath);
      socket.once("error", () => resolve(undefined));
      socket.once("connect", () => {
        resolve(
          new Channel<OrphanClient, OrphanHost>(
            portOverSocket(socket),
            {
              invalidate: async (invalidations) => {
                const { link, invalidate } = this.#parts;
                for (const { version } of invalidations) link.noteVersion(version);
                await Promise.all(invalidations.map(invalidate));
                return null;
              },
              unlisten: ({ place }) => {
                this.#parts.unlisten(place);
                return null;
              },
            },
            {
              ...NO_NEWS,
              drain: ({ limitMs }) => {
                this.#giveOutdated();
                this.drain(limitMs);
              },
              leaving: () => {
                this.#isExpectingAnother = true;
              },
            },
          ),
        );
      });
    });
  }

  #watchLauncher(): void {
    const { launcher, drainMs } = this.#parts.settings();
    if (this.#isDraining || launcher === undefined || this.#host !== undefined) return;
    if (!isRunning(launcher)) this.drain(drainMs);
  }

  #handOn(outdated: { readonly vhost: string; readonly urls: readonly string[] }): void {
    this.#outdated.push(outdated);
    if (this.#isDraining) this.#giveOutdated();
  }

  /** What unsafe requests have made out of date goes to the primary that serves. */
  #giveOutdated(): void {
    const host = this.#host;
    if (host === undefined) return;
    for (const outdated of this.#outdated.splice(0)) {
      host.call("outdated", outdated).catch(() => {
        if (this.#host !== host) this.#outdated.push(outdated);
      });
    }
  }

  async #purge(call: PurgeCall): Promise<PurgeAnswer> {
    const limitMs = performance.now() + PURGE_LIMIT_MS;
    while (performance.now() < limitMs) {
      try {
        if (this.#host !== undefined) return await this.#host.call("purge", call);
      } catch (cause) {
        if (EdgeError.from(cause).code !== "SHUTTING_DOWN") throw cause;
      }
      await pause(CONNECT_EVERY_MS);
    }
    return { status: 503, body: NO_PRIMARY };
  }
}

const ignore = (): void => {};

/** What concerns fills of other workers, and what may be forgotten: an orphan follows nothing and forgets nothing. */
const NO_NEWS = {
  fillUpdate: ignore,
  shareFill: ignore,
  partUpdate: ignore,
  sharePart: ignore,
  trimPart: ignore,
  settled: ignore,
} as const;
