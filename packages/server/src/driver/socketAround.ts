import type { ClientTls } from "@basalt/telemetry";
import type { ClientSocket } from "./contract.ts";

/** A client's byte stream around another one, as which it reads, breaks off and is known; how it writes is its own. */
export abstract class SocketAround implements ClientSocket {
  protected readonly inner: ClientSocket;

  constructor(inner: ClientSocket) {
    this.inner = inner;
  }

  abstract write(data: Buffer): boolean;
  abstract writePair(head: Buffer, body: Buffer): boolean;
  abstract get pieceBytes(): number | undefined;
  abstract get unsentBytes(): number;
  abstract visitUnsent(visit: (data: Buffer) => void): void;
  abstract end(): void;
  abstract endWriting(): void;

  get bodyRoomBytes(): number | undefined {
    return this.inner.bodyRoomBytes;
  }

  pauseReading(): void {
    this.inner.pauseReading();
  }

  resumeReading(): void {
    this.inner.resumeReading();
  }

  reset(): void {
    this.inner.reset();
  }

  destroy(): void {
    this.inner.destroy();
  }

  get remoteAddress(): string {
    return this.inner.remoteAddress;
  }

  get remotePort(): number {
    return this.inner.remotePort;
  }

  get localAddress(): string {
    return this.inner.localAddress;
  }

  get tls(): ClientTls | undefined {
    return this.inner.tls;
  }
}
