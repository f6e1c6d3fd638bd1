import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect } from "vitest";
import type { RawResponse } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

const JPEG = { "Content-Type": "image/jpeg", ETag: '"v1"' };

/** A picture in which no two neighbouring regions are the same. */
const picture = (width: number, height: number, blue = 128): Sharp => {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      pixels[at] = Math.floor((x / width) * 255);
      pixels[at + 1] = Math.floor((y / height) * 255);
      pixels[at + 2] = blue;
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
};

const jpeg = (width: number, height: number, blue?: number): Promise<Buffer> =>
  picture(width, height, blue).jpeg({ quality: 90 }).toBuffer();

const animation = async (frames: number): Promise<Buffer> => {
  const pixels = Buffer.alloc(60 * 40 * frames * 3, 0);
  for (let frame = 0; frame < frames; frame++) pixels.fill(frame * 20, frame * 7200, (frame + 1) * 7200);
  const raw = { width: 60, height: 40 * frames, channels: 3, pageHeight: 40 } as const;
  return await sharp(pixels, { raw }).gif({ delay: 100, loop: 0 }).toBuffer();
};

const sizeOf = async (answer: RawResponse): Promise<string> => {
  const { width, height, pageHeight } = await sharp(answer.body, { animated: true }).metadata();
  return `${width}x${pageHeight ?? height}`;
};

const framesOf = async (answer: RawResponse): Promise<number> =>
  (await sharp(answer.body, { animated: true }).metadata()).pages ?? 1;

const dims = (attributes = "", children = "", options = "") => ({
  xml: `<Options><Dims Status="Active" Keyword="dims" ${attributes}>${children}</Dims>${options}</Options>`,
});

const SIZES = ["640x480", "300x400", "1000x600", "50x40"] as const;

const SIZE_TABLE: readonly (readonly [string, string, string, string, string])[] = [
  ["100", "100x75", "100x133", "100x60", "100x80"],
  ["x200", "267x200", "150x200", "333x200", "250x200"],
  ["78x110", "78x59", "78x104", "78x47", "78x62"],
  ["200x200", "200x150", "150x200", "200x120", "200x160"],
  ["1024x768", "1024x768", "576x768", "1024x614", "960x768"],
  ["640x480!", "640x480", "640x480", "640x480", "640x480"],
  ["100!", "100x480", "100x400", "100x600", "100x40"],
  ["x200!", "640x200", "300x200", "1000x200", "50x200"],
  ["50%25", "320x240", "150x200", "500x300", "25x20"],
  ["125%25", "800x600", "375x500", "1250x750", "63x50"],
  ["50%25x25%25", "320x120", "150x100", "500x150", "25x10"],
  ["10000@", "115x86", "86x115", "129x77", "111x89"],
  ["200x200%3E", "200x150", "150x200", "200x120", "50x40"],
  ["200x200%3C", "640x480", "300x400", "1000x600", "200x160"],
  ["400x400%3E", "400x300", "300x400", "400x240", "50x40"],
  ["400x400%3C", "640x480", "300x400", "1000x600", "400x320"],
  ["200x200%5E", "267x200", "200x267", "333x200", "250x200"],
];

describe("pictures by URL", () => {
  scenario("A1 of spec 17, DIMS-50 to DIMS-59: every cell of the size table", dims(), async ({ origin, edge }) => {
    for (const size of SIZES) {
      const [width = 0, height = 0] = size.split("x").map(Number);
      origin.on(`/${size}.jpg`).reply(200, JPEG, await jpeg(width, height));
      await edge.get(`/${size}.jpg`).expect(200);
    }
    const asked = SIZE_TABLE.flatMap(([geometry, ...results]) =>
      SIZES.map((size, column) => ({ path: `/${size}.jpg/dims/thumbnail/${geometry}/`, size: results[column] })),
    );
    const seen = await Promise.all(asked.map(async ({ path }) => ({ path, size: await sizeOf(await edge.get(path)) })));
    expect(seen).toEqual(asked);
    for (const size of SIZES) expect(origin.saw(`/${size}.jpg`)).toBe(1);
  });

  scenario(
    "A3 of spec 17, REG-180, REG-184, REG-188, REG-193, REG-196, DIMS-35, DIMS-47, DIMS-60 to DIMS-65: one side, none, regions",
    dims(),
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(640, 480));
      const sizes = {
        "resize/100x": "100x75",
        "resize/x100": "133x100",
        "resize/x200": "267x200",
        "crop/100x200+20+30": "100x200",
        "crop/100x200%2B20%2B30": "100x200",
        "cropcenter/100x200+20+30": "100x200",
        "crop/100x100+600+450": "40x30",
        "crop/100x200-20-30": "80x170",
        "crop/50%25x50%25+10+10": "320x240",
        "crop/100+0+0": "100x480",
        "extent/200x200": "200x200",
        "resizecrop/200x200": "200x200",
      };
      for (const [command, size] of Object.entries(sizes)) {
        const answer = await edge
          .get(`/a.jpg/dims/${command}/`)
          .expect(200, undefined, { "content-type": "image/jpeg" });
        expect([command, await sizeOf(answer)]).toEqual([command, size]);
      }
      for (const command of ["resize", "crop/100x100+700+500", "thumbnail/0x0", "bogus/1"]) {
        const answer = await edge.get(`/a.jpg/dims/${command}/`).expect(500);
        expect(answer.text).toContain("Image converting failed or invalid DIMS command.");
      }
      expect(origin.requests.every((request) => !request.target.includes("dims"))).toBe(true);
    },
  );

  scenario("DIMS-30, DIMS-31: smaller with the same pixels, and without metadata", dims(), async ({ origin, edge }) => {
    const source = await picture(320, 240)
      .withExif({ IFD0: { Copyright: "somebody" } })
      .jpeg({ quality: 90, optimiseCoding: false })
      .toBuffer();
    origin.on("/photo.jpg").reply(200, JPEG, source);
    const pixels = await sharp(source).raw().toBuffer();
    for (const [commands, keepsExif] of [
      ["optimize", true],
      ["strip/true", false],
      ["strip/true/optimize", false],
    ] as const) {
      const { body } = await edge
        .get(`/photo.jpg/dims/${commands}/`)
        .expect(200, undefined, { "content-type": "image/jpeg" });
      expect(body.length).toBeLessThan(source.length);
      expect((await sharp(body).raw().toBuffer()).equals(pixels)).toBe(true);
      expect([commands, (await sharp(body).metadata()).exif !== undefined]).toEqual([commands, keepsExif]);
    }
    const resized = await edge.get("/photo.jpg/dims/resize/100x100/").expect(200);
    const optimized = await edge.get("/photo.jpg/dims/resize/100x100/optimize/").expect(200);
    expect(optimized.body.length).toBeLessThanOrEqual(resized.body.length);
    const [shown, expected] = await Promise.all([optimized, resized].map(({ body }) => sharp(body).raw().toBuffer()));
    expect(expected?.equals(shown ?? Buffer.alloc(0))).toBe(true);
  });

  scenario("A2 of spec 17, DIMS-03, DIMS-11: what is too large or no picture", dims(), async ({ origin, edge }) => {
    origin.on("/large.jpg").reply(200, JPEG, Buffer.alloc(11 * 1024 * 1024, 1));
    origin.on("/text.jpg").reply(200, JPEG, "this is no picture");
    expect((await edge.get("/large.jpg/dims/strip/true").expect(500)).text).toContain("size is too large.");
    expect((await edge.get("/text.jpg/dims/resize/10x10").expect(500)).text).toContain("loading failed.");
    await edge.get("/text.jpg").expect(200, "this is no picture");
  });

  scenario(
    "A2 of spec 17, DIMS-04, DIMS-12: or the way to the original",
    dims('OnFailure="redirect"'),
    async ({ origin, edge }) => {
      origin.on("/text.jpg").reply(200, JPEG, "this is no picture");
      const location = `http://${edge.host}/text.jpg`;
      await edge.get("/text.jpg/dims/resize/10x10").expect(302, undefined, { location });
    },
  );

  scenario(
    "A4 of spec 17, REG-182, DIMS-10, DIMS-14: without the origin what was made is served, and nothing else is asked",
    dims(),
    async ({ origin, edge }) => {
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(64, 48));
      origin.on("/b.jpg").reply(200, JPEG, "cut off".repeat(1000)).resetAfter(0);
      const first = await edge.get("/a.jpg/dims/resize/32x32/").expect(200);
      await edge.get("/a.jpg/dims/resize/32x32/").expect(200, first.body);
      const missing = await edge.get("/b.jpg/dims/resize/32x32/").expect(500);
      expect(missing.text).toContain("The original file was not successfully downloaded.");
      expect(origin.requests.every((request) => !request.target.includes("/dims/"))).toBe(true);
    },
  );

  scenario("A5 of spec 17, DIMS-90 to DIMS-94: animations", dims(), async ({ origin, edge }) => {
    origin.on("/a.gif").reply(200, { "Content-Type": "image/gif" }, await animation(10));
    const frames = { "resize/30x30": 10, "firstframeonly/on/resize/30x30": 1, "limit/3/resize/30x30": 3 };
    for (const [command, count] of Object.entries(frames)) {
      const answer = await edge.get(`/a.gif/dims/${command}/`).expect(200, undefined, { "content-type": "image/gif" });
      expect([command, await framesOf(answer), await sizeOf(answer)]).toEqual([command, count, "30x20"]);
    }
  });

  scenario("A6 of spec 17, REG-187, DIMS-39: a transparent picture becomes white, not black", dims(), async (scene) => {
    const { origin, edge } = scene;
    const background = { r: 0, g: 0, b: 0, alpha: 0 };
    const empty = sharp({ create: { width: 20, height: 20, channels: 4, background } });
    origin.on("/a.png").reply(200, { "Content-Type": "image/png" }, await empty.png().toBuffer());
    const answer = await edge.get("/a.png/dims/format/jpg/").expect(200, undefined, { "content-type": "image/jpeg" });
    const { channels } = await sharp(answer.body).stats();
    expect(Math.min(...channels.map(({ min }) => min))).toBeGreaterThan(250);
  });

  scenario(
    "A7 of spec 17, REG-197, DIMS-02, DIMS-41: a mark by its name, and only the source is asked of the origin",
    {
      xml: `<Options><Dims Status="Active" Keyword="STON"><Composite Name="watermark1" File="${join(import.meta.dirname, "support/mark.png")}" Gravity="se" Dissolve="100"/></Dims></Options>`,
    },
    async ({ origin, edge }) => {
      origin.on("/image.jpg?date=20140326").reply(200, JPEG, await jpeg(100, 80));
      const path = "/image.jpg?date=20140326/STON/composite/watermark1";
      const answer = await edge.get(path).expect(200);
      expect(origin.requests.map(({ target }) => target)).toEqual(["/image.jpg?date=20140326"]);
      const corner = await sharp(answer.body).extract({ left: 84, top: 72, width: 4, height: 4 }).png().toBuffer();
      const { channels } = await sharp(corner).stats();
      expect(channels.map(({ mean }) => mean > 200)).toEqual([true, false, false]);
    },
  );

  scenario("DIMS-15, DIMS-17: a purge of the source and its end of life bring new pictures", dims(), async (scene) => {
    const { origin, edge, clock } = scene;
    origin
      .on("/a.jpg")
      .reply(200, JPEG, await jpeg(64, 48, 0))
      .reply(200, { ...JPEG, ETag: '"v2"' }, await jpeg(64, 48, 120))
      .reply(200, { ...JPEG, ETag: '"v3"' }, await jpeg(64, 48, 240));
    const blue = async (): Promise<number> => {
      const answer = await edge.get("/a.jpg/dims/resize/32x32/").expect(200);
      return (await sharp(answer.body).stats()).channels[2]?.mean ?? -1;
    };
    expect(await blue()).toBeLessThan(20);
    await edge.stored("/a.jpg");
    await edge.purge("/a.jpg");
    for (let round = 0; round < 4; round++) expect(await blue()).toBeCloseTo(120, -1);
    await clock.advance(100_000);
    for (let round = 0; round < 4; round++) expect(await blue()).toBeCloseTo(240, -1);
    expect(origin.saw("/a.jpg")).toBe(3);
  });

  scenario("DIMS-14: ranges, conditions and HEAD of what was made", dims(), async ({ origin, edge }) => {
    origin.on("/a.jpg").reply(200, JPEG, await jpeg(200, 100));
    const path = "/a.jpg/dims/resize/100x50/";
    const whole = await edge.get(path).expect(200);
    const etag = whole.field("etag") ?? "";
    expect(etag).not.toBe((await edge.get("/a.jpg")).field("etag"));
    await edge.get(path, { headers: { Range: "bytes=5-14" } }).expect(206, whole.body.subarray(5, 15));
    await edge.get(path, { headers: { "If-None-Match": etag } }).expect(304, "");
    await edge.head(path).expect(200, "", { "content-length": String(whole.body.length) });
    expect(origin.saw("/a.jpg")).toBe(1);
  });

  scenario(
    "DIMS-14, DIMS-18, DIMS-21: many who ask at the same time cost one conversion each",
    dims(),
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(400, 300));
      const widths = Array.from({ length: 10 }, (_, index) => 20 + index);
      const asked = widths.flatMap((width) => Array.from({ length: 30 }, () => width));
      const answers = await Promise.all(asked.map((width) => edge.get(`/a.jpg/dims/resize/${width}x/`)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(origin.saw("/a.jpg")).toBe(1);
      await edge.counted({ transforms: 10 });
    },
  );

  scenario(
    "DIMS-14: what was made is still there after a restart",
    { ...dims(), ownEdge: {} },
    async ({ origin, edge }) => {
      origin.on("/a.jpg").reply(200, JPEG, await jpeg(200, 100));
      const path = "/a.jpg/dims/resize/100x50/";
      const first = await edge.get(path).expect(200);
      await edge.stored(path);
      await edge.cluster.restart();
      await edge.get(path).expect(200, first.body);
      expect(origin.saw("/a.jpg")).toBe(1);
      await edge.counted({ transforms: 1 });
    },
  );

  scenario("DIMS-01: where the function is off the URL is an ordinary one", async ({ origin, edge }) => {
    origin.on("/a.jpg/dims/resize/10x10/").reply(200, {}, "from the origin");
    await edge.get("/a.jpg/dims/resize/10x10/").expect(200, "from the origin");
  });
});
