import type { OriginExchange } from "@basalt/origin";
import { openBodyStore } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { StoredHead } from "../src/index.ts";
import { LocalFill } from "../src/localFill.ts";
import type { SharedFill } from "../src/protocol.ts";
import { patternBytes, readSource } from "./support/reading.ts";
import { onEnd, temporaryFolder } from "./support/temporaryFolder.ts";
import { turns, until } from "./support/waiting.ts";
import { WatchedBodies } from "./support/watchedBodies.ts";

const MIB = 1024 * 1024;

const headOf = (bodyBytes: number): StoredHead => ({
  url: "/a",
  variant: "",
  status: 200,
  fields: [],
  bodyBytes,
  storedAtMs: 0,
  initialAgeSeconds: 0,
  bodyVersion: 1,
  sourceVersion: 0,
});

const openBodies = (): WatchedBodies => {
  let last = 0;
  const next = (): Promise<number> => Promise.resolve(++last);
  const bodies = new WatchedBodies(
    openBodyStore({
      disks: [{ path: temporaryFolder() }],
      allocateSegment: next,
      allocateFile: next,
      onProblem: () => {},
      maxOpenFiles: 8,
    }),
  );
  onEnd(() => bodies.close());
  return bodies;
};

class Exchange implements OriginExchange {
  resumed = 0;
  aborted = 0;

  resume(): void {
    this.resumed++;
  }

  abort(): void {
    this.aborted++;
  }
}

/** A promise that the test resolves. */
const gate = (): { readonly passed: Promise<void>; readonly open: () => void } => {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
};

describe("a body arriving", () => {
  it("stays in memory while it is short", async () => {
    const bodies = openBodies();
    const fill = new LocalFill(bodies, headOf(-1));
    const whole = patternBytes(256 * 1024);
    expect(fill.push(whole.subarray(0, 1000))).toBe(true);
    expect(fill.push(whole.subarray(1000))).toBe(true);
    expect(fill.peek(999)?.length).toBe(1);
    expect(fill.peek(1001)?.length).toBe(whole.length - 1001);
    expect(fill.peek(whole.length)).toBeUndefined();
    expect(fill.wholeBody()).toBeUndefined();
    fill.complete();
    expect(fill.wholeBody()?.equals(whole)).toBe(true);
    await turns(3);
    expect(bodies.openFiles).toBe(0);
  });

  it("goes to a file when it turns out long, and only its end stays in memory", async () => {
    const bodies = openBodies();
    const fill = new LocalFill(bodies, headOf(-1));
    const whole = patternBytes(3 * MIB);
    const reading = readSource(fill, 64 * 1024);
    for (let start = 0; start < whole.length; start += 100_000) {
      fill.push(whole.subarray(start, start + 100_000));
      await turns(4);
    }
    await until(() => fill.peek(0) === undefined);
    expect(fill.peek(whole.length - 1)).toBeDefined();
    fill.complete();
    const location = await fill.store(undefined);
    expect(location).toMatchObject({ bodyBytes: whole.length });
    expect((await reading).equals(whole)).toBe(true);
    expect((await readSource(fill)).equals(whole)).toBe(true);
    fill.settle();
    await turns(3);
    expect([bodies.openFiles, bodies.openReaders]).toEqual([0, 0]);
  });

  it("pauses the origin when the disk is 4 MiB behind and resumes it at 1 MiB", async () => {
    const bodies = openBodies();
    const { passed, open } = gate();
    bodies.beforeWrite = passed;
    const fill = new LocalFill(bodies, headOf(20 * MIB));
    const exchange = new Exchange();
    fill.attach(exchange);
    const answers = Array.from({ length: 10 }, () => fill.push(patternBytes(512 * 1024)));
    expect(answers.indexOf(false)).toBe(8);
    await turns(5);
    expect(exchange.resumed).toBe(0);
    open();
    await until(() => exchange.resumed === 1);
    await turns(20);
    expect(exchange.resumed).toBe(1);
    expect(fill.push(patternBytes(512 * 1024))).toBe(true);
  });

  it("tells other workers what they can read, first at once and then after each write", async () => {
    const bodies = openBodies();
    const fill = new LocalFill(bodies, headOf(12));
    fill.push(Buffer.from("0123"));
    const told: SharedFill[] = [];
    fill.share((shared) => told.push(shared));
    await until(() => told.at(-1)?.availableBytes === 4);
    fill.push(Buffer.from("4567"));
    await until(() => told.at(-1)?.availableBytes === 8);
    expect(told.every(({ totalBytes, file }) => totalBytes === 12 && file === told[0]?.file)).toBe(true);
    fill.push(Buffer.from("89ab"));
    fill.complete();
    expect(await fill.store(undefined)).toMatchObject({ bodyBytes: 12 });
  });

  it("tells its watchers of each change until they stop watching", () => {
    const fill = new LocalFill(openBodies(), headOf(-1));
    const seen: (string | number)[] = [];
    const unwatch = fill.watch(() => seen.push(fill.availableBytes, fill.state));
    fill.push(Buffer.from("ab"));
    fill.complete();
    unwatch();
    fill.fail(new EdgeError("INTERNAL"));
    expect(seen).toEqual([2, "growing", 2, "complete"]);
  });
});

describe("a body that breaks off", () => {
  it("removes its file and closes what was open", async () => {
    const bodies = openBodies();
    const fill = new LocalFill(bodies, headOf(MIB));
    fill.push(patternBytes(300_000));
    const reading = readSource(fill);
    await turns(10);
    fill.fail(new EdgeError("ORIGIN_CLOSED"));
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await until(() => bodies.openFiles === 0 && bodies.openReaders === 0);
  });

  it("never says that bytes are available which it cannot give: a slow reader would spin for ever", async () => {
    const fill = new LocalFill(openBodies(), headOf(10));
    fill.retain();
    fill.push(Buffer.from("01234"));
    fill.fail(new EdgeError("ORIGIN_CLOSED"));
    await turns(5);
    const target = Buffer.alloc(10);
    const count = fill.availableBytes === 0 ? 1 : await fill.read(target, 10, 0).catch(() => 1);
    expect(count).toBeGreaterThan(0);
  });
});

describe("a full disk", () => {
  it("ends the exchange and tells the readers", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const fill = new LocalFill(bodies, headOf(MIB));
    const exchange = new Exchange();
    fill.attach(exchange);
    fill.push(patternBytes(100_000));
    const reading = readSource(fill);
    const failed = expect(reading).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await until(() => fill.state === "failed");
    await failed;
    expect(exchange.aborted).toBe(1);
    await until(() => bodies.openFiles === 0);
  });

  it("still gives a complete body to those who read it", async () => {
    const bodies = openBodies();
    const { passed, open } = gate();
    bodies.beforeWrite = passed;
    bodies.failsToWrite = true;
    const fill = new LocalFill(bodies, headOf(MIB));
    const whole = patternBytes(MIB);
    fill.push(whole);
    fill.complete();
    fill.retain();
    const storing = fill.store(undefined);
    const failed = expect(storing).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    open();
    await failed;
    fill.settle();
    expect((await readSource(fill)).equals(whole)).toBe(true);
    fill.release();
  });

  it("closes the file of a complete body that could not be written", async () => {
    const bodies = openBodies();
    const { passed, open } = gate();
    bodies.beforeWrite = passed;
    bodies.failsToWrite = true;
    const fill = new LocalFill(bodies, headOf(MIB));
    fill.push(patternBytes(MIB));
    fill.complete();
    const storing = fill.store(undefined).catch(() => {});
    open();
    await storing;
    fill.settle();
    await turns(20);
    expect(bodies.openFiles).toBe(0);
  });

  it("is no unhandled rejection, which would end the worker with all its connections", async () => {
    const unhandled: unknown[] = [];
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", (cause) => unhandled.push(cause));
    try {
      const bodies = openBodies();
      bodies.failsToCreate = true;
      const fill = new LocalFill(bodies, headOf(MIB));
      fill.attach(new Exchange());
      fill.push(patternBytes(1000));
      await until(() => fill.state === "failed");
      await turns(5);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of others) process.on("unhandledRejection", listener);
    }
    expect(unhandled).toEqual([]);
  });
});
