export {
  fetchManyPages,
  fetchPage,
  fetchPages,
  PageLoad,
  pageBody,
  pagesOf,
  servePages,
  timesAsked,
} from "./patternSite.ts";
export { type Scene, type SceneBody, type SceneOptions, scenario, useEdge } from "./scenario.ts";
export { type FileInfoRecord, SceneEdge } from "./sceneEdge.ts";
export { useShared } from "./shared.ts";
