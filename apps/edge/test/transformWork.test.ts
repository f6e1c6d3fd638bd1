import { createCipheriv, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { DeriveReply, DeriveRequest } from "@basalt/cache";
import { decodeHead, encodeHead, type StoredHead } from "@basalt/cache/stored-head";
import type { MediaTask } from "@basalt/media";
import { computeCacheKey, type ObjectLocation, openBodyStore, type RowImage } from "@basalt/store";
import { createTransformPool } from "@basalt/transform";
import { epochMs } from "@basalt/types";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { MediaIndexes } from "../src/mediaIndexes.ts";
import { openMediaMemory } from "../src/mediaMemory.ts";
import { readPiece, readSource } from "../src/transformSource.ts";
import { derive } from "../src/transformWork.ts";

const HEAD: StoredHead = {
  url: "/a",
  variant: "",
  selection: "",
  status: 200,
  fields: ["content-type", "text/plain", "ETag", '"1"'],
  bodyBytes: -1,
  storedAtMs: 1,
  validatedAtMs: 1,
  initialAgeSeconds: 0,
  bodyVersion: 1,
  sourceVersion: 1,
};

const IMAGE: RowImage = {
  key: computeCacheKey("a", "/a", ""),
  vhost: "a",
  url: "/a",
  version: 1,
  freshUntil: epochMs(0),
  ttl: 1,
  updatedAt: epochMs(0),
  flags: 0,
};

const GZIP = { kind: "compress", coding: "gzip", level: 6 } as const;
const SHARE = { weight: 100, threads: 0 };

const open = () => {
  const folder = mkdtempSync(join(tmpdir(), "basalt-transform-work-"));
  let id = 0;
  const bodies = openBodyStore({
    disks: [{ number: 1, path: folder }],
    allocateSegment: async () => ++id,
    allocateFile: async () => ++id,
    onProblem: () => {},
    onDiskFailure: () => {},
    onDiskFull: () => {},
    maxOpenFiles: 20,
  });
  const pool = createTransformPool({
    threads: 1,
    queueLimit: 10,
    queueLimitBytes: 10_000,
    deadlineMs: 60_000,
    idleThreadMs: 60_000,
    onStuckThread: () => {},
  });
  onTestFinished(async () => {
    await pool.close();
    await bodies.close();
    rmSync(folder, { recursive: true });
  });
  const mediaMemory = openMediaMemory(2);
  const ask = (request: Pick<DeriveRequest, "source" | "operation"> & Partial<DeriveRequest>): Promise<DeriveReply> =>
    derive(
      { bodies, pool, mediaIndexes: new MediaIndexes(1_000_000), mediaMemory },
      {
        number: 1,
        share: SHARE,
        request: {
          id: 1,
          vhost: "a",
          priority: "asked",
          maxSourceBytes: 100_000_000,
          head: encodeHead(HEAD),
          image: IMAGE,
          ...request,
        },
      },
      {},
    );
  const bodyOf = async (location: ObjectLocation): Promise<Buffer> =>
    Buffer.from(await readSource(bodies, { kind: "stored", location }));
  return { bodies, ask, bodyOf, mediaMemory };
};

const text = Buffer.from("All work and no play. ".repeat(1_000));

describe("a job of the transform host", () => {
  it("makes a stored object of a stored source", async () => {
    const { bodies, ask, bodyOf } = open();
    const location = await bodies.append(IMAGE, encodeHead(HEAD), text);
    const reply = await ask({ source: { kind: "stored", location }, operation: GZIP });
    if (reply.kind !== "stored") throw new Error(reply.kind);
    expect(gunzipSync(await bodyOf(reply.location))).toEqual(text);
    expect(decodeHead(reply.head)?.bodyBytes).toBe(reply.location.bodyBytes);
  });

  it("stores nothing of bytes that are for one request alone", async () => {
    const { ask } = open();
    const reply = await ask({ source: { kind: "bytes", body: text }, operation: GZIP, image: undefined });
    if (reply.kind !== "made") throw new Error(reply.kind);
    expect(gunzipSync(reply.body)).toEqual(text);
    expect(decodeHead(reply.head)).toMatchObject({ bodyBytes: reply.body.length, fields: HEAD.fields });
  });

  it("DIMS-03 refuses a source that is too large before it is read", async () => {
    const { ask } = open();
    const location = { disk: 9, segment: 9, offset: 0, headBytes: 1, bodyBytes: 101, file: 0 };
    expect(await ask({ source: { kind: "stored", location }, operation: GZIP, maxSourceBytes: 100 })).toEqual({
      kind: "refused",
      reason: "tooLarge",
      detail: "101 bytes, above 100",
    });
  });

  it("tells what is unreadable, and takes the Content-Type from the outcome", async () => {
    const { ask } = open();
    const operation = {
      kind: "image",
      commands: [{ kind: "format", format: "png" }],
      settings: {
        firstFrameOnly: false,
        maxSidePixels: 10_000,
        maxPixels: 1_000_000,
        maxFrames: 10,
        autoOrient: false,
        convertsToSrgb: false,
        stripsLocation: false,
        keepsSmaller: false,
        targetSimilarity: 0.98,
      },
    } as const;
    const gif = Buffer.from("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=", "base64");
    const made = await ask({ source: { kind: "bytes", body: gif }, operation, image: undefined });
    if (made.kind !== "made") throw new Error(JSON.stringify(made));
    expect(decodeHead(made.head)?.fields).toEqual(["ETag", '"1"', "Content-Type", "image/png"]);
    const reply = await ask({ source: { kind: "bytes", body: text }, operation, image: undefined });
    expect(reply).toMatchObject({ kind: "refused", reason: "unreadable" });
  });

  it("fails when its source is gone", async () => {
    const { ask } = open();
    const location = { disk: 1, segment: 9, offset: 0, headBytes: 1, bodyBytes: 10, file: 0 };
    await expect(ask({ source: { kind: "stored", location }, operation: GZIP })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
  });

  it("fails when its source is cut off", async () => {
    const reader = { read: async () => 0, release: () => {} };
    await expect(readPiece(reader, 0, 10)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

describe("a body that is too long for one piece of memory", () => {
  const key = randomBytes(16);
  const iv = randomBytes(16);
  let body: Buffer;
  beforeAll(() => {
    body = randomBytes(18 * 1024 ** 2 + 5);
  });

  it.each([
    ["AES-128-CBC", "aes-128-cbc"],
    ["AES-128-CTR", "aes-128-ctr"],
  ] as const)("is encrypted by %s in pieces, with the same result", async (algorithm, cipher) => {
    const { bodies, ask, bodyOf } = open();
    const location = await bodies.append(IMAGE, encodeHead(HEAD), body);
    const reply = await ask({
      source: { kind: "stored", location },
      operation: { kind: "encrypt", algorithm, key, iv },
    });
    if (reply.kind !== "stored") throw new Error(reply.kind);
    const whole = createCipheriv(cipher, key, iv);
    expect((await bodyOf(reply.location)).equals(Buffer.concat([whole.update(body), whole.final()]))).toBe(true);
    expect(decodeHead(reply.head)?.bodyBytes).toBe(reply.location.bodyBytes);
  });
});

describe("a segment of a film", () => {
  const film = readFileSync(new URL("../../../packages/media/test/corpus/front.mp4", import.meta.url));
  const segmentTask = (form: "ts" | "fmp4"): MediaTask => ({
    kind: "segment",
    number: 0,
    segmenting: { form, durationSeconds: 2, sequence: 0 },
    cut: undefined,
    encryption: undefined,
  });

  it("MEDIA-36 is the same in memory that was used for others before, and that memory is used again", async () => {
    const { bodies, ask, bodyOf, mediaMemory } = open();
    const location = await bodies.append(IMAGE, encodeHead(HEAD), film);
    const made = async (form: "ts" | "fmp4"): Promise<Buffer> => {
      const reply = await ask({
        source: { kind: "stored", location },
        operation: { kind: "media", format: "mp4", task: segmentTask(form) },
      });
      if (reply.kind !== "stored") throw new Error(JSON.stringify(reply));
      return await bodyOf(reply.location);
    };
    const stream = await made("ts");
    expect(stream.length % 188).toBe(0);
    expect(mediaMemory.spareCount).toBe(1);
    const fragment = await made("fmp4");
    expect(fragment.toString("latin1", 4, 8)).toBe("styp");
    expect((await made("ts")).equals(stream)).toBe(true);
    expect((await made("fmp4")).equals(fragment)).toBe(true);
    expect(mediaMemory.spareCount).toBe(1);
    // What goes to whoever asked, and not to a disk, is still to be sent when the next is made.
    const sent = await ask({
      source: { kind: "stored", location },
      operation: { kind: "media", format: "mp4", task: segmentTask("ts") },
      image: undefined,
    });
    if (sent.kind !== "made") throw new Error(sent.kind);
    await made("fmp4");
    expect(sent.body.equals(stream)).toBe(true);
  });
});
