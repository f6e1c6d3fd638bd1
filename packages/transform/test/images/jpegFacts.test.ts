import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readJpegFacts } from "../../src/images/jpegFacts.ts";
import { askLibvips } from "../../src/images/sourceFacts.ts";
import { makeScene } from "../support/pictures.ts";

const LIMITS = { maxSidePixels: 65_535, maxPixels: 100_000_000, maxFrames: 1_000 };

/** Segments put in behind SOI. */
const withSegments = (jpeg: Uint8Array, ...segments: readonly { marker: number; text: string }[]): Uint8Array =>
  Buffer.concat([
    jpeg.subarray(0, 2),
    ...segments.flatMap(({ marker, text }) => {
      const data = Buffer.from(text, "latin1");
      return [Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 0xff]), data];
    }),
    jpeg.subarray(2),
  ]);

const plain = await makeScene(61, 37).jpeg().toBuffer();

const ordinary: Record<string, Uint8Array> = {
  baseline: plain,
  progressive: await makeScene(61, 37).jpeg({ progressive: true }).toBuffer(),
  "in full colour sampling": await makeScene(61, 37).jpeg({ chromaSubsampling: "4:4:4", quality: 71 }).toBuffer(),
  grey: await makeScene(61, 37).greyscale().jpeg().toBuffer(),
  turned: await makeScene(61, 37).jpeg().withMetadata({ orientation: 6 }).toBuffer(),
  "with EXIF": await makeScene(61, 37)
    .jpeg()
    .withExif({ IFD0: { Copyright: "nobody" } })
    .toBuffer(),
  "with XMP": await makeScene(61, 37).jpeg().withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>").toBuffer(),
  "with a colour profile": await makeScene(61, 37).jpeg().withIccProfile("p3").toBuffer(),
  "with a comment and an unknown record": withSegments(
    plain,
    { marker: 0xfe, text: "said by nobody" },
    { marker: 0xed, text: "Photoshop 3.0\0" },
  ),
  "of Adobe": withSegments(plain, { marker: 0xee, text: "Adobe\0\x64\0\0\0\0\x01" }),
};

describe("head of a JPEG", () => {
  it.each(Object.entries(ordinary))("tells of one %s what libvips tells", async (_, jpeg) => {
    const facts = readJpegFacts(jpeg, LIMITS);

    expect(facts).toBeDefined();
    expect(facts).toEqual(await askLibvips(jpeg, LIMITS));
  });

  it("leaves to libvips what is out of the ordinary", async () => {
    const cmyk = await makeScene(61, 37).toColourspace("cmyk").jpeg().toBuffer();
    const png = await makeScene(61, 37).png().toBuffer();
    const sources = {
      cmyk,
      png,
      empty: new Uint8Array(),
      "two EXIF records": withSegments(ordinary.turned ?? plain, { marker: 0xe1, text: "Exif\0\0MM\0*" }),
      "EXIF of another form": withSegments(plain, { marker: 0xe1, text: "Exif-like" }),
      "half a profile": withSegments(plain, { marker: 0xe2, text: "ICC_PROFILE\0\x01\x02half" }),
      "too large": await sharp({ create: { width: 400, height: 400, channels: 3, background: "red" } })
        .jpeg()
        .toBuffer(),
    };

    for (const [name, source] of Object.entries(sources)) {
      const limits = name === "too large" ? { ...LIMITS, maxPixels: 100_000 } : LIMITS;
      expect(readJpegFacts(source, limits), name).toBeUndefined();
    }
  });

  it("agrees with libvips about size and colours of damaged files, or says nothing", async () => {
    const damage = fc.tuple(fc.nat(2_000), fc.nat(255));
    const property = fc.asyncProperty(
      fc.constantFrom(...Object.values(ordinary)),
      fc.array(damage, { maxLength: 4 }),
      fc.option(fc.nat(2_000)),
      async (jpeg, damages, cut) => {
        const source = Uint8Array.from(cut === null ? jpeg : jpeg.subarray(0, cut));
        for (const [at, value] of damages) if (at < source.length) source[at] = value;
        const facts = readJpegFacts(source, LIMITS);
        const told = facts && (await askLibvips(source, LIMITS).catch(() => undefined));
        if (told === undefined) return;
        const { format, width, height, space, isProgressive, hasFullColorSampling, hasProfile } = told;
        expect(facts).toMatchObject({ format, width, height, space, isProgressive, hasFullColorSampling, hasProfile });
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });
});
