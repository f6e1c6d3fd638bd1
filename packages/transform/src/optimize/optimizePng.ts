export const optimizePng = (_source: Uint8Array, _options: { readonly stripsMetadata: boolean }): undefined =>
  undefined;
