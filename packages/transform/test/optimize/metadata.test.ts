import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { stripLocation, stripMetadata } from "../../src/optimize/index.ts";
import { clearGps } from "../../src/optimize/metadata/exif.ts";
import { looksSame, makeJpeg, makeScene } from "../support/pictures.ts";

const FORMATS: readonly (readonly [format: string, encode: (scene: Sharp) => Sharp])[] = [
  ["JPEG", (scene) => scene.jpeg()],
  ["progressive JPEG", (scene) => scene.jpeg({ progressive: true })],
  ["PNG", (scene) => scene.png()],
  ["WebP", (scene) => scene.webp()],
];

const XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.4N" exif:ColorSpace="1"><exif:GPSLongitude>2,21.1E</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>`;

const decorate = (scene: Sharp): Sharp =>
  scene
    .withExif({
      IFD0: { Copyright: "someone" },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "48/1 51/1 24/1", GPSLongitudeRef: "E", GPSLongitude: "2/1 21/1 7/1" },
    })
    .withXmp(XMP);

const require = (result: Uint8Array | undefined): Buffer => {
  if (result === undefined) throw new Error("nothing was removed");
  return Buffer.from(result);
};

describe("DIMS-31 strip", () => {
  it.each(FORMATS)("removes EXIF and XMP of %s and leaves the pixels", async (_, encode) => {
    const source = await encode(decorate(makeScene(80, 60))).toBuffer();
    const result = require(stripMetadata(source));
    const { exif, xmp } = await sharp(result).metadata();
    expect({ exif, xmp }).toEqual({ exif: undefined, xmp: undefined });
    expect(await looksSame(result, source)).toBe(true);
    expect(stripMetadata(result)).toBeUndefined();
  });

  it.each(FORMATS)("keeps orientation and colour profile of %s", async (format, encode) => {
    const scene = decorate(makeScene(80, 60)).withIccProfile("p3").withMetadata({ orientation: 8 });
    const source = await encode(scene).toBuffer();
    const expected = await sharp(source).metadata();
    const { icc, orientation, exif } = await sharp(require(stripMetadata(source))).metadata();
    expect({ icc, orientation }).toEqual({ icc: expected.icc, orientation: expected.orientation });
    if (format !== "PNG") expect(orientation).toBe(8);
    expect(exif?.includes("someone") ?? false).toBe(false);
  });

  it("cuts the thumbnail out of JFIF and drops comments and what lies behind the picture", async () => {
    const jpeg = await makeJpeg(40, 30);
    const jfif = Buffer.from("ffe00013" + "4a46494600" + "0102" + "00" + "00480048" + "0101" + "0a0b0c", "hex");
    const comment = Buffer.concat([Buffer.from("fffe0007", "hex"), Buffer.from("hello")]);
    const source = Buffer.concat([jpeg.subarray(0, 2), jfif, comment, jpeg.subarray(2), Buffer.from("behind")]);
    const result = require(stripMetadata(source));
    expect(await looksSame(result, source)).toBe(true);
    expect(result.subarray(0, 20).toString("hex")).toBe("ffd8ffe000104a46494600010200004800480000");
    expect(result.includes("hello") || result.includes("behind")).toBe(false);
  });

  it("removes comments of GIF and keeps its loop", async () => {
    const frames = await Promise.all(
      ["red", "blue"].map((background) =>
        sharp({ create: { width: 9, height: 9, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const gif = await sharp(frames, { join: { animated: true } })
      .gif({ loop: 3 })
      .toBuffer();
    const head = 13 + (((gif[10] ?? 0) & 0x80) === 0 ? 0 : 3 << (((gif[10] ?? 0) & 7) + 1));
    const comment = Buffer.from([0x21, 0xfe, 5, ...Buffer.from("hello"), 0]);
    const source = Buffer.concat([gif.subarray(0, head), comment, gif.subarray(head)]);
    expect(require(stripMetadata(source))).toEqual(gif);
    expect(stripMetadata(gif)).toBeUndefined();
  });

  it("is never larger and never throws, whatever is behind the first bytes", () => {
    const heads = ["ffd8ff", "89504e470d0a1a0a", "5249464600000000574542505650", "474946383961"];
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 200 }), (head, tail) => {
        const source = Buffer.concat([Buffer.from(head, "hex"), tail]);
        expect(stripMetadata(source)?.length ?? 0).toBeLessThan(source.length);
        stripLocation(source);
      }),
    );
  });
});

describe("the place where a picture was taken", () => {
  it.each(FORMATS)("is taken out of %s, and nothing else", async (format, encode) => {
    const source = await encode(decorate(makeScene(80, 60))).toBuffer();
    const result = require(stripLocation(source));
    if (format !== "PNG") expect(result.length).toBe(source.length);
    expect(await looksSame(result, source)).toBe(true);
    const { exif, xmp } = await sharp(result).metadata();
    expect(exif?.includes("someone")).toBe(true);
    expect(exif?.includes(Buffer.from([0, 48, 0, 0, 0, 1])) || exif?.includes(Buffer.from([48, 0, 0, 0, 1, 0]))).toBe(
      false,
    );
    expect(exif?.includes(Buffer.from([0x88, 0x25])) || exif?.includes(Buffer.from([0x25, 0x88]))).toBe(false);
    const packet = xmp?.toString() ?? "";
    expect(packet).not.toMatch(/48,51|2,21/);
    expect(packet).toContain(`exif:ColorSpace="1"`);
    expect(stripLocation(result)).toBeUndefined();
  });

  it("is not in a picture without it", async () => {
    expect(stripLocation(await makeJpeg(20, 20))).toBeUndefined();
    expect(
      stripLocation(
        await makeScene(20, 20)
          .withExif({ IFD0: { Copyright: "x" } })
          .png()
          .toBuffer(),
      ),
    ).toBeUndefined();
  });

  it("an EXIF structure that points anywhere, at itself or beyond its end, ends in bounded time", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("49492a00", "4d4d002a"),
        fc.uint8Array({ minLength: 10, maxLength: 400 }),
        (head, tail) => {
          clearGps(Buffer.concat([Buffer.from(head, "hex"), tail]));
        },
      ),
    );
    const loop = Buffer.from(
      "4d4d002a00000008" + "0001" + "8825" + "0004" + "00000001" + "00000008" + "00000008",
      "hex",
    );
    expect(clearGps(loop)).toBe(true);
  });
});
