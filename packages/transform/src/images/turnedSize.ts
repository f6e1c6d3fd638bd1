import type { ImageSize } from "@basalt/policy/dims";

/** Of a picture that was turned clockwise by 0 to 360 degrees. */
export const turnedSize = (angle: number, width: number, height: number): ImageSize =>
  angle % 90 === 0 ? quarterSize(angle, width, height) : boundingSize(angle, width, height);

const quarterSize = (angle: number, width: number, height: number): ImageSize =>
  angle === 180 ? { width, height } : { width: height, height: width };

const boundingSize = (angle: number, width: number, height: number): ImageSize => {
  const [cosine, sine] = [Math.abs(Math.cos((angle * Math.PI) / 180)), Math.abs(Math.sin((angle * Math.PI) / 180))];
  return { width: Math.ceil(width * cosine + height * sine), height: Math.ceil(width * sine + height * cosine) };
};
