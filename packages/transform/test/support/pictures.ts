import sharp, { type JpegOptions, type Sharp } from "sharp";

/** Numbers of 0 to 1 that are the same in every run. */
export const repeatable = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
};

/** Something like a photograph: soft light, a few edges, and grain. */
export const makeScene = (width: number, height: number, seed = 1): Sharp => {
  const random = repeatable(seed);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const light = 110 + 70 * Math.sin(x / 31 + seed) + 50 * Math.cos(y / 17);
      const edge = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (width / 4) ** 2 ? 45 : 0;
      const grain = (random() - 0.5) * 24;
      const at = (y * width + x) * 3;
      data[at] = clamp(light + edge + grain);
      data[at + 1] = clamp(light * 0.8 + grain + y / 4);
      data[at + 2] = clamp(200 - light * 0.6 + edge + grain / 2);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
};

export const makeJpeg = async (width: number, height: number, options: JpegOptions = {}): Promise<Uint8Array> =>
  makeScene(width, height)
    .jpeg({ optimiseCoding: false, ...options })
    .toBuffer();

/** As a tolerant decoder shows it; undefined where it shows nothing. */
export const decode = async (picture: Uint8Array): Promise<Buffer | undefined> => {
  try {
    return await sharp(picture, { failOn: "none", ignoreIcc: true }).raw().toBuffer();
  } catch {
    return undefined;
  }
};

/** Whether both decode, to the same pixels. */
export const looksSame = async (one: Uint8Array, other: Uint8Array): Promise<boolean> => {
  const [pixels, others] = await Promise.all([decode(one), decode(other)]);
  return pixels !== undefined && others !== undefined && pixels.equals(others);
};

const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));
