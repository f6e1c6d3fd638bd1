import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { portBypassEndSlot, VHOST_SLOT } from "@basalt/telemetry";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";
import { FakeSocket } from "./support/fakeSocket.ts";
import { turns, until } from "./support/waiting.ts";

const PORT = 443;

/** Boundary: a pair of streams stands for a socket. */
const asSocket = (stream: Duplex): Socket => stream as Socket;

/** A client on a bypassed port. */
const connect = (edge = new TestEdge({ vhost: `<PortBypass Dest="8443">${PORT}</PortBypass>` }), early = "") => {
  const socket = new FakeSocket();
  edge.server.acceptor(PORT)(socket, (handler) => {
    socket.handler = handler;
  });
  socket.send(early);
  const counted = (slot: number): number => edge.counters.get(edge.vhostCounters() + slot);
  return { edge, socket, counted };
};

const relayed = async (early = "") => {
  const scene = connect(undefined, early);
  const [ours, theirs]: readonly [Duplex, Duplex] = duplexPair();
  const received: Buffer[] = [];
  theirs.on("data", (chunk: Buffer) => received.push(chunk));
  scene.edge.origin.connects[0]?.answer(null, asSocket(ours));
  scene.socket.deliver();
  return { ...scene, ours, theirs, received: () => String(Buffer.concat(received)) };
};

describe("BYP-21: a bypassed port", () => {
  it("BYP-22 is relayed to the port named by Dest, byte by byte", async () => {
    const { edge, socket, theirs, received } = await relayed();
    expect(edge.origin.connects.map(({ port }) => port)).toEqual([8443]);
    socket.send("GET / HTTP/9.9\r\n\0\xff");
    theirs.write("not HTTP either");
    await until(() => String(socket.received) === "not HTTP either");
    expect(received()).toBe("GET / HTTP/9.9\r\n\0\ufffd");
    expect(edge.origin.calls).toHaveLength(0);
  });

  it("BW-01 BW-02 is as slow as the caps of its host", async () => {
    const options = '<Options><TrafficCap Session="80">1</TrafficCap></Options>';
    const { edge, socket } = connect(new TestEdge({ vhost: `${options}<PortBypass>${PORT}</PortBypass>` }));
    const [ours, theirs]: readonly [Duplex, Duplex] = duplexPair();
    edge.origin.connects[0]?.answer(null, asSocket(ours));
    theirs.end(Buffer.alloc(15_000));
    for (let passedMs = 0; passedMs < 1_000; passedMs += 20) {
      await turns(2);
      edge.clock.advanceSeconds(0.02);
      edge.server.pacer.tick();
    }
    expect(socket.received.length).toBeGreaterThan(9_000);
    expect(socket.received.length).toBeLessThan(12_000);
    expect(socket.hasEndedWriting).toBe(false);
    await until(() => {
      edge.clock.advanceSeconds(0.02);
      edge.server.pacer.tick();
      return socket.hasEndedWriting;
    });
    expect(socket.received.length).toBe(15_000);
  });

  it("is relayed to the same port by default", () => {
    const { edge } = connect(new TestEdge({ vhost: `<PortBypass>${PORT}</PortBypass>` }));
    expect(edge.origin.connects.map(({ port }) => port)).toEqual([PORT]);
  });

  it("belongs to an active host only", () => {
    const more = `<Vhost Name="off.test" Status="Inactive"><Origin><Address>10.0.0.2</Address></Origin><PortBypass>${PORT}</PortBypass></Vhost>`;
    expect(connect(new TestEdge({ moreVhosts: more })).edge.origin.connects).toEqual([]);
  });

  it("reads nothing from the client before the origin is connected", async () => {
    const { socket } = connect(undefined, "first words");
    expect([socket.isPaused, socket.unreadBytes]).toEqual([true, 11]);
    const { received } = await relayed("first words");
    await until(() => received() === "first words");
  });

  it.each(["client", "origin"] as const)("goes on one way when the %s ends its side", async (first) => {
    const { edge, socket, theirs, received, counted } = await relayed();
    const ended = new Promise((resolve) => theirs.on("end", resolve));
    if (first === "origin") {
      theirs.end("answer");
      await until(() => socket.hasEndedWriting);
      socket.send("question");
      socket.sendEnd();
    } else {
      socket.send("question");
      socket.sendEnd();
      await ended;
      expect(socket.hasEnded).toBe(false);
      theirs.end("answer");
    }
    await ended;
    await until(() => socket.isEnding, "the end");
    expect([received(), String(socket.received), socket.lateBytes]).toEqual(["question", "answer", 0]);
    socket.destroy();
    expect(edge.server.connectionCount).toBe(0);
    expect([counted(portBypassEndSlot("client")), counted(portBypassEndSlot("origin"))]).toEqual(
      first === "client" ? [1, 0] : [0, 1],
    );
  });

  it("is paused both ways while the other side is behind", async () => {
    const { socket, theirs, ours } = await relayed();
    socket.room = 0;
    theirs.write(Buffer.alloc(1000));
    await until(() => socket.unsentBytes > 0);
    expect(ours.isPaused()).toBe(true);
    socket.take(Number.POSITIVE_INFINITY);
    expect(ours.isPaused()).toBe(false);
    theirs.pause();
    socket.send(Buffer.alloc(1_000_000), 16_384);
    expect(socket.isPaused).toBe(true);
    theirs.resume();
    await until(() => {
      socket.deliver();
      return socket.unreadBytes === 0;
    });
  });

  it("is reset when no origin server can be connected, and when it breaks off", async () => {
    const scene = connect();
    scene.edge.origin.connects[0]?.answer(new EdgeError("ORIGIN_CONNECT_FAILED"), null);
    expect([scene.socket.isReset, scene.counted(VHOST_SLOT.portBypassFailures)]).toEqual([true, 1]);
    const { socket, ours, counted } = await relayed();
    ours.destroy(new Error("reset"));
    await until(() => socket.isReset, "the reset");
    expect(counted(portBypassEndSlot("origin"))).toBe(1);
  });

  it("that the client leaves gives up: while connecting, too", async () => {
    const scene = connect();
    scene.socket.destroy();
    expect(scene.edge.origin.connects[0]?.isGivenUp).toBe(true);
    expect([scene.edge.server.connectionCount, scene.counted(VHOST_SLOT.portBypassOpen)]).toEqual([0, 0]);
    const { socket, ours } = await relayed();
    socket.destroy();
    expect(ours.destroyed).toBe(true);
  });

  it("ends when nothing has moved for BypassReceiveTimeout", async () => {
    const { edge, socket, received, counted } = await relayed();
    edge.advanceSeconds(299);
    socket.send("x");
    await until(() => received() === "x");
    edge.advanceSeconds(299);
    expect(socket.isReset).toBe(false);
    edge.advanceSeconds(1);
    expect([socket.isReset, counted(portBypassEndSlot("idle"))]).toEqual([true, 1]);
  });

  it("counts connections and bytes both ways for its host", async () => {
    const { edge, socket, theirs, counted } = await relayed();
    socket.send("12345");
    theirs.write("123");
    await until(() => socket.received.length === 3);
    expect(counted(VHOST_SLOT.portBypassConnections)).toBe(1);
    expect(counted(VHOST_SLOT.portBypassOpen)).toBe(1);
    expect([counted(VHOST_SLOT.portBypassClientBytes), counted(VHOST_SLOT.portBypassOriginBytes)]).toEqual([5, 3]);
    expect(edge.counters.get(edge.vhostCounters(HOST) + VHOST_SLOT.clientRequests)).toBe(0);
  });

  it("counts as a connection: limits hold, and draining waits for it and then cuts it", async () => {
    const { edge, socket } = await relayed();
    expect(edge.server.connectionCount).toBe(1);
    await edge.server.drain(1);
    expect([socket.isDestroyed, edge.server.connectionCount]).toEqual([true, 0]);
  });
});
