import { MessageChannel, Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { Channel, portToOwner, portToThread } from "../src/index.ts";

interface Doubling {
  readonly calls: { readonly double: { readonly request: number; readonly reply: number } };
  readonly events: Record<never, never>;
}

interface Nothing {
  readonly calls: Record<never, never>;
  readonly events: Record<never, never>;
}

/** Answers a call as a channel does; one of 0 ends it. */
const THREAD = `
  const { parentPort } = require("node:worker_threads");
  parentPort.on("message", ({ id, body }) => {
    if (body === 0) process.exit(1);
    parentPort.postMessage({ kind: "reply", id, body: 2 * body });
  });
`;

const threads: Worker[] = [];

afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.terminate();
});

describe("a channel to a thread", () => {
  it("carries calls, and ends with the thread: what waits fails", async () => {
    const thread = new Worker(THREAD, { eval: true });
    threads.push(thread);
    const channel = new Channel<Nothing, Doubling>(portToThread(thread), {}, {});
    expect(await channel.call("double", 21)).toBe(42);
    await expect(channel.call("double", 0)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(channel.isOpen).toBe(false);
  });

  it("has an end in the thread, which its owner may close", async () => {
    const { port1, port2 } = new MessageChannel();
    const channel = new Channel<Doubling, Nothing>(portToOwner(port2), { double: (value) => 2 * value }, {});
    const answer = new Promise((resolve) => {
      port1.on("message", resolve);
    });
    port1.postMessage({ kind: "call", id: 7, name: "double", body: 4 });
    expect(await answer).toEqual({ kind: "reply", id: 7, body: 8 });
    const closed = new Promise<void>((resolve) => channel.onClose(resolve));
    port1.close();
    await closed;
    expect(channel.isOpen).toBe(false);
  });
});
