import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { COLLECTOR_HEADER } from "@basalt/telemetry";

/** Datagrams on their way at most: what a full socket or a name that does not resolve costs is documents, not memory. */
const UNDER_WAY = 1_000;
/** A name that does not resolve is not asked for again for so long. */
const PAUSE_MS = 1_000;

interface Target {
  readonly host: string;
  readonly port: number;
  /** Of the monotonic clock. */
  pausedUntilMs: number;
}

/** `{host}:{port}`, an IPv6 address in brackets. */
const targetOf = (address: string): Target => {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(colon + 1)), pausedUntilMs: 0 };
};

/** Sends segment documents to local collectors by UDP (AWS-98); nobody waits for it. */
export class CollectorSender {
  readonly #onDropped: () => void;
  readonly #targets = new Map<string, Target>();
  #sockets: { 4?: Socket; 6?: Socket } = {};
  #underWay = 0;

  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
  }

  send(address: string, document: string): void {
    const target = this.#targets.get(address) ?? targetOf(address);
    this.#targets.set(address, target);
    if (this.#underWay >= UNDER_WAY || performance.now() < target.pausedUntilMs) {
      this.#onDropped();
      return;
    }
    this.#underWay++;
    this.#socketFor(target.host).send(
      Buffer.from(COLLECTOR_HEADER + document, "utf8"),
      target.port,
      target.host,
      (error) => {
        this.#underWay--;
        if (error === null) return;
        target.pausedUntilMs = performance.now() + PAUSE_MS;
        this.#onDropped();
      },
    );
  }

  close(): void {
    this.#sockets[4]?.close();
    this.#sockets[6]?.close();
    this.#sockets = {};
    this.#targets.clear();
  }

  #socketFor(host: string): Socket {
    const family = isIPv6(host) ? 6 : 4;
    let socket = this.#sockets[family];
    if (socket === undefined) {
      socket = createSocket(family === 6 ? "udp6" : "udp4");
      socket.on("error", () => {});
      socket.unref();
      this.#sockets[family] = socket;
    }
    return socket;
  }
}
