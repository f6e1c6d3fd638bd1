import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { isRecord, parseRecord, stringAt } from "../../infra/lib/json.ts";

export const checkout = join(import.meta.dirname, "..", "..");

export interface WorkspacePackage {
  /** Without the scope. */
  readonly name: string;
  /** Relative to the checkout. */
  readonly folder: string;
  readonly dependencies: ReadonlySet<string>;
  readonly developmentDependencies: ReadonlySet<string>;
  /** Keys of `exports`, e.g. `.` and `./primary`. */
  readonly entries: ReadonlySet<string>;
}

export function readWorkspace(root = checkout): WorkspacePackage[] {
  return ["packages", "apps"]
    .filter((parent) => existsSync(join(root, parent)))
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name)))
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => {
      const manifest = parseRecord(readFileSync(join(root, folder, "package.json"), "utf8"));
      return {
        name: stringAt(manifest, "name").replace(/^@basalt\//, ""),
        folder,
        dependencies: keysOf(manifest.dependencies),
        developmentDependencies: keysOf(manifest.devDependencies),
        entries: keysOf(manifest.exports),
      };
    });
}

export function readRootDevelopmentDependencies(root = checkout): ReadonlySet<string> {
  return keysOf(parseRecord(readFileSync(join(root, "package.json"), "utf8")).devDependencies);
}

function keysOf(value: unknown): ReadonlySet<string> {
  return new Set(isRecord(value) ? Object.keys(value) : []);
}

/** TypeScript files below a folder, relative to the checkout; nothing when the folder is not there. */
export function listSources(folder: string, root = checkout): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.parentPath.includes("node_modules"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}
