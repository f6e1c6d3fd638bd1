import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { format, make, resize, run } from "./support/conversion.ts";
import { animatedGif, photo } from "./support/pictures.ts";

const sources: Record<string, Uint8Array> = {};

beforeAll(async () => {
  sources["baseline JPEG"] = await photo(40, 30).jpeg().toBuffer();
  sources["progressive JPEG"] = await photo(40, 30)
    .jpeg({ progressive: true })
    .withMetadata({ orientation: 6 })
    .toBuffer();
  sources["CMYK JPEG"] = await photo(40, 30).toColourspace("cmyk").jpeg().toBuffer();
  sources.PNG = await photo(40, 30).png().toBuffer();
  sources["palette PNG"] = await photo(40, 30).png({ palette: true, progressive: true }).toBuffer();
  sources["deep PNG"] = await photo(40, 30).toColourspace("rgb16").png().toBuffer();
  sources.GIF = animatedGif(
    40,
    30,
    [255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255],
    [1, 2, 3].map((colour) => ({ left: 3 * colour, top: colour, width: 20, height: 20, colour, delayMs: 50 })),
  );
  sources.WebP = await photo(40, 30).webp().toBuffer();
  sources["lossless WebP"] = await photo(40, 30).webp({ lossless: true }).toBuffer();
  sources["animated WebP"] = (await make(sources.GIF, [format("webp")])).body;
  sources.AVIF = await photo(40, 30).avif({ effort: 0 }).toBuffer();
});

/** A sequence of numbers that looks random and is the same in each run. */
const numbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const mutate = (source: Uint8Array, next: () => number): Uint8Array => {
  const isCut = next() < 0.25;
  const mutant = Uint8Array.from(isCut ? source.subarray(0, Math.floor(next() * source.length)) : source);
  const flips = isCut ? 0 : 1 + Math.floor(next() * 6);
  for (let flip = 0; flip < flips; flip++) {
    const place = Math.floor((next() < 0.5 ? next() ** 3 : next()) * mutant.length);
    mutant[place] = next() < 0.7 ? (mutant[place] ?? 0) ^ (1 << Math.floor(next() * 8)) : Math.floor(next() * 256);
  }
  return mutant;
};

const CHAINS = [
  [resize("20x20")],
  [{ kind: "trim" }, { kind: "rotate", degrees: 30 }],
  [{ kind: "optimize" }],
  [{ kind: "strip", isOn: true }, { kind: "optimize" }],
  [{ kind: "sepia", threshold: 0.5 }, { kind: "round", radius: 5 }, format("png")],
  [{ kind: "describe", form: "info" }],
] as const;

describe("hostile sources", () => {
  it("six hundred broken files: a picture or a refusal, never anything else", async () => {
    const next = numbers(20260101);
    const outcomes = new Map<string, number>();
    for (const [name, source] of Object.entries(sources)) {
      for (let count = 0; count < 56; count++) {
        const chain = CHAINS[Math.floor(next() * CHAINS.length)] ?? [];
        const outcome = await run(mutate(source, next), chain, {
          maxPixels: 4_000_000,
          stripsLocation: count % 3 === 0,
        });
        if (outcome.kind === "refused")
          expect([name, ["unreadable", "conversion"].includes(outcome.reason)]).toEqual([name, true]);
        outcomes.set(outcome.kind, (outcomes.get(outcome.kind) ?? 0) + 1);
      }
    }
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(600);
    expect(outcomes.get("refused")).toBeGreaterThan(100);
    expect(outcomes.get("done")).toBeGreaterThan(50);
  }, 60_000);

  it.each(["baseline JPEG", "PNG", "WebP", "AVIF"])("DIMS-11 a %s that was cut off is unreadable", async (name) => {
    const source = sources[name] ?? new Uint8Array();
    const outcome = await run(source.subarray(0, source.length >> 1), [resize("20x20")]);
    expect(outcome).toMatchObject({ kind: "refused", reason: "unreadable" });
  });

  it("of a GIF that was cut off, the whole frames are left", async () => {
    const source = sources.GIF ?? new Uint8Array();
    const { body } = await make(source.subarray(0, source.length - 40), [resize("20x20")]);
    expect((await sharp(body).metadata()).pages).toBeLessThan(4);
  });

  it.each([
    ["nothing", ""],
    ["text", "this is no picture"],
    ["HTML", "<!doctype html><title>404</title>"],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>'],
    [
      "SVG with entities and references",
      '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="99" height="99"><text>&x;</text><image xlink:href="http://127.0.0.1:1/x.png"/><image xlink:href="file:///etc/hostname"/></svg>',
    ],
    ["PDF", "%PDF-1.7\n1 0 obj\n"],
    ["a JPEG that begins as text", "GIF89a\xff\xd8\xff"],
  ])("DIMS-11 %s is unreadable", async (_, text) => {
    expect(await run(Buffer.from(text, "latin1"), [resize("20x20")])).toMatchObject({
      kind: "refused",
      reason: "unreadable",
    });
  });

  it("TIFF and camera formats stay shut", async () => {
    const tiff = await photo(20, 20).tiff().toBuffer();
    expect(await run(tiff, [resize("20x20")])).toMatchObject({ kind: "refused", reason: "unreadable" });
  });

  const chunk = (name: string, data: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
  };

  const pngOf = (width: number, height: number, data: Uint8Array): Buffer => {
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", new Uint8Array())]);
  };

  it.each([
    ["100,000 by 100,000", 100_000, 100_000],
    ["as wide as PNG can be", 0x7fffffff, 1],
    ["20,000 by 20,000", 20_000, 20_000],
  ])("DIMS-48 a PNG of %s pixels is refused by its header", async (_, width, height) => {
    const bomb = pngOf(width, height, deflateSync(Buffer.alloc(4_000_000)));
    expect(await run(bomb, [resize("20x20")])).toMatchObject({ kind: "refused" });
  });

  it("DIMS-48 a GIF of 10,000 frames is refused; its first frames are not", async () => {
    const frame = { left: 0, top: 0, width: 8, height: 8, colour: 1, delayMs: 20 };
    const bomb = animatedGif(200, 200, [255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255], Array(10_000).fill(frame));
    expect(await run(bomb, [resize("20x20")])).toMatchObject({ kind: "refused", reason: "conversion" });
    expect(await run(bomb, [{ kind: "limit", frames: 2 }, resize("20x20")])).toMatchObject({ kind: "done" });
  });

  it("a polyglot is what its first bytes say", async () => {
    const both = Buffer.concat([
      sources.PNG ?? Buffer.of(),
      Buffer.from("<script>alert(1)</script>"),
      sources.GIF ?? Buffer.of(),
    ]);
    const { body, contentType } = await make(both, [resize("20x20")]);
    expect([contentType, Buffer.from(body).includes("script")]).toEqual(["image/png", false]);
    expect((await sharp(body).metadata()).format).toBe("png");
  });
});
