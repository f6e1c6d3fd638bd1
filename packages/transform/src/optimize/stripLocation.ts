export const stripLocation = (_source: Uint8Array): Uint8Array<ArrayBuffer> | undefined => undefined;
