import { Channel, portToParent } from "@basalt/ipc";
import { type ListeningHandle, receivedListeningSocket } from "@basalt/server/listening-socket";
import type {
  KeptForPrimary,
  KeptSocket,
  KeptTermination,
  KeptTicketKeys,
  LaunchedService,
  LauncherService,
} from "./launcherProtocol.ts";
import type { ProcessIdentity } from "./processIdentity.ts";

export interface TakenSocket extends KeptSocket {
  readonly handle: ListeningHandle;
}

export interface TakenOver extends KeptForPrimary {
  readonly sockets: readonly TakenSocket[];
}

/** The launcher, seen from the primary that it has started. When it ends, the primary goes on without one. */
export class LauncherLink {
  readonly #channel: Channel<LaunchedService, LauncherService>;
  readonly #sockets: TakenSocket[] = [];

  private constructor() {
    this.#channel = new Channel<LaunchedService, LauncherService>(
      portToParent(),
      {},
      {
        socket: (socket, handle) => {
          if (handle !== undefined) this.#sockets.push({ ...socket, handle: receivedListeningSocket(handle) });
        },
      },
    );
  }

  /** Undefined where nobody has started this process as a primary, or the launcher has ended already. */
  static async open(): Promise<{ readonly link: LauncherLink; readonly taken: TakenOver } | undefined> {
    if (!process.connected) return undefined;
    const link = new LauncherLink();
    const kept = await link.#channel.call("takeOver", null).catch(() => undefined);
    return kept === undefined ? undefined : { link, taken: { ...kept, sockets: link.#sockets } };
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  onClose(listener: () => void): void {
    this.#channel.onClose(listener);
  }

  hold(socket: KeptSocket, handle: ListeningHandle): void {
    this.#channel.tell("hold", socket, handle);
  }

  /** Resolves when the launcher no longer holds the socket. */
  async release(place: string): Promise<void> {
    await this.#channel.call("release", { place }).catch(() => null);
  }

  /** Resolves when the launcher knows of a process that may outlive this one. */
  async enlist(process: ProcessIdentity): Promise<void> {
    await this.#channel.call("enlist", process).catch(() => null);
  }

  dismiss(pid: number): void {
    this.#channel.tell("dismiss", { pid });
  }

  /** For the next primary, so that clients go on with their sessions. */
  keepTicketKeys(kept: KeptTicketKeys): void {
    this.#channel.tell("keepTicketKeys", kept);
  }

  /** For the next primary, should this one end before. */
  keepTermination(termination: KeptTermination): void {
    this.#channel.tell("keepTermination", termination);
  }
}
