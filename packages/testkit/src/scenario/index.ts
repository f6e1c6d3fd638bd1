export {
  type FileInfoRecord,
  type Scene,
  type SceneBody,
  SceneEdge,
  type SceneOptions,
  scenario,
  useEdge,
} from "./scenario.ts";
