import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { optimizeJpeg } from "../../src/optimize/index.ts";
import { BLOCK_END } from "../../src/optimize/jpeg/coefficients.ts";
import { readJpeg } from "../../src/optimize/jpeg/source.ts";
import { makePlainJpeg } from "../support/fixedLengthJpeg.ts";
import { decode, looksSame, makeJpeg, makeScene, repeatable } from "../support/pictures.ts";

const KEEP = { stripsMetadata: false };
const STRIP = { stripsMetadata: true };

/** Every coefficient of every block, whatever the order in which the file has them. */
const coefficientsOf = (jpeg: Uint8Array): readonly string[] => {
  const { coefficients } = readJpeg(jpeg);
  return coefficients.components.map(({ dc, starts }) =>
    [...starts]
      .map((start, block) => {
        const end = coefficients.tokens.indexOf(BLOCK_END, start);
        return `${dc[block]}:${coefficients.tokens.subarray(start, end).join(" ")}`;
      })
      .join("\n"),
  );
};

const requireResult = (result: Uint8Array | undefined): Uint8Array => {
  if (result === undefined) throw new Error("the picture was left as it is");
  return result;
};

describe("DIMS-30 optimize recompresses JPEG without loss", () => {
  it.each([
    ["baseline", 320, 200, {}],
    ["progressive", 320, 200, { progressive: true, quality: 90 }],
    ["without subsampling", 160, 120, { chromaSubsampling: "4:4:4" }],
    ["of high quality", 160, 120, { quality: 97 }],
    ["of low quality", 160, 120, { quality: 20 }],
    ["of odd sides", 133, 77, {}],
    ["of one pixel", 1, 1, {}],
    ["a column", 1, 300, {}],
    ["large enough for samples", 900, 600, { quality: 85 }],
  ] as const)("a picture %s keeps its pixels and becomes smaller", async (_, width, height, options) => {
    const source = await makeJpeg(width, height, options);
    const result = requireResult(optimizeJpeg(source, KEEP));
    expect(result.length).toBeLessThan(source.length);
    expect(await looksSame(result, source)).toBe(true);
  });

  it.each([
    ["grey", (scene: Sharp) => scene.greyscale()],
    ["CMYK", (scene: Sharp) => scene.toColourspace("cmyk")],
  ] as const)("%s pictures too", async (_, convert) => {
    const source = await convert(makeScene(150, 90)).jpeg({ optimiseCoding: false }).toBuffer();
    const result = requireResult(optimizeJpeg(source, STRIP));
    expect(await looksSame(result, source)).toBe(true);
    expect((await sharp(result).metadata()).space).toBe((await sharp(source).metadata()).space);
  });

  it("any sampling, restart intervals and single scans", async () => {
    const sampling = fc.record({
      horizontal: fc.integer({ min: 1, max: 2 }),
      vertical: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          width: fc.integer({ min: 1, max: 60 }),
          height: fc.integer({ min: 1, max: 60 }),
          components: fc.oneof(
            fc.array(sampling, { minLength: 1, maxLength: 1 }),
            fc.array(sampling, { minLength: 3, maxLength: 3 }),
          ),
          restartInterval: fc.integer({ min: 0, max: 9 }),
          isInterleaved: fc.boolean(),
        }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer(),
        async (shape, density, seed) => {
          const most = shape.components.reduce((sum, { horizontal, vertical }) => sum + horizontal * vertical, 0);
          fc.pre(most <= 10);
          const random = repeatable(seed);
          const block = (): number[] =>
            Array.from({ length: 64 }, (_, place) => {
              if (place === 0) return Math.round((random() - 0.5) * 1600);
              if (random() > density / 4) return 0;
              return Math.round((random() - 0.5) * (place === 63 ? 1023 * 2 : 60));
            });
          const source = makePlainJpeg({ ...shape, block });
          const result = optimizeJpeg(source, KEEP);
          if (result === undefined) return;
          expect(result.length).toBeLessThan(source.length);
          expect(coefficientsOf(result)).toEqual(coefficientsOf(source));
          expect(await looksSame(result, source)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("the sequence and the scans of any source give the same coefficients", async () => {
    for (const options of [{}, { progressive: true }, { mozjpeg: true, quality: 60 }, { quality: 99 }]) {
      const source = await makeJpeg(200, 150, options);
      const result = optimizeJpeg(source, KEEP);
      if (result !== undefined) expect(coefficientsOf(result)).toEqual(coefficientsOf(source));
    }
  });

  it("what is optimal already stays as it is", async () => {
    const once = requireResult(optimizeJpeg(await makeJpeg(300, 200), KEEP));
    expect(optimizeJpeg(once, KEEP)).toBeUndefined();
  });
});

describe("DIMS-30 optimize keeps what the picture looks like", () => {
  const decorated = async (orientation: number): Promise<Buffer> =>
    makeScene(96, 64)
      .withExif({ IFD0: { Copyright: "someone" } })
      .withIccProfile("p3")
      .withMetadata({ orientation })
      .jpeg()
      .toBuffer();

  it("all metadata unless they are to be stripped", async () => {
    const source = await decorated(6);
    const expected = await sharp(source).metadata();
    const { exif, icc, orientation } = await sharp(requireResult(optimizeJpeg(source, KEEP))).metadata();
    expect({ exif, icc, orientation }).toEqual({ exif: expected.exif, icc: expected.icc, orientation: 6 });
  });

  it("orientation and colour profile where metadata are stripped", async () => {
    const source = await decorated(6);
    const result = requireResult(optimizeJpeg(source, STRIP));
    const { icc, orientation, exif } = await sharp(result).metadata();
    expect({ icc, orientation }).toEqual({ icc: (await sharp(source).metadata()).icc, orientation: 6 });
    expect(exif?.includes("someone")).toBe(false);
    expect(await looksSame(result, source)).toBe(true);
  });

  it("bytes behind the picture, unless pictures there are found by their position", async () => {
    const source = Buffer.concat([await makeJpeg(96, 64), Buffer.from("behind")]);
    expect(
      Buffer.from(requireResult(optimizeJpeg(source, KEEP)))
        .subarray(-6)
        .toString(),
    ).toBe("behind");
    const index = Buffer.from("ffe20008" + "4d504600" + "0000", "hex");
    const indexed = Buffer.concat([source.subarray(0, 2), index, source.subarray(2)]);
    expect(optimizeJpeg(indexed, KEEP)).toBeUndefined();
    expect(requireResult(optimizeJpeg(indexed, STRIP)).length).toBeLessThan(source.length);
  });
});

describe("DIMS-30 optimize leaves a source alone that is not sound", () => {
  const offsetOf = (jpeg: Uint8Array, marker: number): number => {
    for (let at = 2; at < jpeg.length; at += 2 + ((jpeg[at + 2] ?? 0) << 8) + (jpeg[at + 3] ?? 0)) {
      if (jpeg[at + 1] === marker) return at;
    }
    throw new Error("no such marker");
  };

  it("other kinds of JPEG: arithmetic, 12 bits, lossless", async () => {
    const source = await makeJpeg(64, 64);
    const frame = offsetOf(source, 0xc0);
    for (const marker of [0xc3, 0xc5, 0xc9, 0xca, 0xcb]) {
      expect(optimizeJpeg(source.with(frame + 1, marker), KEEP)).toBeUndefined();
    }
    expect(optimizeJpeg(source.with(frame + 4, 12), KEEP)).toBeUndefined();
  });

  it("a side of 65,500 pixels that the data do not fill costs nothing", async () => {
    for (const progressive of [false, true]) {
      const source = Uint8Array.from(await makeJpeg(64, 64, { progressive }));
      const frame = offsetOf(source, progressive ? 0xc2 : 0xc0);
      source.set([0xff, 0xdc, 0xff, 0xdc], frame + 5);
      expect(optimizeJpeg(source, KEEP)).toBeUndefined();
    }
  });

  it("a storm of restart markers", async () => {
    const source = await makeJpeg(64, 64);
    const scan = offsetOf(source, 0xda);
    const storm = Buffer.alloc(200_000, Buffer.from([0xff, 0xd0, 0xff, 0xd1]));
    const head = Buffer.concat([
      source.subarray(0, scan),
      Buffer.from("ffdd00040001", "hex"),
      source.subarray(scan, scan + 14),
    ]);
    expect(optimizeJpeg(Buffer.concat([head, storm, source.subarray(scan + 14)]), KEEP)).toBeUndefined();
  });

  it("scans without end", async () => {
    const source = Buffer.from(await makeJpeg(512, 512, { progressive: true }));
    const scan = offsetOf(source, 0xda);
    const end = source.length - 2;
    const again = source.subarray(scan, end);
    const endless = Buffer.concat([source.subarray(0, end), ...Array.from({ length: 200 }, () => again)]);
    expect(optimizeJpeg(endless, KEEP)).toBeUndefined();
  });

  it("an unfinished progression, whose pixels are a guess of the decoder", async () => {
    const source = Buffer.from(await makeJpeg(200, 200, { progressive: true }));
    const lastScan = source.lastIndexOf(Buffer.from([0xff, 0xda]));
    expect(optimizeJpeg(Buffer.concat([source.subarray(0, lastScan), source.subarray(-2)]), KEEP)).toBeUndefined();
  });

  it("600 damaged files: unchanged, or the same pixels as before", async () => {
    const sources = await Promise.all([
      makeJpeg(48, 40),
      makeJpeg(48, 40, { progressive: true }),
      makeJpeg(40, 40, { chromaSubsampling: "4:4:4", quality: 95 }),
      makeJpeg(33, 17, { mozjpeg: true }),
      makeScene(40, 40).greyscale().jpeg().toBuffer(),
      Promise.resolve(
        makePlainJpeg({
          width: 40,
          height: 40,
          components: [{ horizontal: 1, vertical: 1 }],
          restartInterval: 3,
          isInterleaved: false,
          block: (index) => Array.from({ length: 64 }, (_, place) => (place < 6 ? (index * 7 + place * 13) % 40 : 0)),
        }),
      ),
    ]);
    const random = repeatable(5);
    const any = (below: number): number => Math.floor(random() * below);
    let recoded = 0;
    for (let round = 0; round < 100; round += 1) {
      for (const source of sources) {
        let mutant = Uint8Array.from(source);
        if (round % 5 === 0) mutant = mutant.slice(0, any(mutant.length));
        else {
          for (let changes = 1 + any(3); changes > 0; changes -= 1) {
            const at = any(mutant.length);
            if (round % 5 === 1) mutant[at] = any(256);
            else if (round % 5 === 2) mutant.copyWithin(at, any(mutant.length));
            else mutant[at] = (mutant[at] ?? 0) ^ (1 << any(8));
          }
        }
        const result = optimizeJpeg(mutant, round % 2 === 0 ? KEEP : STRIP);
        if (result === undefined) continue;
        recoded += 1;
        expect(result.length).toBeLessThan(mutant.length);
        if ((await decode(mutant)) !== undefined) expect(await looksSame(result, mutant)).toBe(true);
      }
    }
    expect(recoded).toBeGreaterThan(0);
  });

  it("whatever is no JPEG", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(optimizeJpeg(Uint8Array.of(0xff, 0xd8, 0xff, ...bytes), KEEP)).toBeUndefined();
        expect(optimizeJpeg(Uint8Array.from(bytes), KEEP)).toBeUndefined();
      }),
    );
  });
});
