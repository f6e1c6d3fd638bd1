import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { TraceRecord } from "@basalt/telemetry";
import { describe, expect, it, vi } from "vitest";
import { CollectorSender } from "../../src/tracing/collectorSender.ts";
import type { SpanExporter } from "../../src/tracing/otlpExporter.ts";
import { OtlpOutput, type OtlpOutputParts } from "../../src/tracing/otlpOutput.ts";
import { recordWith } from "./records.ts";

const outputWith = (exporter: Partial<SpanExporter>, changes: Partial<OtlpOutputParts> = {}) => {
  const counts = { exported: 0, dropped: 0, problems: 0, opened: 0 };
  const output = new OtlpOutput({
    open: async () => {
      counts.opened++;
      return { send: async (records) => records.length, close: async () => {}, ...exporter };
    },
    onExported: (spans) => {
      counts.exported += spans;
    },
    onDropped: (records) => {
      counts.dropped += records;
    },
    onProblem: () => {
      counts.problems++;
    },
    sendEveryMs: 1,
    ...changes,
  });
  return { output, counts };
};

const records = (count: number): TraceRecord[] => Array.from({ length: count }, () => recordWith());

describe("records on their way to a receiver of OTLP", () => {
  it("issue 7 AWS-98 are not kept until the time is up when there is a whole batch of them", async () => {
    const { output, counts } = outputWith({}, { sendEveryMs: 60_000, mostWaiting: 150 });
    for (let round = 0; round < 10; round++) {
      for (const record of records(100)) output.add(record);
      await vi.waitFor(() => expect(counts.exported).toBe((round + 1) * 100));
    }
    expect(counts.dropped).toBe(0);
    await output.close();
  });

  it("issue 7 go out in batches, one after the other, and the libraries are loaded when there is something to send", async () => {
    let running = 0;
    const sizes: number[] = [];
    const { output, counts } = outputWith({
      send: async (batch) => {
        expect(++running).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        sizes.push(batch.length);
        return batch.length;
      },
    });
    expect(counts.opened).toBe(0);
    for (const record of records(250)) output.add(record);
    await vi.waitFor(() => expect(counts.exported).toBe(250), 30_000);
    expect(sizes).toEqual([100, 100, 50]);
    expect(counts).toMatchObject({ opened: 1, dropped: 0 });
    await output.close();
  });

  it("issue 7 are bounded and counted while a receiver never answers", async () => {
    const { output, counts } = outputWith({ send: () => new Promise(() => {}) }, { mostWaiting: 10 });
    for (const record of records(11)) output.add(record);
    expect(counts.dropped).toBe(1);
    await vi.waitFor(() => expect(counts.opened).toBe(1), 30_000);
    for (const record of records(15)) output.add(record);
    expect(counts.dropped).toBe(1 + 5);
  });

  it("issue 7 are dropped and counted when a receiver refuses them, which is told once until it takes some", async () => {
    let isDown = true;
    const { output, counts } = outputWith({
      send: async (batch) => {
        if (isDown) throw new Error("refused");
        return batch.length;
      },
    });
    for (const dropped of [1, 2]) {
      output.add(recordWith());
      await vi.waitFor(() => expect(counts.dropped).toBe(dropped), 30_000);
    }
    expect(counts.problems).toBe(1);
    isDown = false;
    output.add(recordWith());
    await vi.waitFor(() => expect(counts.exported).toBe(1), 30_000);
    isDown = true;
    output.add(recordWith());
    await vi.waitFor(() => expect(counts.problems).toBe(2), 30_000);
    await output.close();
  });

  it("issue 7 go out at the end; what comes later is dropped", async () => {
    const { output, counts } = outputWith({}, { sendEveryMs: 1_000_000 });
    for (const record of records(3)) output.add(record);
    await output.close();
    expect(counts).toMatchObject({ exported: 3, dropped: 0 });
    output.add(recordWith());
    expect(counts.dropped).toBe(1);
  });
});

describe("documents to a collector", () => {
  it("AWS-98 have the header line in front", async () => {
    const collector = createSocket("udp4");
    collector.bind(0, "127.0.0.1");
    await once(collector, "listening");
    const dropped = vi.fn();
    const sender = new CollectorSender(dropped);
    const arrived = once(collector, "message");
    sender.send(`127.0.0.1:${collector.address().port}`, '{"name":"ä"}');
    const [datagram] = await arrived;
    expect(datagram.toString("utf8")).toBe('{"format":"json","version":1}\n{"name":"ä"}');
    expect(dropped).not.toHaveBeenCalled();
    sender.close();
    collector.close();
  });

  it("AWS-98 a name that does not resolve costs documents, and holds nobody up", async () => {
    const dropped = vi.fn();
    const sender = new CollectorSender(dropped);
    sender.send("no-such-host.invalid:2000", "{}");
    await vi.waitFor(() => expect(dropped).toHaveBeenCalledTimes(1), 60_000);
    sender.send("no-such-host.invalid:2000", "{}");
    await vi.waitFor(() => expect(dropped).toHaveBeenCalledTimes(2), 60_000);
    sender.close();
  }, 120_000);
});
