import type net from "node:net";
import { type RawFrame, readFrames } from "./rawFrames.ts";

/** A client that sends whatever frames it likes. */
export class RawClient {
  readonly frames: RawFrame[] = [];
  isClosed = false;
  readonly #socket: net.Socket;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (data) => {
      const { frames, rest } = readFrames(Buffer.concat([this.#rest, data]));
      this.frames.push(...frames);
      this.#rest = rest;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  send(...frames: readonly Buffer[]): this {
    this.#socket.write(Buffer.concat(frames));
    return this;
  }

  /** What has come so far of one type. */
  of(type: number): RawFrame[] {
    return this.frames.filter((each) => each.type === type);
  }
}
