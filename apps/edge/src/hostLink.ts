import { type CallHandlers, Channel, createPortPair } from "@basalt/ipc";
import { EdgeError } from "@basalt/types";
import type { PrimaryService, WorkerService } from "./protocol.ts";

type PrimaryChannel = Channel<WorkerService, PrimaryService>;

/** What answers a worker's calls when its primary is gone. */
export type StandIn = CallHandlers<PrimaryService>;

interface StandInService {
  readonly calls: PrimaryService["calls"];
  readonly events: Readonly<Record<never, never>>;
}

interface Nothing {
  readonly calls: Readonly<Record<never, never>>;
  readonly events: Readonly<Record<never, never>>;
}

/**
 * The worker's way to its primary, whose calls are answered by a stand-in from the moment on in which the primary is
 * gone; calls that waited for an answer are made once more there. What is told then is told to nobody.
 */
export class HostLink {
  readonly #channel: Pick<PrimaryChannel, "call" | "tell">;
  #standIn: Channel<Nothing, StandInService> | undefined;
  #newestVersion = 0;

  constructor(channel: Pick<PrimaryChannel, "call" | "tell">) {
    this.#channel = channel;
  }

  get isCutOff(): boolean {
    return this.#standIn !== undefined;
  }

  /** Latest version that this worker has heard of: objects in its memory have none that is later. */
  get newestVersion(): number {
    return this.#newestVersion;
  }

  noteVersion(version: number): void {
    this.#newestVersion = Math.max(this.#newestVersion, version);
  }

  cutOff(standIn: StandIn): void {
    if (this.#standIn !== undefined) return;
    const [near, far] = createPortPair();
    this.#standIn = new Channel<Nothing, StandInService>(near, {}, {});
    // Answers as long as the other end of the pair is there.
    new Channel<StandInService, Nothing>(far, standIn, {});
  }

  readonly call: PrimaryChannel["call"] = async (name, request) => {
    if (this.#standIn !== undefined) return await this.#standIn.call(name, request);
    try {
      const reply = await this.#channel.call(name, request);
      this.#noteVersionsIn(reply);
      return reply;
    } catch (cause) {
      const standIn = this.#currentStandIn();
      if (standIn === undefined || EdgeError.from(cause).code !== "SHUTTING_DOWN") throw cause;
      return await standIn.call(name, request);
    }
  };

  readonly tell: PrimaryChannel["tell"] = (name, event) => {
    if (this.#standIn === undefined) this.#channel.tell(name, event);
  };

  /** For the compiler: it may have come while an answer was awaited. */
  #currentStandIn(): Channel<Nothing, StandInService> | undefined {
    return this.#standIn;
  }

  /** Of a grant, or of an object that somebody stored. */
  #noteVersionsIn(reply: unknown): void {
    if (typeof reply !== "object" || reply === null) return;
    if ("version" in reply && typeof reply.version === "number") this.noteVersion(reply.version);
    if ("row" in reply) this.#noteVersionsIn(reply.row);
  }
}
