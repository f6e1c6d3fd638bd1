import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageCommand } from "@basalt/policy/dims";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { composite, crop, expectColour, format, make, pixelsOf, resize, run } from "./support/conversion.ts";
import { animatedGif, blocks } from "./support/pictures.ts";

const [RED, GREEN, BLUE] = [
  [255, 0, 0, 255],
  [0, 255, 0, 255],
  [0, 0, 255, 255],
];
const PALETTE = [255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255];

/** A red canvas of 80 by 40, on which each frame puts a square further right: green and blue by turns. */
const walk = (frames: number) =>
  animatedGif(
    80,
    40,
    PALETTE,
    Array.from({ length: frames }, (_, index) =>
      index === 0
        ? { left: 0, top: 0, width: 80, height: 40, colour: 1, delayMs: 100 }
        : {
            left: 8 * (index - 1),
            top: 10,
            width: 8,
            height: 20,
            colour: index % 2 === 1 ? 2 : 3,
            delayMs: 100 + 10 * index,
          },
    ),
    ROUNDS - 1,
  );

const facts = async (file: Uint8Array) => {
  const {
    pages,
    width,
    pageHeight,
    height,
    delay,
    loop,
    format: name,
  } = await sharp(file, { animated: true }).metadata();
  return { frames: pages ?? 1, size: `${width}x${pageHeight ?? height}`, delays: delay, rounds: loop, format: name };
};

/** The file says how often the animation is repeated. */
const ROUNDS = 4;

const DELAYS = [100, 110, 120, 130, 140];

describe("animations", () => {
  it("REG-191 DIMS-90 frames, delays and rounds are kept", async () => {
    const { body } = await make(walk(5), [resize("40x40")]);
    expect(await facts(body)).toEqual({ frames: 5, size: "40x20", delays: DELAYS, rounds: ROUNDS, format: "gif" });
  });

  it("DIMS-91 frames that cover a part of the canvas stay where they are", async () => {
    const pixels = await pixelsOf((await make(walk(5), [resize("40x40")])).body, true);
    expect(pixels.height).toBe(100);
    expectColour(pixels.at(2, 20 + 10), GREEN ?? [], 40);
    expectColour(pixels.at(6, 20 + 10), RED ?? [], 40);
    expectColour(pixels.at(6, 40 + 10), BLUE ?? [], 40);
    expectColour(pixels.at(2, 40 + 10), GREEN ?? [], 40);
    expectColour(pixels.at(30, 80 + 10), RED ?? [], 40);
  });

  it("frames that look the same are still frames", async () => {
    const still = animatedGif(
      20,
      20,
      PALETTE,
      [100, 200, 300].map((delayMs) => ({ left: 0, top: 0, width: 20, height: 20, colour: 2, delayMs })),
    );
    const { body } = await make(still, [resize("10x10")]);
    expect(await facts(body)).toMatchObject({ frames: 3, delays: [100, 200, 300], rounds: 0 });
  });

  it("DIMS-44 DIMS-94 limit keeps the first frames", async () => {
    const { body } = await make(walk(5), [{ kind: "limit", frames: 3 }, resize("40x40")]);
    expect(await facts(body)).toMatchObject({ frames: 3, size: "40x20", delays: DELAYS.slice(0, 3) });
    expect(await facts((await make(walk(2), [{ kind: "limit", frames: 3 }, resize("40x40")])).body)).toMatchObject({
      frames: 2,
    });
    expect(await facts((await make(walk(5), [{ kind: "limit", frames: 2 }])).body)).toMatchObject({ frames: 2 });
  });

  it.each([
    ["DIMS-92 by setting", [resize("40x40")], true, 1],
    ["DIMS-43 by command", [{ kind: "firstFrameOnly", isOn: true }, resize("40x40")], false, 1],
    ["DIMS-93 the command outranks the setting", [{ kind: "firstFrameOnly", isOn: false }, resize("40x40")], true, 5],
  ] as const)("%s: first frame only", async (_, commands, firstFrameOnly, frames) => {
    const { body } = await make(walk(5), commands, { firstFrameOnly });
    expect(await facts(body)).toMatchObject({ frames, size: "40x20" });
  });

  it("becomes an animated WebP, and a single picture elsewhere", async () => {
    const webp = await make(walk(5), [format("webp"), resize("40x40")]);
    expect(await facts(webp.body)).toEqual({
      frames: 5,
      size: "40x20",
      delays: DELAYS,
      rounds: ROUNDS,
      format: "webp",
    });
    expect(await facts((await make(webp.body, [resize("20x20")])).body)).toMatchObject({ frames: 5, delays: DELAYS });
    for (const name of ["png", "jpg", "avif"] as const) {
      expect(await facts((await make(walk(5), [format(name)])).body)).toMatchObject({ frames: 1, size: "80x40" });
    }
  });

  const first = { x: 4, y: 20 };
  it.each<[string, ImageCommand, string, (x: number, y: number) => readonly [number, number]]>([
    ["DIMS-97 upside down", { kind: "flipflop", axis: "vertical" }, "80x40", (x, y) => [x, 39 - y]],
    ["DIMS-97 mirrored", { kind: "flipflop", axis: "horizontal" }, "80x40", (x, y) => [79 - x, y]],
    ["DIMS-99 turned", { kind: "rotate", degrees: 90 }, "40x80", (x, y) => [39 - y, x]],
    ["DIMS-99 turned over", { kind: "rotate", degrees: 180 }, "80x40", (x, y) => [79 - x, 39 - y]],
    ["DIMS-32 cut", crop(30, 30, 2, 5), "30x30", (x, y) => [x - 2, y - 5]],
    ["DIMS-37 on a canvas", { kind: "extent", width: 100, height: 60 }, "100x60", (x, y) => [x + 10, y + 10]],
    [
      "DIMS-46 cut to a box",
      { kind: "resizecrop", width: 80, height: 20, focus: "center" },
      "80x20",
      (x, y) => [x, y - 10],
    ],
  ])("%s: every frame", async (_, command, size, place) => {
    const { body } = await make(walk(5), [command]);
    expect(await facts(body)).toMatchObject({ frames: 5, size, delays: DELAYS });
    const pixels = await pixelsOf(body, true);
    const height = Number(size.split("x")[1]);
    for (const [frame, colour] of [RED, GREEN, GREEN].entries()) {
      const [x, y] = place(first.x, first.y);
      expectColour(pixels.at(x, frame * height + y), colour ?? []);
    }
  });

  it("DIMS-99 and other angles", async () => {
    const { body } = await make(walk(3), [{ kind: "rotate", degrees: 30 }, resize("50x50!")]);
    expect(await facts(body)).toMatchObject({ frames: 3, size: "50x50" });
  });

  it("DIMS-46 resizecrop by attention cuts all frames alike", async () => {
    const { body } = await make(walk(4), [{ kind: "resizecrop", width: 20, height: 20, focus: "attention" }]);
    expect(await facts(body)).toMatchObject({ frames: 4, size: "20x20" });
  });

  it("DIMS-38 trims what is white in every frame", async () => {
    const source = animatedGif(60, 40, PALETTE, [
      { left: 0, top: 0, width: 60, height: 40, colour: 0, delayMs: 100 },
      { left: 10, top: 10, width: 5, height: 5, colour: 1, delayMs: 100 },
      { left: 30, top: 20, width: 5, height: 5, colour: 2, delayMs: 100 },
    ]);
    const { body } = await make(source, [{ kind: "trim" }]);
    expect(await facts(body)).toMatchObject({ frames: 3, size: "25x15", delays: [100, 100, 100] });
    const white = animatedGif(60, 40, PALETTE, [
      { left: 0, top: 0, width: 60, height: 40, colour: 0, delayMs: 100 },
      { left: 10, top: 10, width: 5, height: 5, colour: 0, delayMs: 100 },
    ]);
    expect(await run(white, [{ kind: "trim" }])).toMatchObject({ kind: "unchanged" });
  });

  it("DIMS-41 an overlay lies on every frame, and DIMS-101 every frame is round", async () => {
    const folder = await mkdtemp(join(tmpdir(), "overlay-"));
    try {
      const file = join(folder, "mark.png");
      await writeFile(file, await blocks(10, 60, "#0000ff").png().toBuffer());
      const { body } = await make(walk(3), [composite(file, { gravity: "e" })]);
      const pixels = await pixelsOf(body, true);
      for (const frame of [0, 1, 2]) {
        expectColour(pixels.at(75, frame * 40 + 20), BLUE ?? []);
        expectColour(pixels.at(65, frame * 40 + 1), RED ?? []);
      }
      const round = await pixelsOf((await make(walk(3), [{ kind: "round", radius: 10 }])).body, true);
      expect([0, 1, 2].map((frame) => round.at(0, frame * 40)[3])).toEqual([0, 0, 0]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("DIMS-95 DIMS-96 DIMS-100 effects are on every frame", async () => {
    const { body } = await make(walk(3), [{ kind: "invert" }]);
    const pixels = await pixelsOf(body, true);
    expectColour(pixels.at(70, 85), [0, 255, 255, 255]);
    for (const command of [
      { kind: "grayscale" },
      { kind: "sepia", threshold: 0.8 },
      { kind: "bright", brightness: 20 },
    ] as const) {
      expect(await facts((await make(walk(3), [command])).body)).toMatchObject({ frames: 3, size: "80x40" });
    }
  });

  it("DIMS-48 counts all frames together", async () => {
    const settings = { maxPixels: 80 * 40 * 4 };
    expect(await run(walk(5), [resize("40x40")], settings)).toMatchObject({ kind: "refused", reason: "conversion" });
    expect(await run(walk(5), [{ kind: "limit", frames: 4 }, resize("40x40")], settings)).toMatchObject({
      kind: "done",
    });
    expect(await run(walk(4), [resize("90x90")], settings)).toMatchObject({ kind: "refused", reason: "conversion" });
    expect(await run(walk(5), [resize("40x40")], { maxFrames: 4 })).toMatchObject({ kind: "refused" });
  });
});
