import { type ImageSize, type OverlayPlace, overlayPosition } from "@basalt/policy/dims";
import type { Layer, PlacedLayer } from "./picture.ts";

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
