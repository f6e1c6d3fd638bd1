import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeHead } from "@basalt/cache/stored-head";
import type { MediaTask } from "@basalt/media";
import { computeCacheKey, openBodyStore, type RowImage } from "@basalt/store";
import type { MediaJob, TransformPool } from "@basalt/transform";
import { EdgeError, epochMs } from "@basalt/types";
import { describe, expect, it, onTestFinished } from "vitest";
import { MediaIndexes } from "../src/mediaIndexes.ts";
import { openMediaMemory } from "../src/mediaMemory.ts";
import { LackingBytes, type MediaSource, openMediaSource } from "../src/mediaSource.ts";
import { makeOfMedia } from "../src/mediaWork.ts";
import { derive } from "../src/transformWork.ts";

const TERMS = { vhost: "a", weight: 1, maxRunning: 1, priority: "asked", heldBytes: 0 } as const;
const RELOCATE: MediaTask = { kind: "relocate" };

const WANTED = { start: 40_000, end: 40_100 };

/** A thread that finds every header readable, and needs some bytes of the film for whatever it is asked. */
const poolOf = (jobs: MediaJob[]): TransformPool => {
  const unused = () => Promise.reject(new Error("not asked for"));
  return {
    run: unused,
    runPiece: unused,
    runMedia: async (_terms, load) => {
      const job = await load();
      jobs.push(job);
      const { work, pieces } = job;
      if (work.kind === "index") return { kind: "indexed", memory: new SharedArrayBuffer(100) };
      const [piece] = pieces;
      if (piece === undefined) return { kind: "needs", ranges: [WANTED] };
      return { kind: "bytes", body: Uint8Array.from(piece.bytes), contentType: "video/MP2T" };
    },
    figures: { waiting: 0, running: 0, done: 0, failed: 0, refused: 0, cancelled: 0, overloaded: 0 },
    setLimits: () => {},
    setStarting: () => {},
    retire: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};

const box = (type: string, content: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, content]);
};

/** The header behind the pictures. */
const film = Buffer.concat([
  box("ftyp", Buffer.from("isom\0\0\0\0")),
  box("mdat", Buffer.alloc(100_000, 1)),
  box("moov", box("free", Buffer.alloc(500))),
]);

/** A source of which only some ranges are there. */
class HeldSource implements MediaSource {
  readonly identity = "1/1";
  readonly bytes: Buffer;
  readonly held: { readonly start: number; readonly end: number }[];

  constructor(bytes: Buffer, held: { readonly start: number; readonly end: number }[]) {
    this.bytes = bytes;
    this.held = held;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  async expect(ranges: readonly { readonly start: number; readonly end: number }[]): Promise<void> {
    const lacking = ranges.filter(
      ({ start, end }) => !this.held.some((each) => each.start <= start && end <= each.end),
    );
    if (lacking.length > 0) throw new LackingBytes(lacking);
  }

  async read({ start, end }: { readonly start: number; readonly end: number }): Promise<Uint8Array<ArrayBuffer>> {
    return Uint8Array.from(this.bytes.subarray(start, end));
  }

  async readInto({ start, end }: { readonly start: number; readonly end: number }, target: Uint8Array): Promise<void> {
    target.set(this.bytes.subarray(start, end));
  }

  release(): void {}
}

const work = (source: MediaSource, task: MediaTask, indexes = new MediaIndexes(1_000_000), jobs: MediaJob[] = []) =>
  makeOfMedia(
    {
      pool: poolOf(jobs),
      indexes,
      format: "mp4",
      task,
      source,
      storedIndex: async () => undefined,
      memory: openMediaMemory(2),
      terms: TERMS,
      watch: {},
    },
    async (made) => made,
  );

const lackingOf = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (cause) {
    if (cause instanceof LackingBytes) return cause.ranges;
    throw cause;
  }
  return [];
};

/** Of one folder, as two processes have them. */
const twoStores = () => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-media-"));
  let number = 1;
  const open = () =>
    openBodyStore({
      disks: [{ number: 1, path: folder }],
      allocateSegment: () => Promise.resolve(number++),
      allocateFile: () => Promise.resolve(number++),
      onProblem: () => {},
      maxOpenFiles: 10,
    });
  const stores = [open(), open()] as const;
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true });
  });
  return [...stores, folder] as const;
};

describe("media jobs of the transform host", () => {
  it("MEDIA-41: name the ranges that they lack, and no more: the header wherever it lies, then what they are for", async () => {
    const source = new HeldSource(film, [{ start: 0, end: 16 }]);
    const indexes = new MediaIndexes(1_000_000);
    for (let round = 0; round < 8; round++) {
      const lacking = await lackingOf(work(source, RELOCATE, indexes));
      if (lacking.length === 0) break;
      source.held.push(...lacking);
    }
    expect(await work(source, RELOCATE, indexes)).toMatchObject({ kind: "bytes", body: { length: 100 } });
    const heldBytes = source.held.reduce((sum, { start, end }) => sum + end - start, 0);
    expect(heldBytes).toBeLessThan(film.length / 2);
  });

  it("MEDIA-03: index a file once for all tasks on it", async () => {
    const source = new HeldSource(film, [{ start: 0, end: film.length }]);
    const indexes = new MediaIndexes(1_000_000);
    const jobs: MediaJob[] = [];
    await Promise.all([work(source, RELOCATE, indexes, jobs), work(source, RELOCATE, indexes, jobs)]);
    await work(source, RELOCATE, indexes, jobs);
    expect(jobs.filter((job) => job.work.kind === "index")).toHaveLength(1);
    expect(indexes.bytes).toBeGreaterThan(0);
  });

  it("MEDIA-06: say of what is no film that it is unreadable", async () => {
    const noise = Buffer.alloc(5_000, 7);
    const source = new HeldSource(noise, [{ start: 0, end: noise.length }]);
    expect((await work(source, RELOCATE)).kind).toBe("unreadable");
  });
});

const HEAD = encodeHead({
  url: "/film.mp4",
  variant: "",
  selection: "",
  status: 200,
  fields: [],
  bodyBytes: -1,
  storedAtMs: 1,
  validatedAtMs: 1,
  initialAgeSeconds: 0,
  bodyVersion: 1,
  sourceVersion: 1,
});

const IMAGE: RowImage = {
  key: computeCacheKey("a", "/film.mp4", ""),
  vhost: "a",
  url: "/film.mp4",
  version: 1,
  freshUntil: epochMs(1),
  ttl: 1,
  updatedAt: epochMs(1),
  flags: 0,
};

describe("where no disk takes what is made", () => {
  it("OPT-75: it is given back to whoever asked", async () => {
    const bodies = openBodyStore({
      disks: [],
      allocateSegment: () => Promise.resolve(1),
      allocateFile: () => Promise.resolve(1),
      onProblem: () => {},
      maxOpenFiles: 10,
    });
    onTestFinished(() => bodies.close());
    const reply = await derive(
      {
        bodies,
        pool: poolOf([]),
        mediaIndexes: new MediaIndexes(1_000_000),
        mediaMemory: openMediaMemory(2),
      },
      {
        number: 1,
        share: { weight: 100, threads: 0 },
        request: {
          id: 1,
          vhost: "a",
          source: { kind: "bytes", body: film },
          operation: { kind: "media", format: "mp4", task: RELOCATE },
          priority: "asked",
          maxSourceBytes: 100_000_000,
          head: HEAD,
          image: IMAGE,
        },
      },
      {},
    );
    expect(reply).toMatchObject({ kind: "made", body: { length: 100 } });
  });
});

describe("a film with a damaged block", () => {
  it("MEDIA-54: is told to lack it, though the damage shows only when a job is loaded", async () => {
    const [writing, bodies, folder] = twoStores();
    const long = Buffer.concat([film.subarray(0, 16), box("mdat", Buffer.alloc(2_000_000, 3)), film.subarray(-516)]);
    const file = await writing.createParted(IMAGE, Buffer.from("head"), long.length);
    const part = await file.startPart(0);
    await part.write(long);
    await part.close();
    const damagedAt = 600_000;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.name.endsWith(".body")) continue;
      const descriptor = openSync(join(entry.parentPath, entry.name), "r+");
      writeSync(descriptor, Buffer.from("damage"), 0, 6, damagedAt);
      closeSync(descriptor);
    }
    const wanted = { start: damagedAt - 100, end: damagedAt + 100 };
    const pool: TransformPool = {
      ...poolOf([]),
      // As the pool does with what a job meets while it is loaded.
      runMedia: async (_terms, load) => {
        try {
          const { work, pieces } = await load();
          if (work.kind === "index") return { kind: "indexed", memory: new SharedArrayBuffer(100) };
          return pieces.length === 0 ? { kind: "needs", ranges: [wanted] } : { kind: "unchanged", reason: "" };
        } catch (cause) {
          throw EdgeError.from(cause, "TRANSFORM_FAILED");
        }
      },
    };
    const reply = await derive(
      {
        bodies,
        pool,
        mediaIndexes: new MediaIndexes(1_000_000),
        mediaMemory: openMediaMemory(2),
      },
      {
        number: 1,
        share: { weight: 100, threads: 0 },
        request: {
          id: 1,
          vhost: "a",
          source: { kind: "stored", location: file.location },
          operation: { kind: "media", format: "mp4", task: RELOCATE },
          priority: "asked",
          maxSourceBytes: 100_000_000,
          head: HEAD,
          image: IMAGE,
        },
      },
      {},
    );
    expect(reply).toEqual({ kind: "lacking", ranges: [wanted] });
    file.release();
  });
});

describe("what is known of media files", () => {
  const memory = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

  it("keeps what was used last, within its limit", async () => {
    const indexes = new MediaIndexes(100);
    let made = 0;
    const use = (name: string) =>
      indexes.of(name, async () => {
        made++;
        return memory(40);
      });
    await use("a");
    await use("b");
    await use("a");
    await use("c");
    expect(indexes.bytes).toBe(80);
    await use("a");
    expect(made).toBe(3);
    await use("b");
    expect(made).toBe(4);
  });

  it("a failure is not kept, and reaches all who wait", async () => {
    const indexes = new MediaIndexes(100);
    const { promise, reject } = Promise.withResolvers<SharedArrayBuffer>();
    const waiting = [indexes.of("a", () => promise), indexes.of("a", () => promise)];
    reject(new Error("no"));
    for (const each of waiting) await expect(each).rejects.toThrow("no");
    expect((await indexes.of("a", async () => memory(1)))?.byteLength).toBe(1);
  });
});

describe("a stored film as jobs read it", () => {
  it("MEDIA-42: tells which of its bytes are not there, also when another process has written some meanwhile", async () => {
    const [writing, reading] = twoStores();
    const image: RowImage = {
      key: computeCacheKey("a", "/film.mp4", ""),
      vhost: "a",
      url: "/film.mp4",
      version: 1,
      freshUntil: epochMs(1),
      ttl: 1,
      updatedAt: epochMs(1),
      flags: 0,
    };
    const body = Buffer.alloc(3 * 1024 * 1024, 9);
    const file = await writing.createParted(image, Buffer.from("head"), body.length);
    const source = await openMediaSource(reading, { kind: "stored", location: file.location });
    const range = { start: 10, end: 20 };
    expect(await lackingOf(source.expect([range, { start: 2_500_000, end: 2_500_001 }]))).toHaveLength(2);
    const part = await file.startPart(0);
    await part.write(body.subarray(0, 1024 * 1024));
    await part.close();
    await source.expect([range]);
    expect(Buffer.from(await source.read(range)).equals(body.subarray(10, 20))).toBe(true);
    const ahead = [
      { start: 30, end: 40 },
      { start: 2_900_000, end: 2_900_010 },
    ];
    expect(await lackingOf(source.expect([{ start: 2_500_000, end: 2_500_001 }], ahead))).toEqual([
      { start: 2_500_000, end: 2_500_001 },
      ahead[1],
    ]);
    source.release();
    file.release();
  });
});
