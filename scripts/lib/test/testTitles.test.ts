import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readTitles } from "../testTitles.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "basalt-titles-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const titlesOf = (source: string): readonly string[] => {
  const path = join(folder, "some.test.ts");
  writeFileSync(path, source);
  return readTitles(path);
};

it("reads titles of groups, tests and scenes, whatever modifies them", () => {
  const source = `
    describe.skipIf(!isBuilt() && isLocal)("a group", () => {
      it("CFG-01 a test", () => expect(it.name).toBe("no title"));
      test.skip("left out");
      scenario(
        "PRG-02: a scene",
        { xml: "<Options/>" },
        async () => {},
      );
    });`;
  expect(titlesOf(source)).toEqual(["a group", "CFG-01 a test", "left out", "PRG-02: a scene"]);
});

it("finds the texts of tables and loops that titles are made of", () => {
  const source = `
    import { ROWS } from "./rows.ts";
    const NAMES: readonly string[] = ["ORG-03", "ORG-04"];
    const CASES = [...NAMES, LAST];
    const LAST = "ORG-05";
    const play = (name: string) => it(\`play \${name}\`, () => "no title");
    it.each<readonly [string, number]>([["STAT-01 one", 1], ["STAT-02 two", 2]])("%s", () => {});
    for (const [name, { rows }] of CASES) it(\`\${rows}: \${name} is right\`, () => {});
    ROWS.forEach(([row]) => play(row));`;
  const titles = titlesOf(source);
  expect(titles).toEqual(expect.arrayContaining(["STAT-01 one", "STAT-02 two", "ORG-03", "ORG-04", "ORG-05"]));
  expect(titles).toContain(":  is right");
  expect(titles).not.toContain("no title");
});

it("follows a name into the file beside it that it comes from", () => {
  writeFileSync(join(folder, "rows.ts"), 'export const ROWS = ["HTTP-01 first"] as const;\n');
  const source = `import { ROWS } from "./rows.ts";\nfor (const row of ROWS) it(row, () => {});`;
  expect(titlesOf(source)).toContain("HTTP-01 first");
});
