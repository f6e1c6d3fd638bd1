import { fileURLToPath } from "node:url";
import type { DeriveRequest } from "@basalt/cache";
import { type EdgeConfig, parseConfig } from "@basalt/config";
import { EdgeError } from "@basalt/types";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { TransformProcess } from "../src/transformProcess.ts";

const VHOSTS = `<Vhosts>
  <Vhost Name="a.example"><Origin><Address>10.0.0.1</Address></Origin>
    <Options><TransformShare>300</TransformShare><TransformThreads>2</TransformThreads></Options></Vhost>
  <Vhost Name="b.example"><Origin><Address>10.0.0.1</Address></Origin></Vhost>
</Vhosts>`;

const configOf = (limits: string): EdgeConfig => {
  const cache = `<Storage><Disk>/d/</Disk></Storage><TransformThreads>1</TransformThreads>${limits}`;
  const sources = new Map([
    ["server.xml", `<Server><Cache>${cache}</Cache></Server>`],
    ["vhosts.xml", VHOSTS],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
};

/** `unusable`: how many hosts cannot begin, before one can. */
const start = (limits = "", unusable = 0) => {
  const config = configOf(limits);
  const log: string[] = [];
  const gone: string[] = [];
  let asked = 0;
  const host = new TransformProcess({
    config: () => config,
    store: () => ({ disks: [], isBypassing: ++asked <= unusable }),
    onDiskFailed: () => {},
    onDiskFull: () => {},
    nextSegment: () => Promise.resolve(1),
    nextFile: () => 1,
    log: (_, text) => log.push(text),
    onGone: (writer) => gone.push(writer),
    entry: {
      module: fileURLToPath(new URL("./support/fakeTransformHost.ts", import.meta.url)),
      execArgv: ["--conditions=@basalt/source"],
    },
  });
  onTestFinished(() => host.stop());
  let id = 0;
  const ask = async (command: string, vhost = "b.example"): Promise<string> => {
    const request: DeriveRequest = {
      id: ++id,
      vhost,
      source: { kind: "bytes", body: Buffer.from(command) },
      operation: { kind: "compress", coding: "gzip", level: 1 },
      priority: "asked",
      maxSourceBytes: 1_000,
      head: Buffer.from(command),
      image: undefined,
    };
    try {
      const reply = await host.derive(request);
      return reply.kind === "made" ? reply.body.toString() : reply.kind;
    } catch (cause) {
      const { code, detail } = EdgeError.from(cause);
      return `${code}: ${detail}`;
    }
  };
  return { host, ask, log, gone, lastId: () => id };
};

const REFUSED = "TRANSFORM_FAILED: refused: it has ended the transform host, or has run too long, a while ago";

describe("a host that cannot begin", () => {
  it("is replaced, and jobs wait for one that can", async () => {
    const { host, ask } = start("", 2);
    expect(await ask("any")).toMatch(/^pid /);
    expect(host.restarts).toBe(2);
  });
});

describe("a job that ends its process", () => {
  it("is repeated once and then refused for a while, and costs no other job", async () => {
    const { host, ask, log } = start();
    const others = ["slow 300", "slow 301", "slow 302"].map((command) => ask(command));
    expect(await ask("crash")).toBe(REFUSED);
    for (const other of await Promise.all(others)) expect(other).toMatch(/^pid /);
    expect(host.restarts).toBe(2);
    expect(log.filter((line) => line.includes("twice"))).toHaveLength(1);
    expect(await ask("crash")).toBe(REFUSED);
    expect(host.restarts).toBe(2);
    expect(await ask("fine")).toBe(`pid ${host.pid}`);
  });

  it("is found among others that die with it, each tried alone", async () => {
    const { host, ask } = start();
    const replies = await Promise.all(["crash 1", "slow 100", "crash 2", "slow 50"].map((command) => ask(command)));
    expect(replies[0]).toBe(REFUSED);
    expect(replies[2]).toBe(REFUSED);
    expect(replies[1]).toMatch(/^pid /);
    expect(replies[3]).toMatch(/^pid /);
    expect(host.restarts).toBeLessThanOrEqual(4);
  });

  it("takes no blame while it has not begun", async () => {
    const { host, ask } = start();
    const waiting = Array.from({ length: 5 }, () => ask("wait"));
    await vi.waitFor(async () => expect((await host.figures())?.waiting).toBe(5), { timeout: 20_000 });
    expect(await ask("crash")).toBe(REFUSED);
    await vi.waitFor(async () => expect((await host.figures())?.waiting).toBe(5), { timeout: 20_000 });
    host.abandon(1);
    expect(await Promise.all(waiting)).toEqual(Array(5).fill("TRANSFORM_FAILED: cancelled"));
  });
});

describe("a host that is unfit", () => {
  it("gives way to another: what waits goes there, what runs is done, and nothing counts as a crash", async () => {
    const { host, ask, gone } = start();
    const first = await ask("pid");
    const running = ask("slow 400");
    const waiting = ask("wait");
    await vi.waitFor(async () => expect((await host.figures())?.waiting).toBe(1), { timeout: 20_000 });
    expect(await ask("unfit memory")).toBe(first);
    await vi.waitFor(() => expect(host.replacements).toBe(1), { timeout: 20_000 });
    const second = await ask("pid");
    expect(second).not.toBe(first);
    expect(await running).toBe(first);
    await vi.waitFor(async () => expect((await host.figures())?.waiting).toBe(1), { timeout: 20_000 });
    await vi.waitFor(() => expect(gone).toEqual(["transform 1"]), { timeout: 20_000 });
    expect(host.restarts).toBe(0);
    host.abandon(3);
    expect(await waiting).toBe("TRANSFORM_FAILED: cancelled");
  });

  it("is ended at once when its memory may be the end of the machine", async () => {
    const { host, ask } = start();
    const first = await ask("pid");
    expect(await ask("unfit urgent")).toBe(REFUSED);
    expect(host.restarts).toBe(2);
    expect(await ask("pid")).not.toBe(first);
  });
});

it("refuses a job that ran too long for a minute", async () => {
  const { ask, log } = start();
  expect(await ask("overrun")).toBe("TRANSFORM_FAILED: longer than 1 ms");
  expect(await ask("overrun")).toBe(REFUSED);
  expect(log).toEqual(["b.example: a transform took too long: compress"]);
});

it("DIMS-18 tells the host what a virtual host may take", async () => {
  const { ask } = start();
  expect(JSON.parse(await ask("share", "a.example"))).toEqual({ weight: 300, threads: 2 });
  expect(JSON.parse(await ask("share", "b.example"))).toEqual({ weight: 100, threads: 0 });
});

it("DIMS-18 refuses jobs when far too many are under way", async () => {
  const { host, ask } = start("<TransformQueue>1</TransformQueue>");
  const waiting = Array.from({ length: 5_002 }, () => ask("wait"));
  expect(await ask("pid")).toBe("TRANSFORM_OVERLOADED: 5002 jobs under way");
  expect(host.overloaded).toBe(1);
  await vi.waitFor(async () => expect((await host.figures())?.waiting).toBe(5_002), { timeout: 20_000 });
  host.abandon(1);
  await Promise.all(waiting);
});
