import { describe, expect, it } from "vitest";
import { findBreaches, type SourceFile } from "../boundaryRules.ts";
import { renderPackageGraph, replaceGraph } from "../packageGraph.ts";
import { readSourceFacts } from "../sourceFacts.ts";
import type { WorkspacePackage } from "../workspace.ts";

interface Sketch {
  readonly dependencies?: readonly string[];
  readonly developmentDependencies?: readonly string[];
  readonly src?: string;
  readonly test?: string;
}

function sketchPackage(name: string, sketch: Sketch): WorkspacePackage {
  return {
    name,
    folder: `packages/${name}`,
    dependencies: new Set(sketch.dependencies),
    developmentDependencies: new Set(sketch.developmentDependencies),
    entries: new Set(["."]),
  };
}

function breachesOf(sketches: Readonly<Record<string, Sketch>>): string[] {
  const packages = Object.entries(sketches).map(([name, sketch]) => sketchPackage(name, sketch));
  const file = (path: string, source: string | undefined): SourceFile[] =>
    source === undefined ? [] : [{ path, facts: readSourceFacts(source) }];
  return findBreaches(
    {
      packages,
      rootDevelopmentDependencies: new Set(["vitest"]),
      sources: new Map(
        packages.map(({ name, folder }) => [
          folder,
          {
            product: file(`${folder}/src/a.ts`, sketches[name]?.src),
            tests: file(`${folder}/test/a.test.ts`, sketches[name]?.test),
          },
        ]),
      ),
      programs: [],
    },
    [],
  );
}

describe("package boundaries", () => {
  it("let a package import what it declares from a lower layer", () => {
    expect(
      breachesOf({
        types: {},
        http: { dependencies: ["@basalt/types"], src: 'import type { A } from "@basalt/types"; import "node:net";' },
      }),
    ).toEqual([]);
  });

  it.each<[string, Record<string, Sketch>, RegExp]>([
    [
      "upwards",
      { cache: {}, http: { dependencies: ["@basalt/cache"], src: 'import "@basalt/cache";' } },
      /only go down/,
    ],
    ["sideways", { store: {}, origin: { dependencies: ["@basalt/store"], src: 'import "@basalt/store";' } }, /layer 4/],
    ["undeclared", { types: {}, http: { src: 'import "@basalt/types";' } }, /not declared/],
    ["an undeclared library", { http: { src: 'import "undici";' } }, /undici is not declared/],
    [
      "internals",
      { types: {}, http: { dependencies: ["@basalt/types"], src: 'import "@basalt/types/src/a.ts";' } },
      /not public/,
    ],
    ["through the folder", { types: {}, http: { src: 'import "../../types/src/index.ts";' } }, /leaves the package/],
    ["tests from src", { http: { src: 'import "../test/help.ts";' } }, /leaves src/],
    [
      "the test kit from src",
      { testkit: {}, edge: { dependencies: ["@basalt/testkit"], src: 'import "@basalt/testkit";' } },
      /tests only/,
    ],
    ["a built-in without its scheme", { http: { src: 'import "net";' } }, /node:net/],
    ["a package nobody gave a layer", { novelty: {} }, /has no layer/],
    ["a dependency nobody imports", { types: {}, http: { dependencies: ["@basalt/types"], src: "" } }, /never imports/],
    ["a cast", { types: { src: "const a = b as C;" } }, /cast/],
    ["any", { types: { test: "let a: any;" } }, /any/],
  ])("forbid %s", (_, sketches, message) => {
    expect(breachesOf(sketches).join("\n")).toMatch(message);
  });

  it("let tests use the test kit and the tools of the root", () => {
    expect(
      breachesOf({
        testkit: {},
        types: { developmentDependencies: ["@basalt/testkit"], test: 'import "@basalt/testkit"; import "vitest";' },
      }),
    ).toEqual([]);
  });
});

describe("the package graph", () => {
  it("draws only arrows that others do not imply, and lists every import", () => {
    const graph = renderPackageGraph([
      sketchPackage("types", {}),
      sketchPackage("http", { dependencies: ["@basalt/types"] }),
      sketchPackage("config", { dependencies: ["@basalt/http", "@basalt/types"] }),
    ]);
    expect(graph).toContain("config --> http");
    expect(graph).not.toContain("config --> types");
    expect(graph).toContain("| 2 | `config` | types, http |");
  });

  it("goes between its markers and nowhere else", () => {
    expect(replaceGraph("a\n<!-- package-graph -->\nold\n<!-- /package-graph -->\nb", "new")).toBe(
      "a\n<!-- package-graph -->\nnew\n<!-- /package-graph -->\nb",
    );
    expect(replaceGraph("no markers", "new")).toBeUndefined();
  });
});
