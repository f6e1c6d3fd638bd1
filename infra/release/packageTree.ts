import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRecord } from "../lib/json.ts";

/** One package of the release: from where it is copied and to where, relative to the folder of the program. */
export interface PlacedPackage {
  readonly name: string;
  readonly version: string;
  readonly from: string;
  readonly to: string;
  /** A package of this workspace: only what it was built to is copied. */
  readonly isOwn: boolean;
}

interface Manifest {
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly optionalDependencies: readonly string[];
}

const namesOf = (value: unknown): string[] => (isRecord(value) ? Object.keys(value) : []);

const readManifest = (folder: string): Manifest => {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (!isRecord(manifest)) throw new Error(`${folder}/package.json is no object`);
  const optionalDependencies = namesOf(manifest.optionalDependencies);
  return {
    version: typeof manifest.version === "string" ? manifest.version : "",
    dependencies: namesOf(manifest.dependencies).filter((name) => !optionalDependencies.includes(name)),
    optionalDependencies,
  };
};

/** Where Node would find a package from within a folder, links resolved; undefined when nowhere. */
const findPackage = (name: string, from: string): string | undefined => {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (dirname(folder) === folder) return undefined;
  }
};

/** Dependencies that the workspace leaves out by overrides of the form `"tar-stream>bare-fs": "-"`. */
const readLeftOut = (workspace: string): ReadonlySet<string> => {
  const manifest: unknown = JSON.parse(readFileSync(join(workspace, "package.json"), "utf8"));
  const pnpm = isRecord(manifest) ? manifest.pnpm : undefined;
  const overrides = isRecord(pnpm) && isRecord(pnpm.overrides) ? pnpm.overrides : {};
  return new Set(Object.keys(overrides).filter((rule) => overrides[rule] === "-"));
};

/**
 * The package in `root` and everything that it needs at run time, as a tree of real folders without links. The first
 * version of a name lies at the top, others below the package that needs them.
 */
export const placePackages = (root: string): readonly PlacedPackage[] => {
  const workspace = realpathSync(join(root, "..", ".."));
  const leftOut = readLeftOut(workspace);
  const placed = new Map<string, PlacedPackage>();
  const top = new Map<string, string>();

  const place = (name: string, from: string, to: string): void => {
    const { version, dependencies, optionalDependencies } = readManifest(from);
    const isOwn = !from.slice(workspace.length).includes("/node_modules/") && from.startsWith(workspace);
    placed.set(to, { name, version, from, to, isOwn });
    for (const [needed, isOptional] of [
      ...dependencies.map((one) => [one, false] as const),
      ...optionalDependencies.map((one) => [one, true] as const),
    ]) {
      const found = findPackage(needed, from);
      if (found === undefined) {
        if (isOptional || leftOut.has(`${name}>${needed}`)) continue;
        throw new Error(`${name} needs ${needed}, which is not installed`);
      }
      const first = top.get(needed);
      if (first === found) continue;
      if (first === undefined) {
        top.set(needed, found);
        place(needed, found, `node_modules/${needed}`);
      } else if (!placed.has(`${to}/node_modules/${needed}`)) {
        place(needed, found, `${to}/node_modules/${needed}`);
      }
    }
  };

  const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (typeof name !== "string") throw new Error(`${root}/package.json has no name`);
  top.set(name, realpathSync(root));
  place(name, realpathSync(root), `node_modules/${name}`);
  return [...placed.values()].toSorted((left, right) => (left.to < right.to ? -1 : 1));
};
