/** Eight bits per channel, rows without gaps; 1: grey, 2: grey and alpha, 3: RGB, 4: RGB and alpha (not premultiplied). */
export interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}
