import { describe, expect, it } from "vitest";
import type { Http2Transport } from "../../src/http2/frameSender.ts";
import { type SocketHandler, serveHttp2 } from "../../src/index.ts";
import { HOST, TestEdge } from "../support/edge.ts";
import { turns } from "../support/waiting.ts";
import { headers, PREFACE, type RawFrame, readFrames, requestBlock, settings, windowUpdate } from "./rawFrames.ts";

/** A client that takes a little each second: one write at a time, as TLS hands them on. */
class SlowTransport implements Http2Transport {
  readonly remoteAddress = "192.0.2.7";
  readonly remotePort = 40_000;
  readonly localAddress = "192.0.2.1";
  readonly tls = undefined;
  handler: SocketHandler | undefined;
  isDestroyed = false;
  hasEnded = false;
  unsentBytes = 0;
  readonly #taken: Buffer[] = [];
  #unsent = Buffer.alloc(0);

  mayWrite(): boolean {
    return this.unsentBytes === 0;
  }

  write(data: Buffer): boolean {
    if (this.isDestroyed) return true;
    this.#unsent = Buffer.concat([this.#unsent, data]);
    this.unsentBytes = this.#unsent.length;
    return false;
  }

  writePair(head: Buffer, body: Buffer): boolean {
    this.write(head);
    return this.write(body);
  }

  /** The client takes so much more. */
  take(byteCount: number): void {
    if (this.isDestroyed || this.unsentBytes === 0) return;
    this.#taken.push(Buffer.from(this.#unsent.subarray(0, byteCount)));
    this.#unsent = this.#unsent.subarray(byteCount);
    this.unsentBytes = this.#unsent.length;
    if (this.unsentBytes === 0 && !this.hasEnded) this.handler?.onDrain();
  }

  get frames(): readonly RawFrame[] {
    return readFrames(Buffer.concat(this.#taken)).frames;
  }

  visitUnsent(): void {}
  pauseReading(): void {}
  resumeReading(): void {}

  end(): void {
    this.hasEnded = true;
  }

  endWriting(): void {}

  reset(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.handler?.onClose();
  }
}

describe("the end of a connection whose client is slow", () => {
  it("6.8 comes when the client has taken its answers, or takes nothing any more", async () => {
    const edge = new TestEdge();
    await edge.store("/large", "x".repeat(100_000));
    const transport = new SlowTransport();
    serveHttp2(
      edge.server,
      transport,
      (handler) => {
        transport.handler = handler;
      },
      80,
    );
    const sent = Buffer.concat([
      PREFACE,
      settings([[4, 1_000_000]]),
      windowUpdate(0, 1_000_000),
      headers(1, requestBlock(HOST, "/large")),
    ]);
    transport.handler?.onData(sent, 0, sent.length);
    await turns(3);
    edge.server.leavePort(80);
    for (let second = 0; second < 55; second++) {
      transport.take(2_000);
      await turns(2);
      edge.advanceSeconds(1);
    }
    const bodyBytes = transport.frames
      .filter(({ type }) => type === 0)
      .reduce((sum, { payload }) => sum + payload.length, 0);
    expect(bodyBytes).toBe(100_000);
    expect([transport.hasEnded, edge.defects]).toEqual([true, []]);
  });

  it("6.8 a client that takes nothing is not waited for longer than the send time-out", async () => {
    const edge = new TestEdge();
    await edge.store("/large", "x".repeat(100_000));
    const transport = new SlowTransport();
    serveHttp2(
      edge.server,
      transport,
      (handler) => {
        transport.handler = handler;
      },
      80,
    );
    const sent = Buffer.concat([PREFACE, settings([[4, 1_000_000]]), headers(1, requestBlock(HOST, "/large"))]);
    transport.handler?.onData(sent, 0, sent.length);
    await turns(3);
    edge.server.leavePort(80);
    for (let second = 0; second < 70; second++) edge.advanceSeconds(1);
    expect(transport.isDestroyed).toBe(true);
  });
});
