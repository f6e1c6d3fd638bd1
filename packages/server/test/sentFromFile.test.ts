import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VHOST_SLOT } from "@basalt/telemetry";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { acceptRaw, bindListeningSocket, type ClientSocket, openSendFile } from "../src/index.ts";
import { requestText, TestEdge } from "./support/edge.ts";
import { readResponses } from "./support/responses.ts";
import { until } from "./support/waiting.ts";

const MIB = 1024 * 1024;
const whole = Buffer.alloc(24 * MIB + 77);
for (let at = 0; at + 4 <= whole.length; at += 4) whole.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

const open: (() => void)[] = [];

beforeAll(openSendFile);
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A server with real connections that has a film, every second run of which may be sent at once. */
const serve = async () => {
  const edge = new TestEdge();
  await edge.store("/film.mp4", whole);
  edge.bodies.failsToRead = true;
  const folder = mkdtempSync(join(tmpdir(), "basalt-sent-"));
  writeFileSync(join(folder, "film"), whole);
  const descriptor = openSync(join(folder, "film"), "r");
  const seen: { asked: number; socket: ClientSocket | undefined; readonly sentBytes: number } = {
    asked: 0,
    socket: undefined,
    get sentBytes(): number {
      return edge.counters.get(edge.vhostCounters() + VHOST_SLOT.diskReadBytes);
    },
  };
  edge.bodies.onFileRun = (position, end) => {
    if (seen.asked++ % 2 === 0) return "later";
    return { descriptor, position, length: end - position, sent: () => {} };
  };
  const listening = bindListeningSocket("127.0.0.1", 0);
  const place: { address?: string; port?: number } = {};
  listening.getsockname(place);
  const serveClient = edge.server.acceptor(80);
  const acceptor = acceptRaw(listening, (socket, attach) => {
    seen.socket = socket;
    serveClient(socket, attach);
  });
  const client = net.connect({ port: place.port ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
  open.push(
    () => acceptor.close(),
    () => client.destroy(),
    () => closeSync(descriptor),
    () => rmSync(folder, { recursive: true }),
  );
  return { edge, client, seen };
};

describe("bodies that the kernel sends from their files", () => {
  it("follow one another in order, to a client that asks for all at once and sends no more", async () => {
    const { edge, client, seen } = await serve();
    client.end(
      [
        requestText("/film.mp4", [], "HEAD"),
        requestText("/film.mp4", ["Range: bytes=1000000-4999999"]),
        requestText("/film.mp4", ["Range: bytes=5-2000000,9000000-9000009,-3000000"]),
        requestText("/film.mp4"),
        requestText("/film.mp4", [], "GET", "1.0"),
      ].join(""),
    );
    const received: Buffer[] = [];
    for await (const chunk of client) if (Buffer.isBuffer(chunk)) received.push(chunk);
    const answers = readResponses(Buffer.concat(received), ["HEAD", "GET", "GET", "GET", "GET"], true);
    expect(answers.map(({ status, isComplete }) => [status, isComplete])).toEqual([
      [200, true],
      [206, true],
      [206, true],
      [200, true],
      [200, true],
    ]);
    const [head, range, parts, first, second] = answers.map(({ body }) => body);
    expect(head?.length).toBe(0);
    expect(range?.equals(whole.subarray(1_000_000, 5_000_000))).toBe(true);
    for (const part of [whole.subarray(5, 2_000_001), whole.subarray(9_000_000, 9_000_010), whole.subarray(-3_000_000)])
      expect(parts?.includes(part)).toBe(true);
    expect(first?.equals(whole)).toBe(true);
    expect(second?.equals(whole)).toBe(true);
    expect(seen.sentBytes).toBe(4_000_000 + 1_999_996 + 10 + 3_000_000 + 2 * whole.length);
    expect(edge.logged.slice(1).map(({ bodyBytesSent }) => bodyBytesSent)).toEqual(
      answers.map(({ body }) => body.length),
    );
    expect(edge.defects).toEqual([]);
  });

  it("end with the send time-out of a client that stops reading", async () => {
    const { edge, client, seen } = await serve();
    client.pause();
    client.write(requestText("/film.mp4"));
    await until(() => seen.socket !== undefined && seen.socket.unsentBytes > 0, "a full connection");
    expect(seen.sentBytes).toBeGreaterThan(0);
    expect(seen.sentBytes).toBeLessThan(whole.length);
    const { sendTimeoutSeconds } = edge.server.state.limits;
    edge.advanceSeconds(sendTimeoutSeconds + 1);
    edge.advanceSeconds(sendTimeoutSeconds + 1);
    await until(() => edge.logged.length === 2, "the end");
    expect(edge.logged.at(-1)).toMatchObject({ isComplete: false, bodyBytesSent: seen.sentBytes });
  });
});
