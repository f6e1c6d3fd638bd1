export { type Scene, type SceneBody, type SceneOptions, scenario, useEdge } from "./scenario.ts";
export { type FileInfoRecord, SceneEdge } from "./sceneEdge.ts";
