export { parseAcceptEncoding } from "./acceptEncoding.ts";
export { fieldBlockOf } from "./builtFieldBlock.ts";
export { parseCacheControl } from "./cacheControl.ts";
export { type ChunkLimits, createChunkedDecoder } from "./chunkedDecoder.ts";
export * from "./contract.ts";
export { parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from "./entityTag.ts";
export { EMPTY_FIELD_BLOCK } from "./fieldBlock.ts";
export { getField } from "./flatFields.ts";
export { hopByHopNames, removeHopByHop } from "./hopByHop.ts";
export { formatHttpDate, parseHttpDate } from "./httpDate.ts";
export { listMembers, unquote } from "./listMembers.ts";
export { type ContentRange, coalesceRanges, parseContentRange, parseRange, resolveRanges } from "./range.ts";
export { createRequestHeadParser } from "./requestHeadParser.ts";
export { isFieldSafe, type StatusLine, writeResponseHead } from "./responseHead.ts";
export { statusReason } from "./status.ts";
export {
  type BareItem,
  formatStructuredString,
  formatTokenOrString,
  type InnerList,
  parseDictionary,
  type StructuredDictionary,
  type StructuredItem,
  type StructuredParameters,
} from "./structuredFields.ts";
export { type AbsoluteTarget, parseAbsoluteTarget } from "./target.ts";
export { parseSurrogateControl, parseTargetedCacheControl } from "./targetedCacheControl.ts";
export { parseVary } from "./vary.ts";
