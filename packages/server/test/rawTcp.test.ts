import net from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { acceptRaw, bindListeningSocket, type ClientSocket, type SocketHandler } from "../src/index.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const open: (() => void)[] = [];

afterEach(() => {
  vi.useRealTimers();
  for (const close of open.splice(0)) close();
});

class Handler implements SocketHandler {
  readonly received: Buffer[] = [];
  drains = 0;
  ends = 0;
  closes = 0;
  onBytes: (text: string) => void = () => {};

  onData(buffer: Buffer, start: number, end: number): void {
    this.received.push(Buffer.from(buffer.subarray(start, end)));
    this.onBytes(buffer.toString("latin1", start, end));
  }

  onDrain(): void {
    this.drains++;
  }

  atEnd: () => void = () => {};
  atClose: () => void = () => {};

  onEnd(): void {
    this.ends++;
    this.atEnd();
  }

  onClose(): void {
    this.closes++;
    this.atClose();
  }
}

/** A real connection: the server's end with its handler, and the client's. */
const connect = async () => {
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { address?: string; port?: number } = {};
  listening.getsockname(place);
  const handler = new Handler();
  let socket: ClientSocket | undefined;
  const acceptor = acceptRaw(listening, (accepted, attach) => {
    socket = accepted;
    attach(handler);
  });
  const client = net.connect({ port: place.port ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  open.push(
    () => acceptor.close(),
    () => client.destroy(),
    () => socket?.destroy(),
  );
  await until(() => socket !== undefined, "the connection");
  if (socket === undefined) throw new Error("unreachable");
  return { socket, handler, client };
};

/** Connections of the process that are not closed: the client's, and whatever of the server is kept. */
const tcpHandles = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;

/** Everything up to the end of the client's stream. */
const readToEnd = async (client: net.Socket): Promise<number> => {
  let byteCount = 0;
  for await (const chunk of client) if (Buffer.isBuffer(chunk)) byteCount += chunk.length;
  return byteCount;
};

describe("a connection below net.Socket", () => {
  it("gives what the client sends, and tells its end once", async () => {
    const { client, handler, socket } = await connect();
    expect([socket.remoteAddress, socket.remotePort]).toEqual(["127.0.0.1", client.localPort]);
    client.end("hello");
    await until(() => handler.ends === 1, "the end");
    expect(String(Buffer.concat(handler.received))).toBe("hello");
    socket.end();
    await until(() => handler.closes === 1, "the close");
  });

  it.each(["destroyed", "reset"] as const)(
    "LOG-61 LOG-67 knows both addresses although the client was the one to end it: %s",
    async (how) => {
      const { client, handler, socket } = await connect();
      const { localPort } = client;
      const known: unknown[] = [];
      handler.atClose = () => known.push(socket.remoteAddress, socket.remotePort, socket.localAddress);
      if (how === "reset") client.resetAndDestroy();
      else client.destroy();
      handler.atEnd = () => socket.destroy();
      await until(() => handler.closes === 1, "the close");
      expect(known).toEqual(["127.0.0.1", localPort, "127.0.0.1"]);
    },
  );

  it("tells when the kernel has taken what it refused at first", async () => {
    const { client, handler, socket } = await connect();
    client.pause();
    const big = Buffer.alloc(16 * MIB);
    expect(socket.write(big)).toBe(false);
    expect(socket.unsentBytes).toBeGreaterThan(0);
    const reading = readToEnd(client);
    await until(() => handler.drains === 1, "the drain");
    expect(socket.unsentBytes).toBe(0);
    expect(socket.writePair(Buffer.from("head"), Buffer.from("body"))).toBe(true);
    socket.end();
    expect(await reading).toBe(16 * MIB + 8);
    expect(handler.drains).toBe(1);
  });

  it("OPT-60: shows the memory that the kernel has not taken yet, in order, and nothing of a closed connection", async () => {
    const { client, handler, socket } = await connect();
    const unsent = (): Buffer[] => {
      const seen: Buffer[] = [];
      socket.visitUnsent((data) => seen.push(data));
      return seen;
    };
    client.pause();
    socket.write(Buffer.from("at once"));
    expect(unsent()).toEqual([]);
    const sent: Buffer[] = [Buffer.alloc(16 * MIB), Buffer.from("head"), Buffer.from("body")];
    const [whole, head, body] = sent;
    if (whole === undefined || head === undefined || body === undefined) throw new Error("unreachable");
    socket.write(whole);
    socket.writePair(head, body);
    expect(unsent().map((data) => sent.indexOf(data))).toEqual([0, 1, 2]);
    client.resume();
    await until(() => handler.drains === 1, "the drain");
    expect(unsent()).toEqual([]);

    client.pause();
    socket.write(Buffer.alloc(16 * MIB));
    socket.destroy();
    await until(() => unsent().length === 0, "the memory to be free");
  });

  it("does not read while it is paused", async () => {
    const { client, handler, socket } = await connect();
    socket.pauseReading();
    client.write("later");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(handler.received).toHaveLength(0);
    socket.resumeReading();
    await until(() => handler.received.length === 1);
  });

  it("a client that is gone is told once, also in the middle of writes", async () => {
    const { client, handler, socket } = await connect();
    client.resetAndDestroy();
    await until(() => handler.closes === 1, "the close");
    expect(socket.write(Buffer.from("x"))).toBe(true);
    socket.end();
    socket.destroy();
    expect(handler.closes).toBe(1);
  });

  it("everything written before the end arrives at a client that reads fast", async () => {
    const { client, socket } = await connect();
    const reading = readToEnd(client);
    socket.write(Buffer.alloc(8 * MIB));
    socket.end();
    expect(await reading).toBe(8 * MIB);
  });

  it("everything written before the end arrives at a client that takes longer than 2 s", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { client, socket } = await connect();
    client.pause();
    socket.write(Buffer.alloc(16 * MIB));
    socket.end();
    vi.advanceTimersByTime(2_001);
    const byteCount = await readToEnd(client).catch(() => 0);
    expect(byteCount).toBe(16 * MIB);
  });

  it("everything arrives at a client that has ended its own side before", async () => {
    const { client, handler, socket } = await connect();
    client.pause();
    client.end("GET");
    await until(() => handler.ends === 1, "the end");
    socket.write(Buffer.alloc(16 * MIB));
    socket.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const byteCount = await readToEnd(client).catch(() => 0);
    expect(byteCount).toBe(16 * MIB);
  });

  it("an address that this host does not have is refused in words", () => {
    expect(() => bindListeningSocket("203.0.113.1", 0)).toThrowError(
      expect.objectContaining({ detail: expect.stringContaining("no such address") }),
    );
  });

  it.each([0, 8 * MIB])("is broken off also while it is being ended, with %d bytes on their way", async (bytes) => {
    const { client, handler, socket } = await connect();
    client.pause();
    if (bytes > 0) expect(socket.write(Buffer.alloc(bytes))).toBe(false);
    socket.end();
    socket.reset();
    expect(handler.closes).toBe(1);
    // A handle that was kept would go on sending.
    const received = await readToEnd(client).catch(() => -1);
    expect(received).toBe(bytes === 0 ? 0 : -1);
    expect(socket.unsentBytes).toBe(0);
    await until(() => tcpHandles() <= 1, "the close of the connection");
  });
});
