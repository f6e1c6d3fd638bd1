import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageCommand } from "@basalt/policy/dims";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, composite, crop, format, make, pixelsOf, resize, run, similarity } from "./support/conversion.ts";
import { blocks, photo } from "./support/pictures.ts";

let folder: string;
let mark: string;
const sources: Record<string, Buffer> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chains-"));
  mark = join(folder, "mark.png");
  await writeFile(mark, await blocks(20, 10, "#ff0000").png().toBuffer());
  sources.plain = await photo(96, 64).png().toBuffer();
  sources.clear = await blocks(96, 64, "#00000000", [{ left: 20, top: 10, width: 50, height: 40, colour: "#3070c0" }])
    .png()
    .toBuffer();
  sources.turned = await photo(96, 64).withMetadata({ orientation: 6 }).png().toBuffer();
  sources.grey = await photo(96, 64).toColourspace("b-w").png().toBuffer();
});

afterAll(() => rm(folder, { recursive: true }));

const COMMANDS: readonly (() => ImageCommand)[] = [
  () => resize("50x50"),
  () => resize("130x90!"),
  () => resize("30x60!"),
  () => crop(40, 30, 7, 5),
  () => crop(60, 20, 0, 12),
  () => ({ kind: "resizecrop", width: 40, height: 44, focus: "center" }),
  () => ({ kind: "resizec", width: 110, height: 100 }),
  () => ({ kind: "extent", width: 70, height: 90 }),
  () => ({ kind: "flipflop", axis: "vertical" }),
  () => ({ kind: "flipflop", axis: "horizontal" }),
  () => ({ kind: "rotate", degrees: 90 }),
  () => ({ kind: "rotate", degrees: 180 }),
  () => ({ kind: "rotate", degrees: 20 }),
  () => ({ kind: "trim" }),
  () => ({ kind: "invert" }),
  () => ({ kind: "grayscale" }),
  () => ({ kind: "bright", brightness: 15 }),
  () => ({ kind: "sepia", threshold: 0.8 }),
  () => ({ kind: "round", radius: 9 }),
  () => ({ kind: "autoorient" }),
  () => composite(mark, { gravity: "ne", offset: at(3, 4), dissolve: 60 }),
];

/** Mean difference of the channels, each weighed by how much of it is seen. */
const difference = async (first: Uint8Array, second: Uint8Array): Promise<number> => {
  const [one, other] = await Promise.all(
    [first, second].map((file) =>
      sharp(file).flatten({ background: "#00ff00" }).toColourspace("srgb").raw().toBuffer(),
    ),
  );
  if (one === undefined || other === undefined || one.length !== other.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += Math.abs((one[index] ?? 0) - (other[index] ?? 0));
  return sum / one.length;
};

describe("chains", () => {
  it("DIMS-08 a chain gives what its commands give one by one", async () => {
    const chains = fc.array(fc.constantFrom(...COMMANDS), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("plain", "clear", "turned", "grey"), chains, async (name, chosen) => {
        const chain = chosen.map((makeCommand) => makeCommand());
        const source = sources[name] ?? Buffer.of();
        let expected: Uint8Array | undefined = source;
        for (const command of chain) {
          const outcome = await run(expected, [command]);
          if (outcome.kind === "done") expected = outcome.body;
          if (outcome.kind === "refused") expected = undefined;
          if (expected === undefined) break;
        }
        const whole = await run(source, chain);
        if (expected === undefined) {
          expect(whole).toMatchObject({ kind: "refused" });
          return;
        }
        const actual = whole.kind === "done" ? whole.body : source;
        const sizes = await Promise.all([actual, expected].map(async (file) => (await pixelsOf(file)).width));
        expect(sizes[0]).toBe(sizes[1]);
        expect(await difference(actual, expected), JSON.stringify(chain)).toBeLessThan(4);
      }),
      { numRuns: 40, seed: 20260711, endOnFailure: true },
    );
  }, 60_000);

  it("DIMS-30 optimize changes no pixel and makes nothing larger", async () => {
    const source = await photo(300, 200).jpeg({ quality: 85 }).toBuffer();
    const plain = await make(source, [resize("150x100")]);
    const optimized = await make(source, [resize("150x100"), { kind: "optimize" }]);
    expect(optimized.body.length).toBeLessThanOrEqual(plain.body.length);
    expect((await pixelsOf(optimized.body)).data.equals((await pixelsOf(plain.body)).data)).toBe(true);
    const alone = await sharp(source).jpeg({ quality: 85, optimiseCoding: false }).toBuffer();
    const { body } = await make(alone, [{ kind: "optimize" }]);
    expect(body.length).toBeLessThan(alone.length);
    expect((await pixelsOf(body)).data.equals((await pixelsOf(alone)).data)).toBe(true);
  });

  it("DIMS-31 strip alone changes no pixel", async () => {
    const source = await photo(60, 40)
      .withExif({ IFD0: { Artist: "Ada" } })
      .jpeg({ quality: 50 })
      .toBuffer();
    const { body } = await make(source, [{ kind: "strip", isOn: true }]);
    expect((await sharp(body).metadata()).exif).toBeUndefined();
    expect((await pixelsOf(body)).data.equals((await pixelsOf(source)).data)).toBe(true);
  });

  it("the place where a picture was taken is removed by setting, nothing else of EXIF", async () => {
    const where = { IFD0: { Artist: "Ada" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "53/1 33/1 0/1" } };
    const source = await photo(60, 40).withExif(where).jpeg().toBuffer();
    for (const commands of [[], [resize("30x20")], [format("png")]]) {
      const { body } = await make(source, commands, { stripsLocation: true });
      const { exif } = await sharp(body).metadata();
      expect([exif?.includes("Ada"), exif?.includes("N\u0000\u0000\u0000")]).toEqual([true, false]);
    }
  });

  it("DIMS-30 DIMS-39 all in a row", async () => {
    const source = await photo(300, 200).jpeg({ quality: 90 }).toBuffer();
    const chain = [
      crop(280, 180, 10, 10),
      resize("140x90"),
      composite(mark),
      { kind: "quality", quality: 80 },
      format("png"),
      { kind: "strip", isOn: true },
      { kind: "optimize" },
    ] as const;
    const { body, contentType } = await make(source, chain);
    expect(contentType).toBe("image/png");
    const expected = await sharp(source)
      .extract({ left: 10, top: 10, width: 280, height: 180 })
      .resize(140, 90)
      .composite([{ input: mark }])
      .png()
      .toBuffer();
    expect(await similarity(body, expected)).toBeGreaterThan(0.85);
  });
});
