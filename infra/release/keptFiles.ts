import type { PlacedPackage } from "./packageTree.ts";

/** Folders of libraries that are not needed to run them. */
const UNUSED_FOLDERS =
  /(^|\/)(test|tests|__tests__|docs?|example|examples|bench|benchmark|benchmarks|\.github|types)(\/|$)/;
const UNUSED_FILES =
  /\.(map|md|markdown|ts|mts|cts|gyp|gypi|c|cc|cpp|h|hpp|yml|yaml)$|(^|\/)(\.[^/]+|tsconfig[^/]*\.json)$/i;
/** Of our own packages; only the program keeps its maps, by which the log names the places of defects. */
const UNUSED_OWN_FILES = /\.(map|d\.ts)$|\.tsbuildinfo$/;
const LICENCE = /(^|\/)(licen[cs]e|copying|notice)[^/]*$/i;

/** Sources of native code that is there as a prebuilt binary. */
const NATIVE_SOURCES = new Map<string, RegExp>([["better-sqlite3", /^(deps|src)(\/|$)/]]);

/** Binaries of other platforms than Linux with glibc on this architecture. */
const isForeignBinary = (path: string, architecture: string): boolean =>
  /^prebuilds\//.test(path) && path !== "prebuilds" && path !== `prebuilds/linux-${architecture}.node`;

/** Whether a file or folder of a package belongs in the release; `path` relative to the package. */
export const isKept = ({ name, isOwn }: PlacedPackage, path: string, architecture: string): boolean => {
  if (path === "" || path === "package.json") return true;
  if (isOwn) {
    const isMapOfProgram = name === "@basalt/cli" && path.endsWith(".js.map");
    return path === "dist" || (path.startsWith("dist/") && (isMapOfProgram || !UNUSED_OWN_FILES.test(path)));
  }
  if (/(^|\/)node_modules(\/|$)/.test(path)) return false;
  if (LICENCE.test(path)) return true;
  if (NATIVE_SOURCES.get(name)?.test(path) === true || isForeignBinary(path, architecture)) return false;
  return !UNUSED_FOLDERS.test(path) && !UNUSED_FILES.test(path);
};
