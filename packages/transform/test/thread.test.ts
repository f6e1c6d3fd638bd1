import { isMarkedAsUntransferable } from "node:worker_threads";
import type { ImageTask } from "@basalt/policy/dims";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { PieceJob, WholeJob } from "../src/contract.ts";
import { convertImage } from "../src/images/convertImage.ts";
import runInThread from "../src/thread.ts";
import { resize, SETTINGS } from "./images/support/conversion.ts";

const PICTURE = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#204060" } })
  .jpeg()
  .toBuffer();
const NOISE = Uint8Array.from({ length: 2_000 }, (_, at) => Math.imul(at, at * 2_654_435_761) >>> 24);

const image = (...commands: ImageTask["commands"]): ImageTask => ({ kind: "image", commands, settings: SETTINGS });
const encryption = (algorithm: "RC4" | "AES-128-CTR") =>
  ({ kind: "encrypt", algorithm, key: new Uint8Array(16), iv: new Uint8Array(16) }) as const;
const whole = (operation: WholeJob["operation"], source: Uint8Array): WholeJob => ({
  kind: "whole",
  operation,
  source: Uint8Array.from(source),
});

describe("memory of the source", () => {
  it.each<[string, WholeJob | PieceJob]>([
    ["a picture that was converted", whole(image(resize("16x")), PICTURE)],
    ["a picture that stays as it is", whole(image(), PICTURE)],
    ["what is no picture", whole(image(resize("16x")), NOISE)],
    ["a body that was compressed", whole({ kind: "compress", coding: "gzip", level: 1 }, new Uint8Array(9_000))],
    ["a body that does not become smaller", whole({ kind: "compress", coding: "gzip", level: 1 }, NOISE)],
    [
      "a piece",
      { kind: "piece", operation: encryption("AES-128-CTR"), source: NOISE.slice(), state: undefined, isLast: true },
    ],
  ])("DIMS-18 goes back as soon as the job is over: %s", async (_, job) => {
    const { buffer } = job.source;
    await runInThread(job);
    expect(buffer.detached).toBe(true);
  });

  it("stays where it has become the result", async () => {
    const job = whole(encryption("RC4"), NOISE);
    await runInThread(job);
    expect(job.source.buffer.detached).toBe(false);
    expect(job.source).not.toEqual(NOISE);
  });
});

it("writes pictures into memory that is handed over without a copy", async () => {
  const outcome = await convertImage(image(resize("16x")), Uint8Array.from(PICTURE));
  if (outcome.kind !== "done") throw new Error(outcome.kind);
  expect(outcome.body.byteLength).toBe(outcome.body.buffer.byteLength);
  expect(isMarkedAsUntransferable(outcome.body.buffer)).toBe(false);
});
