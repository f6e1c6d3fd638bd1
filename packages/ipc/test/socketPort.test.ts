import { createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { serialize } from "node:v8";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Channel, portOverSocket } from "../src/index.ts";

const opened: { destroy?: () => void; close?: () => void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) (each.destroy ?? each.close)?.call(each);
});

/** Two ends of one connection. */
const openSockets = async (): Promise<readonly [Socket, Socket]> => {
  const { connect } = await import("node:net");
  const server = createServer();
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const near = connect(address.port, "127.0.0.1");
  const far = await accepted;
  opened.push(near, far);
  return [near, far];
};

interface Echo {
  readonly calls: { echo: { readonly request: unknown; readonly reply: unknown } };
  readonly events: { note: number };
}

const frame = (message: unknown): Buffer => {
  const body = serialize(message);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
};

describe("a port over a socket", () => {
  it("carries calls and events both ways, buffers as buffers, and tells of the end", async () => {
    const [left, right] = await openSockets();
    const notes: number[] = [];
    const serving = new Channel<Echo, Echo>(
      portOverSocket(right),
      { echo: (value) => value },
      { note: (number) => void notes.push(number) },
    );
    const asking = new Channel<Echo, Echo>(portOverSocket(left), { echo: () => "mine" }, { note: () => {} });
    asking.tell("note", 1);
    const large = Buffer.alloc(3_000_000, 7);
    expect(await asking.call("echo", { list: [1, "a"] })).toEqual({ list: [1, "a"] });
    const echoed = await asking.call("echo", large);
    expect(Buffer.isBuffer(echoed) && echoed.equals(large)).toBe(true);
    expect(await serving.call("echo", null)).toBe("mine");
    expect(notes).toEqual([1]);
    const ended = new Promise<void>((resolve) => asking.onClose(resolve));
    serving.close();
    await ended;
    await expect(asking.call("echo", 1)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("finds the same messages however their bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string(), fc.integer(), fc.array(fc.string())), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        async (messages, cuts) => {
          const listeners: ((chunk: Buffer) => void)[] = [];
          const socket = {
            on: (name: string, listener: (chunk: Buffer) => void) => name === "data" && listeners.push(listener),
          };
          const received: unknown[] = [];
          const port = portOverSocket(Object.assign(Object.create(null), socket));
          port.onMessage((message) => received.push(message));
          const bytes = Buffer.concat(messages.map(frame));
          for (let at = 0, index = 0; at < bytes.length; index++) {
            const length = cuts[index % cuts.length] ?? 1;
            for (const listener of listeners) listener(bytes.subarray(at, at + length));
            at += length;
          }
          await nextTurn();
          expect(received).toEqual(messages);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([
    ["a length beyond all messages", Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    ["bytes that are no message", Buffer.concat([Buffer.from([0, 0, 0, 4]), Buffer.from("%%%%")])],
  ])("cuts off a peer that sends %s", async (_, bytes) => {
    const [left, right] = await openSockets();
    const port = portOverSocket(right);
    const ended = new Promise<void>((resolve) => port.onClose(resolve));
    left.write(bytes);
    await ended;
    expect(right.destroyed).toBe(true);
  });
});
