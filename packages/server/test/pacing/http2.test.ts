import { PROCESS_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { ClientSession } from "../../src/clientSession.ts";
import { Http2Edge } from "../http2/support.ts";
import { HOST } from "../support/edge.ts";
import { until } from "../support/waiting.ts";
import { ThrottledEdge } from "./throttledEdge.ts";

const BODY_BYTES = 100_000;

describe("HTTP/2", () => {
  it("BW-02 shares the cap of a client connection among its streams, and each gets all of its response", async () => {
    const edge = new ThrottledEdge({ options: '<TrafficCap Session="800">0</TrafficCap>' });
    await edge.storeSlowly("/a", Buffer.alloc(BODY_BYTES, "0123456789abcdef"));
    const opened = await Http2Edge.open(edge);
    const client = opened.client();
    const streams = [1, 2].map(() => {
      const pieces: Buffer[] = [];
      const state = { pieces, hasEnded: false };
      const stream = client.request({ ":path": "/a", ":authority": HOST, ":scheme": "http" });
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        state.hasEnded = true;
      });
      return state;
    });
    await until(() => streams.some(({ pieces }) => pieces.length > 0), "the first bytes");
    let waitedMs = 0;
    await until(() => {
      edge.clock.advanceSeconds(0.02);
      edge.server.pacer.tick();
      waitedMs += 20;
      return streams.every(({ hasEnded }) => hasEnded);
    }, "both responses");
    const whole = Buffer.alloc(BODY_BYTES, "0123456789abcdef");
    for (const { pieces } of streams) expect(Buffer.concat(pieces).equals(whole)).toBe(true);
    expect(waitedMs).toBeGreaterThan(1_800);
    expect(edge.defects).toEqual([]);
    await opened.close();
  });

  it("BW-02 what is slow by our will is not given up after the send time-out", async () => {
    const edge = new ThrottledEdge({ options: '<TrafficCap Session="8">0</TrafficCap>' });
    await edge.storeSlowly("/a", Buffer.alloc(BODY_BYTES, "x"));
    const opened = await Http2Edge.open(edge);
    const stream = opened.client().request({ ":path": "/a", ":authority": HOST, ":scheme": "http" });
    const state = { bytes: 0, hasEnded: false, code: -1 };
    stream.on("data", (piece: Buffer) => {
      state.bytes += piece.length;
    });
    stream.on("error", () => {});
    stream.on("end", () => {
      state.hasEnded = true;
    });
    stream.on("close", () => {
      state.code = stream.rstCode ?? 0;
    });
    await until(() => edge.counters.get(PROCESS_SLOT.http2StreamsOpen) === 1, "the request");
    let waitedSeconds = 0;
    await until(() => {
      edge.advanceSeconds(0.5);
      edge.server.pacer.tick();
      waitedSeconds += 0.5;
      return state.code >= 0 || waitedSeconds > 1_000;
    }, "the end of the stream");
    expect([state.hasEnded, state.bytes, state.code]).toEqual([true, BODY_BYTES, 0]);
    expect(waitedSeconds).toBeGreaterThan(90);
    await opened.close();
  });

  it("BW-02 holds for streams of one host while others ask for one with another cap", () => {
    const session = new ClientSession({ remoteAddress: "192.0.2.7" }, true);
    const [slow, fast] = [session.bucket(1_000, 0), session.bucket(1_000_000, 0)];
    expect([slow.bytesPerSecond, fast.bytesPerSecond]).toEqual([1_000, 1_000_000]);
    slow.take(slow.available(0));
    expect(session.bucket(1_000, 0).available(0)).toBe(0);
  });
});
