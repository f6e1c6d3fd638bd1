import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { Channel, portToChild } from "../src/index.ts";
import type { Echo, Home } from "./support/echoProtocol.ts";

const children: ReturnType<typeof fork>[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const start = async () => {
  const child = fork(fileURLToPath(new URL("./support/echo.ts", import.meta.url)), [], {
    serialization: "advanced",
    execArgv: ["--conditions=@basalt/source"],
  });
  children.push(child);
  let becomeReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const channel = new Channel<Home, Echo>(portToChild(child), {}, { ready: () => becomeReady() });
  await ready;
  return { child, channel };
};

describe("a channel to another process", () => {
  it("carries calls, failures and Buffers", async () => {
    const { channel } = await start();
    const { isBuffer, bytes } = await channel.call("echo", { bytes: Buffer.from([0, 1, 255]) });
    expect(isBuffer).toBe(true);
    expect(Buffer.isBuffer(bytes) && bytes.equals(Buffer.from([0, 1, 255]))).toBe(true);
    await expect(channel.call("fail", null)).rejects.toMatchObject({
      code: "TRANSFORM_FAILED",
      detail: "in the child",
    });
  });

  it("ends when the process is killed: what waits fails", async () => {
    const { child, channel } = await start();
    const waiting = channel.call("wait", null);
    const failed = expect(waiting).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    child.kill("SIGKILL");
    await failed;
    expect(channel.isOpen).toBe(false);
    channel.tell("note", null);
  });

  it("messages that are not ours do no harm", async () => {
    const { child, channel } = await start();
    child.send({ cmd: "NODE_unknown" });
    child.send("text");
    child.send({ other: 1 });
    expect((await channel.call("echo", { bytes: Buffer.from("x") })).isBuffer).toBe(true);
  });
});
