import { classIndexOf, VHOST_SLOT } from "@basalt/telemetry";
import { describe, expect, it } from "vitest";
import { HOST, TestEdge } from "./support/edge.ts";

const HUNDREDTHS_PER_SECOND = 100_000;

/** Response and completion time of one hit, in seconds, where the write of its answer takes a second. */
const measureHit = async (bodyBytes: number): Promise<readonly number[]> => {
  const edge = new TestEdge();
  await edge.store("/a", Buffer.alloc(bodyBytes, "x"));
  const client = edge.connect();
  client.get("/a");
  await client.response();
  const { socket } = client;
  const write = socket.write.bind(socket);
  socket.write = (data) => {
    edge.advanceSeconds(1);
    return write(data);
  };
  const slots = [VHOST_SLOT.clientFirstByteTime, VHOST_SLOT.clientCompleteTime].map(
    (slot) => edge.counters.vhost(HOST) + slot + classIndexOf(200),
  );
  const before = slots.map((slot) => edge.counters.get(slot));
  client.get("/a");
  await client.responses(2);
  return slots.map((slot, index) => (edge.counters.get(slot) - (before[index] ?? 0)) / HUNDREDTHS_PER_SECOND);
};

describe("STAT-21 response time and completion time of a hit", () => {
  it("are one moment where it leaves in one short write", async () => {
    expect(await measureHit(1024)).toEqual([1, 1]);
  });

  it("are two where the write takes its time", async () => {
    expect(await measureHit(64 * 1024)).toEqual([0, 1]);
  });
});
