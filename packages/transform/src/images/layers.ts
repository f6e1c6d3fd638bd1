import { type ImagePosition, type ImageSize, type OverlayPlace, overlayPosition } from "@basalt/policy/dims";

/** RGBA, not premultiplied. */
export interface Layer extends ImageSize {
  readonly data: Uint8Array;
}

export interface PlacedLayer extends ImagePosition {
  readonly layer: Layer;
  readonly blend: "over" | "dest-out";
}

export const placeLayer = (layer: Layer, place: OverlayPlace, base: ImageSize): PlacedLayer => ({
  layer,
  blend: "over",
  ...overlayPosition(place.gravity, place.offset, base, layer),
});

/** The layer with that share of its opacity (DIMS-74). */
export const dissolveLayer = (layer: Layer, percent: number): Layer => {
  if (percent >= 100) return layer;
  const data = Uint8Array.from(layer.data);
  for (let at = 3; at < data.length; at += 4) data[at] = Math.round(((data[at] ?? 0) * percent) / 100);
  return { ...layer, data };
};

/** What of a layer lies on its base; nothing, or one. */
export const visiblePart = (placed: PlacedLayer, base: ImageSize): PlacedLayer[] => {
  const { layer } = placed;
  const left = Math.max(0, placed.left);
  const top = Math.max(0, placed.top);
  const right = Math.min(base.width, placed.left + layer.width);
  const bottom = Math.min(base.height, placed.top + layer.height);
  if (right <= left || bottom <= top) return [];
  const [width, height] = [right - left, bottom - top];
  if (width === layer.width && height === layer.height) return [placed];
  const data = Buffer.allocUnsafe(width * height * 4);
  for (let row = 0; row < height; row++) {
    const start = ((top - placed.top + row) * layer.width + (left - placed.left)) * 4;
    data.set(layer.data.subarray(start, start + width * 4), row * width * 4);
  }
  return [{ layer: { data, width, height }, left, top, blend: placed.blend }];
};
