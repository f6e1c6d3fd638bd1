import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { syslogMoment } from "./moments.ts";
import { rememberingLookup } from "./rememberingLookup.ts";

export interface SyslogTarget {
  readonly priority: number;
  readonly host: string;
  readonly port: number;
}

/** Lines longer than this are cut: with the header they fit into one datagram (LOG-198). */
const DATAGRAM_BYTES = 65_000;

/** Datagrams on their way at most; a receiver that is not resolved or a full socket costs lines, not memory. */
const UNDER_WAY = 1_000;

export interface SyslogSenderParts {
  /** Own name or address, without blanks. */
  readonly hostName: string;
  /** Tag up to the name of the log (LOG-196). */
  readonly tagPrefix: string;
  readonly now: () => number;
  readonly onDropped: (lines: number) => void;
}

/** Sends lines by UDP as RFC 3164 frames them; nobody waits for it. */
export class SyslogSender {
  readonly #parts: SyslogSenderParts;
  /** Hears each line that is handed over, as its datagrams have it behind their priority; valid during the call. */
  listener: ((line: Buffer) => void) | undefined;
  #sockets: { 4?: Socket; 6?: Socket } = {};
  #underWay = 0;
  readonly #lookup = rememberingLookup();

  constructor(parts: SyslogSenderParts) {
    this.#parts = parts;
  }

  /** `log`: its name in upper case. */
  send(targets: readonly SyslogTarget[], log: string, line: Uint8Array): void {
    if (targets.length === 0) return;
    const { hostName, tagPrefix, now, onDropped } = this.#parts;
    const head = `${syslogMoment(now())} ${hostName} ${tagPrefix}/${log}: `;
    const text = Buffer.from(line.subarray(0, DATAGRAM_BYTES - head.length));
    this.listener?.(Buffer.concat([Buffer.from(head, "latin1"), text]));
    for (const { priority, host, port } of targets) {
      if (this.#underWay >= UNDER_WAY) {
        onDropped(1);
        continue;
      }
      this.#underWay++;
      const datagram = [Buffer.from(`<${priority}>${head}`, "latin1"), text];
      this.#socketFor(host).send(datagram, port, host, (error) => {
        this.#underWay--;
        if (error !== null) onDropped(1);
      });
    }
  }

  close(): void {
    this.#sockets[4]?.close();
    this.#sockets[6]?.close();
    this.#sockets = {};
  }

  #socketFor(host: string): Socket {
    const family = isIPv6(host) ? 6 : 4;
    let socket = this.#sockets[family];
    if (socket === undefined) {
      socket = createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: this.#lookup });
      socket.on("error", () => {});
      socket.unref();
      this.#sockets[family] = socket;
    }
    return socket;
  }
}
