export { AudioIndexer } from "./audio/audioIndexer.ts";
export type { AudioFile, AudioRun, AudioSegment, AudioTimeline } from "./audio/contract.ts";
export { isAudioIndex, openAudioFile } from "./audio/openAudioFile.ts";
export type {
  Cut,
  MediaFormat,
  MediaIndexMemory,
  MediaOutcome,
  MediaTask,
  RecipePiece,
  Section,
  SegmentEncryption,
  Segmenting,
  SourcePiece,
  SourceRange,
  StreamUris,
} from "./contract.ts";
export {
  initFileName,
  readStreamFileName,
  type StreamFile,
  SUBTITLES_FILE_NAME,
  segmentFileName,
} from "./hls/fileNames.ts";
export { joinMasterPlaylists } from "./hls/joinMasterPlaylists.ts";
export { type MediaFacts, type MediaScanner, scanMedia } from "./mediaScanner.ts";
export type { Codec, Movie, MovieTimeline, MovieTrack, SampleRun, TimelineTrack } from "./movie/contract.ts";
export { indexMovie, type MovieIndexing } from "./movie/indexMovie.ts";
export { type LocateStep, locateMovie, type MovieLayout } from "./movie/locateMovie.ts";
export { openMovie } from "./movie/openMovie.ts";
export { PLAY_TIME_FIELD, playSecondsIn, playTimeValue } from "./playTime.ts";
export { decodeRecipe, encodeRecipe, MAX_RECIPE_PIECES, type Recipe } from "./recipe.ts";
export { formatOf } from "./recognise.ts";
export type { ResultRoom } from "./resultRoom.ts";
export { runMediaTask } from "./runMediaTask.ts";
export { timelineOf } from "./timeline/timelineOf.ts";
export { wholeTimeline } from "./timeline/wholeTimeline.ts";
export {
  type ElementaryStream,
  TICKS_PER_SECOND,
  TRANSPORT_START_TICKS,
  type TransportCodec,
  type TransportSamples,
  type TransportSegment,
} from "./transport/contract.ts";
export { encryptSegment } from "./transport/encryptSegment.ts";
export { isTransportCodec } from "./transport/isTransportCodec.ts";
export { writeTransportSegment } from "./transport/writeTransportSegment.ts";
export { relocateMovie } from "./write/relocateMovie.ts";
export type { Sliced } from "./write/slices.ts";
export { trimInSlices, trimMovie } from "./write/trimMovie.ts";
