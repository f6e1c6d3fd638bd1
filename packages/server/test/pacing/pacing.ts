import { PacedSocket, type PaceLimits } from "../../src/pacing/pacedSocket.ts";
import { Pacer } from "../../src/pacing/pacer.ts";
import { TokenBucket } from "../../src/pacing/tokenBucket.ts";
import type { TrafficGate } from "../../src/pacing/trafficGate.ts";
import { FakeSocket } from "../support/fakeSocket.ts";
import { TestClock } from "../support/testClock.ts";

/** A pacer whose time is told by the test. */
export class PacedWorld {
  readonly clock = new TestClock();
  readonly defects: unknown[] = [];
  readonly pacer = new Pacer(this.clock, (error) => this.defects.push(error));

  get nowMs(): number {
    return this.clock.monotonic();
  }

  /** Time passes in small steps, as it does. */
  advanceMs(ms: number, afterStep: () => void = () => {}): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.clock.advanceSeconds(Math.min(10, ms - passed) / 1000);
      this.pacer.tick();
      afterStep();
    }
  }

  gate(bytesPerSecond: number): TrafficGate {
    return this.pacer.gateOf("host", bytesPerSecond);
  }

  session(bytesPerSecond: number): TokenBucket {
    return new TokenBucket(bytesPerSecond, this.nowMs);
  }

  connect(limits: Partial<PaceLimits> = {}): PacedClient {
    const client = new PacedClient(this.pacer);
    client.paced.limit({ response: undefined, session: undefined, gate: undefined, ...limits });
    return client;
  }
}

/** A paced socket, the connection behind it, and the bytes that its client has got. */
export class PacedClient {
  readonly inner = new FakeSocket();
  readonly paced: PacedSocket;
  drains = 0;
  onDrain: () => void = () => {};

  constructor(pacer: Pacer) {
    this.paced = new PacedSocket(this.inner, pacer, () => {
      this.drains++;
      this.onDrain();
    });
    this.inner.handler = {
      onData: () => {},
      onDrain: () => this.paced.innerDrained(),
      onEnd: () => {},
      onClose: () => this.paced.closed(),
    };
  }

  get receivedBytes(): number {
    return this.inner.received.length;
  }

  /** Has always something more to send. */
  sendForEver(pieceBytes = 64 * 1024): this {
    const data = Buffer.alloc(pieceBytes);
    this.onDrain = () => {
      while (this.paced.write(data));
    };
    this.onDrain();
    return this;
  }
}

/** Bytes that differ, so that order and wholeness show. */
export const pattern = (byteCount: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: byteCount }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
