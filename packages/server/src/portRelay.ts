import type { PinnedVisitor } from "@basalt/cache";
import { blockKey, portBypassEndSlot, VHOST_SLOT } from "@basalt/telemetry";
import { isLoopbackClient } from "./clientCounting.ts";
import { ByteRelay } from "./delivery/byteRelay.ts";
import type { ClientSocket, SocketHandler } from "./driver/contract.ts";
import type { EdgeServer, ServedConnection } from "./edgeServer.ts";
import { PacedSocket } from "./pacing/pacedSocket.ts";
import { TokenBucket } from "./pacing/tokenBucket.ts";
import type { ServedVhost } from "./servedVhost.ts";

/** A port whose connections are relayed to the origin as they are (BYP-21, BYP-22). */
export interface BypassedPort {
  readonly vhost: ServedVhost;
  readonly originPort: number;
}

/**
 * One client connection on a bypassed port: a server is chosen and connected, then bytes go both ways until both sides
 * have ended or nothing has moved for BypassReceiveTimeout (OPEN 10).
 */
export class PortRelay implements SocketHandler, ServedConnection {
  readonly #server: EdgeServer;
  readonly #socket: ClientSocket;
  /** The socket where the traffic of the host is capped (BW-01, BW-02). */
  readonly #paced: PacedSocket | undefined;
  readonly #vhost: ServedVhost;
  readonly #idleMs: number;
  #giveUp: (() => void) | undefined;
  #relay: ByteRelay | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #endedBy: Parameters<typeof portBypassEndSlot>[0] = "client";
  #isClosed = false;
  /** Of this port. */
  readonly #portBlock: number;

  constructor(server: EdgeServer, socket: ClientSocket, localPort: number, { vhost }: BypassedPort) {
    this.#server = server;
    this.#paced = pacedSocketOf(server, socket, vhost, () => this.#drained());
    this.#socket = this.#paced ?? socket;
    this.#vhost = vhost;
    const isLocal = !vhost.settings.stats.clientLocal && isLoopbackClient(socket.remoteAddress);
    this.#portBlock = server.parts.counters.block(blockKey({ vhost: vhost.cache.name, isLocal, port: localPort }));
    this.#idleMs = vhost.settings.originOptions.bypassReceiveTimeoutSeconds * 1000;
  }

  /** Nothing is read from the client before there is somebody to say it to. */
  start(originPort: number): void {
    this.#socket.pauseReading();
    this.#count(VHOST_SLOT.portBypassOpen, 1);
    this.#giveUp = this.#vhost.cache.pool.connect(originPort, (error, origin) => {
      this.#giveUp = undefined;
      if (this.#isClosed) {
        origin?.destroy();
        return;
      }
      if (error !== null) {
        this.#count(VHOST_SLOT.portBypassFailures, 1);
        this.#socket.reset();
        return;
      }
      this.#count(VHOST_SLOT.portBypassConnections, 1);
      this.#relay = new ByteRelay(this.#socket, origin, {
        fromClient: (byteCount) => this.#moved(VHOST_SLOT.portBypassClientBytes, byteCount),
        fromOrigin: (byteCount) => this.#moved(VHOST_SLOT.portBypassOriginBytes, byteCount),
        over: (end) => {
          this.#endedBy = end === "broken" ? "origin" : end;
          if (end === "broken") this.#socket.reset();
          else this.#socket.end();
        },
      });
      this.#touch();
      this.#socket.resumeReading();
    });
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#relay?.fromClient(Buffer.from(buffer.subarray(start, end)));
  }

  onDrain(): void {
    if (this.#paced === undefined) this.#drained();
    else this.#paced.innerDrained();
  }

  #drained(): void {
    this.#touch();
    this.#relay?.clientDrained();
  }

  onEnd(): void {
    this.#relay?.clientEnded();
  }

  onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#paced?.closed();
    this.#giveUp?.();
    this.#relay?.destroy();
    if (this.#relay !== undefined) this.#count(portBypassEndSlot(this.#endedBy), 1);
    this.#count(VHOST_SLOT.portBypassOpen, -1);
    this.#server.forget(this);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Not HTTP: no session of a virtual host. */
  readonly block = -1;

  /** Counted as it moves. */
  countProgress(): void {}

  /** What is relayed is no content. */
  closeIfIdle(): void {}

  visitPinned(visit: PinnedVisitor): void {
    if (this.#socket.unsentBytes > 0) this.#socket.visitUnsent((data) => visit(data, false));
  }

  checkDeadline(monotonicMs: number): void {
    if (monotonicMs < this.#deadline) return;
    if (this.#paced?.isHeldBack === true) {
      this.#touch();
      return;
    }
    this.#endedBy = "idle";
    this.#socket.reset();
  }

  #moved(slot: number, byteCount: number): void {
    this.#count(slot, byteCount);
    this.#touch();
  }

  #count(slot: number, amount: number): void {
    const { counters } = this.#server.parts;
    counters.add(this.#vhost.counters + slot, amount);
    counters.add(this.#portBlock + slot, amount);
  }

  #touch(): void {
    this.#deadline = this.#server.parts.clock.monotonic() + this.#idleMs;
  }
}

/** Undefined where nothing is capped; throttling is about requests, of which there are none here. */
const pacedSocketOf = (
  { pacer }: EdgeServer,
  socket: ClientSocket,
  { bandwidth }: ServedVhost,
  onDrain: () => void,
): PacedSocket | undefined => {
  const { gate, sessionBytesPerSecond } = bandwidth ?? {};
  if (gate === undefined && sessionBytesPerSecond === undefined) return undefined;
  const paced = new PacedSocket(socket, pacer, onDrain);
  const session = sessionBytesPerSecond === undefined ? undefined : new TokenBucket(sessionBytesPerSecond, pacer.nowMs);
  paced.limit({ response: undefined, session, gate });
  return paced;
};
