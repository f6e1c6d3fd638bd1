import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, printError } from "../../infra/lib/print.ts";
import { findBreaches, type SourceFile, type Workspace } from "../lib/boundaryRules.ts";
import { renderPackageGraph, replaceGraph } from "../lib/packageGraph.ts";
import { readSourceFacts } from "../lib/sourceFacts.ts";
import { checkout, listSources, readRootDevelopmentDependencies, readWorkspace } from "../lib/workspace.ts";

const ARCHITECTURE_PAGE = "docs/architecture.md";

function readSource(path: string): SourceFile {
  return { path, facts: readSourceFacts(readFileSync(join(checkout, path), "utf8")) };
}

const packages = readWorkspace();
const workspace: Workspace = {
  packages,
  rootDevelopmentDependencies: readRootDevelopmentDependencies(),
  sources: new Map(
    packages.map(({ folder }) => [
      folder,
      {
        product: listSources(`${folder}/src`).map(readSource),
        tests: [...listSources(`${folder}/test`), ...listSources(`${folder}/bench`)].map(readSource),
      },
    ]),
  ),
  programs: [...listSources("infra"), ...listSources("scripts")].map(readSource),
};

const { values } = parseArgs({ options: { graph: { type: "boolean" }, write: { type: "boolean" } } });
const graph = renderPackageGraph(packages);
const page = join(checkout, ARCHITECTURE_PAGE);
const written = existsSync(page) ? readFileSync(page, "utf8") : undefined;
const current = written === undefined ? undefined : replaceGraph(written, graph);

if (values.graph) {
  print(graph);
} else if (values.write) {
  if (current === undefined) {
    printError(`${ARCHITECTURE_PAGE} has no <!-- package-graph --> … <!-- /package-graph --> to write to`);
    process.exitCode = 1;
  } else {
    writeFileSync(page, current);
  }
} else {
  const breaches = findBreaches(workspace);
  if (current !== undefined && current !== written) {
    breaches.push(`${ARCHITECTURE_PAGE}: the package graph is out of date: run scripts/check-boundaries --write`);
  }
  for (const breach of breaches) printError(breach);
  print(breaches.length === 0 ? `${packages.length} packages keep their layers` : `${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
