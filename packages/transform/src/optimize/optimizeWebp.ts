export const optimizeWebp = (_source: Uint8Array, _options: { readonly stripsMetadata: boolean }): undefined =>
  undefined;
