import type { ImageCommand } from "../../packages/policy/src/index.ts";
import { sharp } from "../../packages/transform/src/images/decoders.ts";

export interface DimsRow {
  readonly id: string;
  readonly title: string;
  readonly fileName: string;
  readonly source: Uint8Array;
  readonly commands: readonly ImageCommand[];
  /** The same conversion by sharp alone; undefined: it has none. */
  readonly direct: (() => Promise<unknown>) | undefined;
  /** The same conversion by a program of Debian. */
  readonly command: ((file: string, result: string) => readonly string[]) | undefined;
}

/** Quality of the sources and of what is made of them. */
const JPEG_QUALITY = 85;

/** Content of a photograph: soft gradients, edges in all directions, and grain. */
export const paintPhotograph = (width: number, height: number): Buffer => {
  const pixels = Buffer.allocUnsafe(width * height * 3);
  let state = 2463534242;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const grain = (state & 15) - 8;
      const [u, v] = [x / width, y / height];
      const wave = Math.sin(u * 37 + Math.sin(v * 11) * 3) * Math.sin(v * 29 + u * 7);
      const edge = wave > 0.35 ? 45 : 0;
      const at = (y * width + x) * 3;
      pixels[at] = clamp(60 + 140 * v + edge + grain);
      pixels[at + 1] = clamp(90 + 70 * u + 40 * wave + grain);
      pixels[at + 2] = clamp(200 - 120 * v + 30 * Math.cos(u * 9) - edge + grain);
    }
  }
  return pixels;
};

const clamp = (value: number): number => Math.max(0, Math.min(255, value));

const photograph = (width: number, height: number) =>
  sharp(paintPhotograph(width, height), { raw: { width, height, channels: 3 } });

const exactly = (width: number, height: number): ImageCommand => ({
  kind: "resize",
  size: {
    width,
    height,
    isPercent: false,
    isArea: false,
    isExact: true,
    isMinimum: false,
    onlyShrinks: false,
    onlyEnlarges: false,
  },
});

const [WIDTH, HEIGHT] = [720, 588];
const thumbnail = (suffix: string) => (file: string, result: string) => [
  "vipsthumbnail",
  file,
  "--size",
  `${WIDTH}x${HEIGHT}!`,
  "--output",
  `${result}${suffix}`,
];

/** The optimisation works on whole files of about these sizes (DIMS-30). */
const OPTIMIZED_KILOBYTES = [16, 64, 256, 1024];

export const makeDimsRows = async (): Promise<DimsRow[]> => {
  const large = photograph(2725, 2225);
  const jpeg = await large.clone().jpeg({ quality: JPEG_QUALITY }).toBuffer();
  const png = await large.clone().png().toBuffer();
  const webp = await large.clone().webp().toBuffer();
  const avif = await large.clone().resize(1362, 1112).avif({ effort: 2 }).toBuffer();
  const open = (source: Buffer) => sharp(source, { failOn: "error" });
  const fit = { width: WIDTH, height: HEIGHT, fit: "fill" } as const;
  const centre = { left: 1106, top: 856, width: 512, height: 512 };
  return [
    {
      id: "jpeg-resize",
      title: "JPEG 2725x2225 to 720x588",
      fileName: "photo.jpg",
      source: jpeg,
      commands: [exactly(WIDTH, HEIGHT)],
      direct: () => open(jpeg).resize(fit).jpeg({ quality: JPEG_QUALITY }).toBuffer(),
      command: thumbnail(`[Q=${JPEG_QUALITY},optimize_coding]`),
    },
    {
      id: "jpeg-crop",
      title: "JPEG 2725x2225, 512x512 cut from the middle",
      fileName: "photo.jpg",
      source: jpeg,
      commands: [{ kind: "crop", from: "center", region: { width: 512, height: 512, isPercent: false, x: 0, y: 0 } }],
      direct: () => open(jpeg).extract(centre).jpeg({ quality: JPEG_QUALITY }).toBuffer(),
      command: (file, result) => [
        "vips",
        "crop",
        file,
        `${result}[Q=${JPEG_QUALITY},optimize_coding]`,
        "1106",
        "856",
        "512",
        "512",
      ],
    },
    {
      id: "png-resize",
      title: "PNG 2725x2225 to 720x588",
      fileName: "photo.png",
      source: png,
      commands: [exactly(WIDTH, HEIGHT)],
      direct: () => open(png).resize(fit).png().toBuffer(),
      command: thumbnail("[compression=6]"),
    },
    {
      id: "webp-resize",
      title: "WebP 2725x2225 to 720x588",
      fileName: "photo.webp",
      source: webp,
      commands: [exactly(WIDTH, HEIGHT)],
      direct: () => open(webp).resize(fit).webp({ quality: 80 }).toBuffer(),
      command: thumbnail("[Q=80]"),
    },
    {
      id: "avif-resize",
      title: "AVIF 1362x1112 to 720x588",
      fileName: "photo.avif",
      source: avif,
      commands: [exactly(WIDTH, HEIGHT)],
      direct: () => open(avif).resize(fit).avif({ quality: 50, effort: 2 }).toBuffer(),
      command: thumbnail("[Q=50,effort=2]"),
    },
    {
      id: "jpeg-avif",
      title: "JPEG 2725x2225 to AVIF 720x588",
      fileName: "photo.jpg",
      source: jpeg,
      commands: [exactly(WIDTH, HEIGHT), { kind: "format", format: "avif" }],
      direct: () => open(jpeg).resize(fit).avif({ quality: 50, effort: 2 }).toBuffer(),
      command: undefined,
    },
    ...(await Promise.all(OPTIMIZED_KILOBYTES.map(makeOptimizeRow))),
  ];
};

const makeOptimizeRow = async (kilobytes: number): Promise<DimsRow> => {
  const side = Math.round(Math.sqrt(kilobytes) * 67);
  const source = await photograph(side, Math.round(side * 0.75))
    .jpeg({ quality: JPEG_QUALITY, optimiseCoding: false })
    .toBuffer();
  return {
    id: `optimize-${kilobytes}k`,
    title: `optimize a JPEG of ${Math.round(source.length / 1024)} KB`,
    fileName: `optimize-${kilobytes}.jpg`,
    source,
    commands: [{ kind: "optimize" }],
    direct: undefined,
    command: undefined,
  };
};
