import fs, { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileRun } from "@basalt/cache";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { acceptRaw, bindListeningSocket, type ClientSocket, openSendFile, type SocketHandler } from "../src/index.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
/** Far more than the kernel takes for one connection. */
const CONTENT = Buffer.alloc(24 * MIB + 77);
for (let at = 0; at + 4 <= CONTENT.length; at += 4) CONTENT.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

const open: (() => void)[] = [];

beforeAll(openSendFile);
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const openContent = (): { readonly path: string; readonly descriptor: number } => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-sendfile-"));
  const path = join(folder, "body");
  writeFileSync(path, CONTENT);
  const descriptor = openSync(path, "r");
  open.push(
    () => closeSync(descriptor),
    () => rmSync(folder, { recursive: true }),
  );
  return { path, descriptor };
};

/** A real connection whose server sends the file, `most` bytes at a time, whenever it may. */
const serve = async (descriptor: number, most: number) => {
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { address?: string; port?: number } = {};
  listening.getsockname(place);
  const seen = { sent: 0, drains: 0, closes: 0, impossible: 0 };
  let socket: ClientSocket | undefined;
  const send = (): void => {
    while (socket !== undefined && seen.closes === 0 && seen.sent < CONTENT.length && socket.unsentBytes === 0) {
      const length = Math.min(most, CONTENT.length - seen.sent);
      const run: FileRun = { descriptor, position: seen.sent, length, sent: () => {} };
      const count = socket.sendFile?.(run) ?? -1;
      if (count < 0) {
        seen.impossible += 1;
        socket.destroy();
        return;
      }
      seen.sent += count;
    }
    if (seen.sent === CONTENT.length) socket?.end();
  };
  const handler: SocketHandler = {
    onData: send,
    onDrain: () => {
      seen.drains += 1;
      send();
    },
    onEnd: () => {},
    onClose: () => {
      seen.closes += 1;
    },
  };
  const acceptor = acceptRaw(listening, (accepted, attach) => {
    socket = accepted;
    attach(handler);
  });
  const client = net.connect({ port: place.port ?? 0, host: "127.0.0.1" });
  client.on("error", () => {});
  open.push(
    () => acceptor.close(),
    () => client.destroy(),
    () => socket?.destroy(),
  );
  await until(() => socket !== undefined, "the connection");
  client.write("go");
  return { client, seen };
};

describe("a file sent to a connection by the kernel", () => {
  it("arrives whole, at the pace of a client that is slower", async () => {
    const { client, seen } = await serve(openContent().descriptor, 2 * MIB);
    await until(() => seen.sent > 0, "the first bytes");
    expect(seen.sent).toBeLessThan(CONTENT.length);
    const received: Buffer[] = [];
    for await (const chunk of client) if (Buffer.isBuffer(chunk)) received.push(chunk);
    expect(Buffer.concat(received).equals(CONTENT)).toBe(true);
    expect([seen.sent, seen.impossible]).toEqual([CONTENT.length, 0]);
    expect(seen.drains).toBeGreaterThan(0);
  });

  it("ends with the client", async () => {
    const { client, seen } = await serve(openContent().descriptor, 2 * MIB);
    await until(() => seen.sent > 0, "the first bytes");
    client.resetAndDestroy();
    await until(() => seen.closes === 1, "the end");
    expect(seen.sent).toBeLessThan(CONTENT.length);
    expect(seen.impossible).toBe(0);
  });

  it("has to be read where it became shorter, and by whoever has no open file", async () => {
    const { path, descriptor } = openContent();
    truncateSync(path, MIB);
    const { client, seen } = await serve(descriptor, MIB);
    client.resume();
    await until(() => seen.impossible === 1, "the refusal");
    expect(seen.sent).toBe(MIB);
  });

  it("has to be read where the disk fails behind what the kernel has taken", async () => {
    const failing = vi.spyOn(fs, "readSync").mockImplementation(() => {
      throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    });
    open.push(() => failing.mockRestore());
    const { seen } = await serve(openContent().descriptor, 8 * MIB);
    await until(() => seen.impossible === 1, "the refusal");
    expect(seen.sent).toBeGreaterThan(0);
    expect(seen.sent).toBeLessThan(CONTENT.length);
  });
});
