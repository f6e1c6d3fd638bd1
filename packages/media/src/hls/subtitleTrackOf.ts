import type { Movie, MovieTrack } from "../movie/contract.ts";

/** The text that is offered beside the pictures: the first one that is switched on, else the first. */
export const subtitleTrackOf = ({ tracks }: Movie): MovieTrack | undefined =>
  tracks.find((track) => isText(track) && track.isEnabled) ?? tracks.find(isText);

const isText = ({ kind, codec }: MovieTrack): boolean =>
  kind === "text" && (codec.kind === "tx3g" || (codec.kind === "other" && codec.fourCharacters === "wvtt"));
