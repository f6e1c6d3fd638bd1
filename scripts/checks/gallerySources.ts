import { paintPhotograph } from "../../infra/perf/dimsRows.ts";
import { sharp } from "../../packages/transform/src/images/decoders.ts";

export interface GallerySource {
  /** Also the file name. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

const [WIDTH, HEIGHT] = [480, 320];
const FRAMES = 6;

const box = (width: number, height: number, background: string) => ({
  create: { width, height, channels: 4 as const, background },
});

export const label = (text: string, size: number, colour = "#ffffff"): Promise<Buffer> =>
  sharp({ text: { text: `<span foreground="${colour}">${text}</span>`, font: `sans ${size}`, dpi: 72, rgba: true } })
    .png()
    .toBuffer();

/** A filled circle, soft at its edge. */
const disc = (side: number, red: number, green: number, blue: number) => {
  const input = Buffer.alloc(side * side * 4);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const outside = Math.hypot(x + 0.5 - side / 2, y + 0.5 - side / 2) - side / 2;
      const alpha = Math.round(255 * Math.max(0, Math.min(1, 0.5 - outside)));
      input.set([red, green, blue, alpha], (y * side + x) * 4);
    }
  }
  return { input, raw: { width: side, height: side, channels: 4 as const } };
};

/** A landscape that has its top left corner written into it, so that one sees what was turned. */
const paintLandscape = async (): Promise<Buffer> =>
  sharp(paintPhotograph(WIDTH, HEIGHT), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .composite([
      { ...disc(70, 255, 224, 112), left: 180, top: 40 },
      { input: box(WIDTH, 60, "#2f5d34"), left: 0, top: HEIGHT - 60 },
      { input: box(110, 90, "#9a4a32"), left: 300, top: 190 },
      { input: box(26, 44, "#3a2a20"), left: 320, top: 236 },
      { input: await label("top left", 30), left: 8, top: 6 },
    ])
    .removeAlpha()
    .png()
    .toBuffer();

/** A badge on nothing. */
const paintBadge = async (): Promise<Buffer> =>
  sharp(box(WIDTH, HEIGHT, "#00000000"))
    .composite([
      { ...disc(280, 200, 40, 60), left: 100, top: 20 },
      { ...disc(160, 255, 255, 255), left: 160, top: 80 },
      { input: await label("Basalt", 40, "#802030"), left: 180, top: 130 },
    ])
    .png()
    .toBuffer();

/** Few colours on white. */
const paintDiagram = async (): Promise<Buffer> =>
  sharp(box(WIDTH, HEIGHT, "#ffffff"))
    .composite([
      { input: box(60, 160, "#3060c0"), left: 120, top: 110 },
      { input: box(60, 90, "#c03030"), left: 200, top: 180 },
      { input: box(60, 200, "#30a050"), left: 280, top: 70 },
      { input: box(260, 4, "#000000"), left: 100, top: 270 },
    ])
    .removeAlpha()
    .png()
    .toBuffer();

/** Frames one below the other, as libvips has them. */
const paintFrames = async (background: string): Promise<Buffer> => {
  const [width, height] = [240, 160];
  const frames = Array.from({ length: FRAMES }, async (_, index) => [
    { input: box(width, 20, "#2f5d34"), left: 0, top: (index + 1) * height - 20 },
    { ...disc(60, 255 - 30 * index, 80, 40 * index), left: 10 + 30 * index, top: index * height + 50 },
    { input: await label(`frame ${index + 1}`, 20, "#404040"), left: 6, top: index * height + 4 },
  ]);
  return sharp(box(width, FRAMES * height, background))
    .composite((await Promise.all(frames)).flat())
    .raw()
    .toBuffer();
};

const openFrames = async (background: string) =>
  sharp(await paintFrames(background), {
    pages: -1,
    raw: { width: 240, height: FRAMES * 160, channels: 4, pageHeight: 160 },
  });

const ANIMATION = { delay: 200, loop: 0 };

export const makeGallerySources = async (): Promise<GallerySource[]> => {
  const [photo, badge, diagram] = [await paintLandscape(), await paintBadge(), await paintDiagram()];
  const turned = sharp(photo).rotate(-90).withMetadata({ orientation: 6 });
  const files: Record<string, Promise<Buffer>> = {
    "photo.jpg": sharp(photo).jpeg({ quality: 90 }).toBuffer(),
    "orientation.jpg": turned.jpeg({ quality: 90 }).toBuffer(),
    "progressive.jpg": sharp(photo).jpeg({ quality: 85, progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
    "cmyk.jpg": sharp(photo).toColourspace("cmyk").jpeg({ quality: 90 }).toBuffer(),
    "profile.jpg": sharp(photo).withIccProfile("p3").jpeg({ quality: 90 }).toBuffer(),
    "grey.jpg": sharp(photo).toColourspace("b-w").jpeg({ quality: 90 }).toBuffer(),
    "photo.png": sharp(photo).png().toBuffer(),
    "palette.png": sharp(diagram).png({ palette: true, colours: 16 }).toBuffer(),
    "deep.png": sharp(photo).toColourspace("rgb16").png().toBuffer(),
    "interlaced.png": sharp(photo).png({ progressive: true }).toBuffer(),
    "transparent.png": sharp(badge).png().toBuffer(),
    "animated.gif": (await openFrames("#e0f0ff")).gif(ANIMATION).toBuffer(),
    "see-through.gif": (await openFrames("#00000000")).gif(ANIMATION).toBuffer(),
    "photo.webp": sharp(photo).webp({ quality: 85 }).toBuffer(),
    "lossless.webp": sharp(badge).webp({ lossless: true }).toBuffer(),
    "animated.webp": (await openFrames("#e0f0ff")).webp(ANIMATION).toBuffer(),
    "photo.avif": sharp(photo).avif({ effort: 2 }).toBuffer(),
  };
  return Promise.all(
    Object.entries(files).map(async ([name, bytes]) => ({ name, type: typeOf(name), bytes: await bytes })),
  );
};

/** Laid over pictures by `composite`. */
export const makeGalleryOverlay = async (): Promise<Buffer> =>
  sharp(box(120, 48, "#203080"))
    .composite([{ input: await label("mark", 28), left: 26, top: 8 }])
    .png()
    .toBuffer();

const typeOf = (name: string): string => {
  const extension = name.slice(name.lastIndexOf(".") + 1);
  return `image/${extension === "jpg" ? "jpeg" : extension}`;
};
