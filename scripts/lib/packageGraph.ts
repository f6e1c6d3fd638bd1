import { DEVELOPMENT_PACKAGES, LAYER_NAMES, PACKAGE_LAYERS } from "./packageLayers.ts";
import type { WorkspacePackage } from "./workspace.ts";

const START = "<!-- package-graph -->";
const END = "<!-- /package-graph -->";

/** The package graph as Markdown: a drawing without the arrows that follow from others, then every import. */
export function renderPackageGraph(packages: readonly WorkspacePackage[]): string {
  const imports = new Map(
    packages.map((each) => [
      each.name,
      [...each.dependencies]
        .filter((name) => name.startsWith("@basalt/"))
        .map((name) => name.slice("@basalt/".length))
        .sort(byLayer),
    ]),
  );
  const names = [...imports.keys()].sort(byLayer);
  const lines = ["```mermaid", "flowchart BT"];
  for (const [layer, title] of LAYER_NAMES.entries()) {
    const members = names.filter((name) => PACKAGE_LAYERS[name] === layer);
    if (members.length > 0) {
      lines.push(`  subgraph layer${layer}["${layer} ${title}"]`, ...members.map((name) => `    ${name}`), "  end");
    }
  }
  for (const name of names) {
    for (const imported of withoutImplied(name, imports)) lines.push(`  ${name} --> ${imported}`);
  }
  lines.push("```", "", "| Layer | Package | Imports |", "|---|---|---|");
  for (const name of names) {
    const layer = DEVELOPMENT_PACKAGES.has(name) ? "dev" : `${PACKAGE_LAYERS[name] ?? "?"}`;
    lines.push(`| ${layer} | \`${name}\` | ${imports.get(name)?.join(", ") || "–"} |`);
  }
  return lines.join("\n");
}

function byLayer(a: string, b: string): number {
  return (PACKAGE_LAYERS[a] ?? 0) - (PACKAGE_LAYERS[b] ?? 0) || a.localeCompare(b, "en");
}

/** Direct imports that are not also reached through another import. */
function withoutImplied(name: string, imports: ReadonlyMap<string, readonly string[]>): string[] {
  const direct = imports.get(name) ?? [];
  const implied = new Set<string>();
  const visit = (each: string) => {
    for (const next of imports.get(each) ?? []) {
      if (!implied.has(next)) {
        implied.add(next);
        visit(next);
      }
    }
  };
  direct.forEach(visit);
  return direct.filter((each) => !implied.has(each));
}

/** The page with the graph put between its markers; undefined when it has none. */
export function replaceGraph(page: string, graph: string): string | undefined {
  const start = page.indexOf(START);
  const end = page.indexOf(END);
  if (start < 0 || end < start) return undefined;
  return `${page.slice(0, start + START.length)}\n${graph}\n${page.slice(end)}`;
}
