import type { OriginExchange } from "@basalt/origin";
import { computeCacheKey, openBodyStore, type RowImage } from "@basalt/store";
import { EdgeError, epochMs } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { StoredHead } from "../src/index.ts";
import { LocalFill, type SharedBody } from "../src/localFill.ts";
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
  validatedAtMs: 0,
  selection: "",
  initialAgeSeconds: 0,
  bodyVersion: 1,
  sourceVersion: 0,
});

const openBodies = (): WatchedBodies => {
  let last = 0;
  const next = (): Promise<number> => Promise.resolve(++last);
  const bodies = new WatchedBodies(
    openBodyStore({
      disks: [{ number: 1, path: temporaryFolder() }],
      allocateSegment: next,
      allocateFile: next,
      onProblem: () => {},
      maxOpenFiles: 8,
    }),
  );
  onEnd(() => bodies.close());
  return bodies;
};

const IMAGE: RowImage = {
  key: computeCacheKey("www.example.com", "/a", ""),
  vhost: "www.example.com",
  url: "/a",
  version: 1,
  freshUntil: epochMs(1_000_000),
  ttl: 1000,
  updatedAt: epochMs(0),
  flags: 0,
};

/** A fill, and what it told of its store and of its exchange. */
const fillOf = (bodies: WatchedBodies, head: StoredHead) => {
  const told: string[] = [];
  const fill: LocalFill = new LocalFill({
    bodies,
    head,
    control: {
      stop(error) {
        told.push(`stop ${error?.code}`);
        if (error !== undefined) fill.fail(error);
      },
    },
    onUnstored: () => told.push("unstored"),
  });
  return { fill, told };
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
    const fill = fillOf(bodies, headOf(-1)).fill;
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
    const fill = fillOf(bodies, headOf(-1)).fill;
    const whole = patternBytes(3 * MIB);
    const reading = readSource(fill, 64 * 1024);
    for (let start = 0; start < whole.length; start += 100_000) {
      fill.push(whole.subarray(start, start + 100_000));
      await turns(4);
    }
    await until(() => fill.peek(0) === undefined);
    expect(fill.peek(whole.length - 1)).toBeDefined();
    fill.complete();
    const location = await fill.store(undefined, IMAGE);
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
    const fill = fillOf(bodies, headOf(20 * MIB)).fill;
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
    const fill = fillOf(bodies, headOf(12)).fill;
    fill.push(Buffer.from("0123"));
    const told: SharedBody[] = [];
    fill.share((shared) => told.push(shared));
    await until(() => told.at(-1)?.availableBytes === 4);
    fill.push(Buffer.from("4567"));
    await until(() => told.at(-1)?.availableBytes === 8);
    expect(told.every(({ totalBytes, file }) => totalBytes === 12 && file === told[0]?.file)).toBe(true);
    fill.push(Buffer.from("89ab"));
    fill.complete();
    expect(await fill.store(undefined, IMAGE)).toMatchObject({ bodyBytes: 12 });
  });

  it("tells its watchers of each change until they stop watching", () => {
    const fill = fillOf(openBodies(), headOf(-1)).fill;
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
    const fill = fillOf(bodies, headOf(MIB)).fill;
    fill.push(patternBytes(300_000));
    const reading = readSource(fill);
    await turns(10);
    fill.fail(new EdgeError("ORIGIN_CLOSED"));
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    await until(() => bodies.openFiles === 0 && bodies.openReaders === 0);
  });

  it("never says that bytes are available which it cannot give: a slow reader would spin for ever", async () => {
    const fill = fillOf(openBodies(), headOf(10)).fill;
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
  it("lets the body pass through to its readers, at their pace, and keeps nothing", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const { fill, told } = fillOf(bodies, headOf(20 * MIB));
    const exchange = new Exchange();
    fill.attach(exchange);
    const whole = patternBytes(20 * MIB);
    let position = 0;
    fill.retain();
    fill.watch(
      () => {},
      () => position,
    );
    let sent = 0;
    let mayGoOn = true;
    const send = (): void => {
      while (mayGoOn && sent < whole.length) {
        mayGoOn = fill.push(whole.subarray(sent, sent + 512 * 1024));
        sent += 512 * 1024;
      }
    };
    send();
    await until(() => told.includes("unstored"));
    const pieces: Buffer[] = [];
    while (position < whole.length) {
      const piece = fill.peek(position);
      if (piece === undefined) throw new Error(`nothing at ${position}`);
      pieces.push(Buffer.from(piece));
      position += piece.length;
      fill.peek(position);
      expect(fill.pinnedBytes).toBeLessThanOrEqual(6 * MIB);
      if (!mayGoOn && exchange.resumed > 0) {
        exchange.resumed = 0;
        mayGoOn = true;
      }
      send();
      await turns(1);
    }
    fill.complete();
    expect(Buffer.concat(pieces).equals(whole)).toBe(true);
    await expect(fill.store(undefined, IMAGE)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    fill.settle();
    fill.release();
    await until(() => bodies.openFiles === 0);
    expect(told).toEqual(["unstored"]);
  });

  it("ends the exchange when the last reader of what passes through has left", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const { fill, told } = fillOf(bodies, headOf(MIB));
    fill.attach(new Exchange());
    fill.retain();
    fill.push(patternBytes(100_000));
    await until(() => told.length > 0);
    fill.release();
    expect(told).toEqual(["unstored", "stop CLIENT_GONE"]);
    await until(() => bodies.openFiles === 0);
  });

  it("goes on for a reader that keeps up when a slow one leaves", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const { fill, told } = fillOf(bodies, headOf(20 * MIB));
    const exchange = new Exchange();
    fill.attach(exchange);
    const leaving = fill.watch(
      () => {},
      () => 0,
    );
    let position = 0;
    fill.retain();
    fill.retain();
    fill.watch(
      () => {},
      () => position,
    );
    await turns(2);
    while (fill.push(patternBytes(64 * 1024))) await turns(1);
    await until(() => told.includes("unstored"));
    for (let data = fill.peek(position); data !== undefined; data = fill.peek(position)) position += data.length;
    expect(exchange.resumed).toBe(0);
    leaving();
    fill.release();
    expect(exchange.resumed).toBe(1);
  });

  it("lets an exchange end of which everything has arrived, so that its connection is used again", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const { fill, told } = fillOf(bodies, headOf(6 * MIB));
    fill.attach(new Exchange());
    fill.retain();
    let position = 0;
    const unwatch = fill.watch(
      () => {},
      () => position,
    );
    await turns(2);
    for (let sent = MIB; sent <= 5 * MIB; sent += MIB) {
      fill.push(patternBytes(MIB));
      position = sent;
      await turns(2);
    }
    await until(() => told.includes("unstored"));
    fill.watch(() => {
      if (position === 6 * MIB) return;
      position = 6 * MIB;
      unwatch();
      fill.release();
    });
    expect(fill.push(patternBytes(MIB))).toBe(true);
    await turns(2);
    expect(told).toEqual(["unstored"]);
    fill.complete();
    fill.settle();
  });

  it("ends what nobody reads", async () => {
    const bodies = openBodies();
    bodies.failsToWrite = true;
    const { fill, told } = fillOf(bodies, headOf(20 * MIB));
    fill.attach(new Exchange());
    fill.push(patternBytes(MIB));
    await until(() => told.includes("stop CLIENT_GONE"), "the end of the exchange");
  });

  it("still gives a complete body to those who read it", async () => {
    const bodies = openBodies();
    const { passed, open } = gate();
    bodies.beforeWrite = passed;
    bodies.failsToWrite = true;
    const fill = fillOf(bodies, headOf(MIB)).fill;
    const whole = patternBytes(MIB);
    fill.push(whole);
    fill.complete();
    fill.retain();
    const storing = fill.store(undefined, IMAGE);
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
    const fill = fillOf(bodies, headOf(MIB)).fill;
    fill.push(patternBytes(MIB));
    fill.complete();
    const storing = fill.store(undefined, IMAGE).catch(() => {});
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
      const fill = fillOf(bodies, headOf(MIB)).fill;
      fill.attach(new Exchange());
      fill.push(patternBytes(1000));
      await until(() => bodies.creating === 0);
      await turns(5);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const listener of others) process.on("unhandledRejection", listener);
    }
    expect(unhandled).toEqual([]);
  });
});
