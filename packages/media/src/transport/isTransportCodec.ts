import type { Codec } from "../movie/contract.ts";
import type { TransportCodec } from "./contract.ts";

/** AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) with frames of 960 instead of 1024 samples, which ADTS cannot say. */
export const hasShortFrames = (config: Uint8Array): boolean => {
  let position = 0;
  const take = (bits: number): number => {
    let value = 0;
    for (let bit = 0; bit < bits; bit++, position++)
      value = value * 2 + (((config[position >> 3] ?? 0) >> (7 - (position & 7))) & 1);
    return value;
  };
  const takeObjectType = (): number => {
    const type = take(5);
    return type === 31 ? 32 + take(6) : type;
  };
  const takeFrequency = (): void => {
    if (take(4) === 15) take(24);
  };
  const type = takeObjectType();
  takeFrequency();
  take(4);
  if (type === 5 || type === 29) {
    takeFrequency();
    takeObjectType();
  }
  return take(1) === 1;
};

/**
 * Whether a transport stream of ours can carry the codec. AAC goes as ADTS, which knows object types 1 to 4, named
 * sampling rates, the seven channel configurations (0 is described in the stream itself) and frames of 1024 samples.
 */
export const isTransportCodec = (codec: Codec): codec is TransportCodec => {
  switch (codec.kind) {
    case "avc":
    case "hevc":
    case "mp3":
    case "ac3":
    case "eac3":
      return true;
    case "aac":
      return (
        codec.objectType >= 1 &&
        codec.objectType <= 4 &&
        codec.frequencyIndex <= 12 &&
        codec.channelConfiguration >= 1 &&
        codec.channelConfiguration <= 7 &&
        !hasShortFrames(codec.config)
      );
    default:
      return false;
  }
};
