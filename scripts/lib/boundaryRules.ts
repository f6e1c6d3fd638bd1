import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path";
import { BOUNDARY_FILES, type BoundaryFile } from "./boundaryFiles.ts";
import { DEVELOPMENT_PACKAGES, PACKAGE_LAYERS } from "./packageLayers.ts";
import type { SourceFacts } from "./sourceFacts.ts";
import type { WorkspacePackage } from "./workspace.ts";

export interface SourceFile {
  /** Relative to the checkout. */
  readonly path: string;
  readonly facts: SourceFacts;
}

export interface Workspace {
  readonly packages: readonly WorkspacePackage[];
  readonly rootDevelopmentDependencies: ReadonlySet<string>;
  /** Sources of a package by its folder: `src`, and everything else (tests, benches). */
  readonly sources: ReadonlyMap<
    string,
    { readonly product: readonly SourceFile[]; readonly tests: readonly SourceFile[] }
  >;
  /** Programs outside the packages (infra, scripts). */
  readonly programs: readonly SourceFile[];
}

const SCOPE = "@basalt/";

/** Every breach, as `file:line: what is wrong`; empty when the workspace keeps its rules. */
export function findBreaches(workspace: Workspace, boundaryFiles: readonly BoundaryFile[] = BOUNDARY_FILES): string[] {
  const byName = new Map(workspace.packages.map((each) => [each.name, each]));
  const breaches: string[] = [];
  for (const each of workspace.packages) {
    breaches.push(...checkManifest(each));
    const { product = [], tests = [] } = workspace.sources.get(each.folder) ?? {};
    const used = new Set<string>();
    for (const file of product) {
      for (const { specifier, line } of file.facts.imports) {
        const fault = checkImport(specifier, file.path, each, byName, workspace, "product");
        if (fault !== undefined) breaches.push(`${file.path}:${line}: ${fault}`);
        used.add(packageOf(specifier));
      }
    }
    for (const file of tests) {
      for (const { specifier, line } of file.facts.imports) {
        const fault = checkImport(specifier, file.path, each, byName, workspace, "test");
        if (fault !== undefined) breaches.push(`${file.path}:${line}: ${fault}`);
      }
    }
    for (const dependency of each.dependencies) {
      if (dependency.startsWith(SCOPE) && !used.has(dependency)) {
        breaches.push(`${each.folder}/package.json: declares ${dependency} and never imports it`);
      }
    }
    breaches.push(...checkEscapes(product, boundaryFiles, ["cast", "any", "suppression"]));
    breaches.push(...checkEscapes(tests, boundaryFiles, ["any", "suppression"]));
  }
  breaches.push(...checkEscapes(workspace.programs, boundaryFiles, ["cast", "any", "suppression"]));
  breaches.push(...findStaleEntries(workspace, boundaryFiles));
  return breaches;
}

function checkManifest(each: WorkspacePackage): string[] {
  if (PACKAGE_LAYERS[each.name] === undefined) {
    return [`${each.folder}/package.json: ${each.name} has no layer in scripts/lib/packageLayers.ts`];
  }
  return [...each.dependencies]
    .filter((dependency) => dependency.startsWith(SCOPE))
    .map((dependency) => checkDirection(each.name, dependency.slice(SCOPE.length)))
    .filter((fault) => fault !== undefined)
    .map((fault) => `${each.folder}/package.json: ${fault}`);
}

/** What is wrong with this package depending on that one, if anything. */
export function checkDirection(importer: string, imported: string): string | undefined {
  const from = PACKAGE_LAYERS[importer];
  const to = PACKAGE_LAYERS[imported];
  if (from === undefined || to === undefined) return `${imported} has no layer in scripts/lib/packageLayers.ts`;
  if (DEVELOPMENT_PACKAGES.has(imported)) return `${importer} must not depend on ${imported}: it is for tests only`;
  if (to > from) return `${importer} (layer ${from}) must not import ${imported} (layer ${to}): imports only go down`;
  if (to === from) return `${importer} must not import ${imported}: both are on layer ${from}`;
  return undefined;
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function checkImport(
  specifier: string,
  path: string,
  importer: WorkspacePackage,
  byName: ReadonlyMap<string, WorkspacePackage>,
  workspace: Workspace,
  role: "product" | "test",
): string | undefined {
  if (isBuiltin(specifier)) {
    return specifier.startsWith("node:") ? undefined : `write "node:${specifier}"`;
  }
  if (specifier.startsWith(".")) {
    const target = normalize(join(dirname(path), specifier));
    if (!target.startsWith(`${importer.folder}/`)) return `"${specifier}" leaves the package: import it by name`;
    const leavesSources = role === "product" && !target.startsWith(`${importer.folder}/src/`);
    return leavesSources ? `"${specifier}" leaves src` : undefined;
  }
  const name = packageOf(specifier);
  const isDeclared =
    importer.dependencies.has(name) ||
    ((role === "test" || DEVELOPMENT_PACKAGES.has(importer.name)) &&
      (importer.developmentDependencies.has(name) || workspace.rootDevelopmentDependencies.has(name)));
  if (!name.startsWith(SCOPE))
    return isDeclared ? undefined : `${name} is not declared in ${importer.folder}/package.json`;
  const shortName = name.slice(SCOPE.length);
  const target = byName.get(shortName);
  if (target === undefined) return `there is no package ${name}`;
  if (shortName === importer.name) return role === "test" ? undefined : "a package does not import itself by name";
  if (!target.entries.has(`.${specifier.slice(name.length)}`)) return `${specifier} is not public`;
  if (role === "test" && DEVELOPMENT_PACKAGES.has(shortName)) {
    return isDeclared ? undefined : `${name} is not declared in ${importer.folder}/package.json`;
  }
  return (
    checkDirection(importer.name, shortName) ??
    (isDeclared ? undefined : `${name} is not declared in ${importer.folder}/package.json`)
  );
}

const ESCAPE_NAMES = {
  cast: "a cast with `as`",
  any: "the type `any`",
  suppression: "a suppressed type error",
} as const;

function checkEscapes(
  files: readonly SourceFile[],
  boundaryFiles: readonly BoundaryFile[],
  forbidden: readonly (keyof typeof ESCAPE_NAMES)[],
): string[] {
  return files.flatMap((file) => {
    const allowed = boundaryFiles.find((entry) => entry.path === file.path)?.may ?? [];
    return file.facts.escapes
      .filter(({ kind }) => forbidden.includes(kind) && !allowed.includes(kind))
      .map(({ kind, line }) => `${file.path}:${line}: ${ESCAPE_NAMES[kind]} outside scripts/lib/boundaryFiles.ts`);
  });
}

function findStaleEntries(workspace: Workspace, boundaryFiles: readonly BoundaryFile[]): string[] {
  const files = new Map<string, SourceFile>();
  for (const { product, tests } of workspace.sources.values()) {
    for (const file of [...product, ...tests]) files.set(file.path, file);
  }
  for (const file of workspace.programs) files.set(file.path, file);
  return boundaryFiles.flatMap((entry) => {
    const present = new Set(files.get(entry.path)?.facts.escapes.map(({ kind }) => kind) ?? []);
    return entry.may
      .filter((kind) => !present.has(kind))
      .map((kind) => `scripts/lib/boundaryFiles.ts: ${entry.path} no longer needs ${ESCAPE_NAMES[kind]}`);
  });
}
