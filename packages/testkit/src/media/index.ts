export { type CorpusFile, corpusFile, corpusFiles } from "./corpus.ts";
export { CORPUS, type CorpusName, type CorpusRecipe, LARGE_FILES } from "./corpusRecipes.ts";
export {
  codedFrames,
  decodeComplaints,
  type Frame,
  hasFfmpeg,
  type ProbedFile,
  type ProbedPacket,
  type ProbedStream,
  probeFile,
  probePackets,
  runFfmpeg,
  runTool,
  shownPictures,
  type ToolOutput,
} from "./ffmpeg.ts";
export { FileBody } from "./fileBody.ts";
export { type Expected, type Judgement, judgeResult, OFFSET_TOLERANCE_SECONDS } from "./judge.ts";
export { mutateMedia } from "./mutations.ts";
export { collectSegments, type Playlist, type PlaylistSegment, readPlaylist } from "./playlist.ts";
export { type ReadPicture, readPicture } from "./readPicture.ts";
export { transportComplaints } from "./transportComplaints.ts";
