import { CounterBlock, tlsFailureSlot } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { type Handshake, TlsService } from "../../src/tls/tlsService.ts";

class Sender implements Handshake {
  heldBytes = 0;
  hasFailed = false;
  readonly #service: TlsService;

  constructor(service: TlsService) {
    this.#service = service;
    service.began(this);
  }

  send(byteCount: number): void {
    this.heldBytes += byteCount;
    this.#service.holds(byteCount);
  }

  fail(): void {
    this.hasFailed = true;
    this.#service.failed(this, "limit");
    const held = this.heldBytes;
    this.heldBytes = 0;
    this.#service.holds(-held);
  }
}

describe("handshakes under way", () => {
  it("TLS-11 unfinished first messages take 4 MB in all: the oldest give way, those that hold nothing stay", () => {
    const counters = new CounterBlock();
    const service = new TlsService(counters);
    service.configure({
      listeners: [],
      ticketKeys: [],
      challenges: { pages: [], certificates: [] },
      handshakeTimeoutSeconds: 10,
      maxHandshakes: 1_000,
    });
    const silent = new Sender(service);
    const senders = Array.from({ length: 200 }, () => new Sender(service));
    for (const sender of senders) sender.send(32 * 1024);
    expect(senders.map(({ hasFailed }) => hasFailed)).toEqual(senders.map((_, index) => index < 72));
    expect(silent.hasFailed).toBe(false);
    expect(counters.get(tlsFailureSlot("limit"))).toBe(72);
    expect(service.handshakesUnderWay).toBe(129);
  });
});
