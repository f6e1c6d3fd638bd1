// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test are strings that hold templates
import { describe, expect, it } from "vitest";
import { readSourceFacts } from "../sourceFacts.ts";

const escapesOf = (source: string) => readSourceFacts(source).escapes.map(({ kind, line }) => `${kind}:${line}`);
const importsOf = (source: string) => readSourceFacts(source).imports.map(({ specifier }) => specifier);

describe("imports are found however they are written", () => {
  it.each([
    ['import { a } from "./a.ts";', ["./a.ts"]],
    ['import type { A } from "@basalt/types";', ["@basalt/types"]],
    ['import "side-effect";', ["side-effect"]],
    ['export { a as b } from "./b.ts";', ["./b.ts"]],
    ['export * as everything from "./c.ts";', ["./c.ts"]],
    ['const later = await import("./d.ts");', ["./d.ts"]],
    ['const place = import.meta.resolve("@basalt/edge/primary");', ["@basalt/edge/primary"]],
    ['import a, { type B } from "./multi.ts";\nimport * as c from "./star.ts";', ["./multi.ts", "./star.ts"]],
    ["const from = \"not an import\"; // import x from 'comment'", []],
    ['const text = `import "template" ${await import("./inside.ts")}`;', ["./inside.ts"]],
    ['const text = "import \\"string\\"";', []],
  ])("%s", (source, specifiers) => {
    expect(importsOf(source)).toEqual(specifiers);
  });
});

describe("ways round the type checker are found, and only they", () => {
  it.each([
    ["const a = b as string;", ["cast:1"]],
    ["const a = b as unknown as Row;", ["cast:1", "cast:1"]],
    ["const a = (\n  b() as { c: number }\n);", ["cast:2"]],
    ["const a = `text ${b as string} text`;", ["cast:1"]],
    ["const list = [1, 2] as const;", []],
    ['import { a as b, type C as D } from "./a.ts";', []],
    ['import * as everything from "./a.ts";', []],
    ['import a, { b as c } from "./a.ts";', []],
    ["export { a as b };", []],
    ["type Renamed = { [Key in keyof T as `x${Key}`]: T[Key] };", []],
    ["const as = 1; call({ as: 2 }, x.as);", []],
    ["const text = 'b as string'; // b as string", []],
    ["const pattern = /b as string/; const half = a / b;", []],
    ["const a = x.b! as number[];", []],
    ["let a: any;", ["any:1"]],
    ["function f(a: Map<string, any>): any[] {}", ["any:1", "any:1"]],
    ["await Promise.any([a]); const o = { any: 1 };", []],
    ["const any = make(); use(any.thing); any.run(any);", []],
    ["// @ts-ignore\nfoo();\n// @ts-expect-error\nbar();", ["suppression:1", "suppression:3"]],
  ])("%s", (source, escapes) => {
    expect(escapesOf(source)).toEqual(escapes);
  });

  it("keeps count of lines over comments, strings and templates", () => {
    expect(escapesOf("/*\n\n*/\nconst t = `a\nb`;\nconst c = d as E;")).toEqual(["cast:6"]);
  });

  it("survives source that is cut short anywhere", () => {
    const source = 'const a = `x ${b as string} "` /* c */ + "d" + /e/ as F;';
    for (let end = 0; end <= source.length; end++) expect(() => readSourceFacts(source.slice(0, end))).not.toThrow();
  });
});
