/** Pixels more transparent than this have no colour. */
const LEAST_ALPHA = 128;

/** Three bits of each channel: pixels that differ less are of one colour. */
const BUCKETS = 512;

/**
 * The colour that most of the picture has, as `#rrggbb`: the mean of the fullest cell of colours, in which colourful
 * pixels count more than grey ones. A picture without an opaque pixel is white.
 */
export const dominantColor = (rgba: Uint8Array): string => {
  const weights = new Float64Array(BUCKETS);
  const sums = new Float64Array(BUCKETS * 3);
  for (let at = 0; at + 3 < rgba.length; at += 4) {
    const red = rgba[at] ?? 0;
    const green = rgba[at + 1] ?? 0;
    const blue = rgba[at + 2] ?? 0;
    if ((rgba[at + 3] ?? 0) < LEAST_ALPHA) continue;
    const bucket = ((red >> 5) << 6) | ((green >> 5) << 3) | (blue >> 5);
    const weight = 1 + (Math.max(red, green, blue) - Math.min(red, green, blue)) / 255;
    weights[bucket] = (weights[bucket] ?? 0) + weight;
    [red, green, blue].forEach((value, channel) => {
      sums[bucket * 3 + channel] = (sums[bucket * 3 + channel] ?? 0) + value * weight;
    });
  }
  const fullest = weights.reduce((best, weight, bucket) => (weight > (weights[best] ?? 0) ? bucket : best), 0);
  const weight = weights[fullest] ?? 0;
  if (weight === 0) return "#ffffff";
  const channels = [0, 1, 2].map((channel) => Math.round((sums[fullest * 3 + channel] ?? 0) / weight));
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
};
