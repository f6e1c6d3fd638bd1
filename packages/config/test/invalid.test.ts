import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { checkFiles, parseConfig, readConfigSources } from "../src/index.ts";
import { type InvalidCase, placeContent, readInvalidCases } from "./invalidCorpus.ts";
import { CONTEXT, HELLO_SERVER, HELLO_VHOSTS, load, problemsOf, server } from "./support.ts";

const inCache = (content: string): string => server(`\n<Cache>\n${content}</Cache>`);

interface Reading {
  /** Whether it would be put in service. */
  readonly isAccepted: boolean;
  readonly problems: readonly Problem[];
}

const readHome = async (home: string): Promise<Reading> => {
  const outcome = parseConfig(await readConfigSources(home), { ...CONTEXT, home });
  if (!outcome.ok) return { isAccepted: false, problems: outcome.problems };
  const found = await checkFiles(outcome.config, outcome.provenance);
  return { isAccepted: found.length === 0, problems: [...found, ...outcome.warnings] };
};

const readCase = async ({ files, message }: InvalidCase): Promise<Reading & { readonly message: string }> => {
  const home = await mkdtemp(join(tmpdir(), "basalt-invalid-"));
  try {
    const all = { "server.xml": HELLO_SERVER, "vhosts.xml": HELLO_VHOSTS, ...files };
    for (const [file, content] of Object.entries(all)) await placeContent(home, file, content);
    return { ...(await readHome(home)), message: message.replaceAll("{home}", home) };
  } finally {
    await rm(home, { recursive: true });
  }
};

const groups = await readInvalidCases();

describe("an unsound configuration names file, line and element", () => {
  for (const [group, cases] of groups) {
    it.each(cases.map((each) => [each.what, each] as const))(`${group}: %s`, async (_, each) => {
      const { isAccepted, problems, message } = await readCase(each);
      // A line of a condition file is skipped, and the rest stands (CFG-31, DERIVED); all else is refused.
      expect(isAccepted).toBe(group === "conditions");
      const found = problems.filter(({ severity }) => severity === (isAccepted ? "warning" : "error"));
      expect(found).toMatchObject([{ ...each.at, message }]);
    });
  }

  it("has more than a hundred and fifty of them", () => {
    expect([...groups.values()].flat().length).toBeGreaterThan(150);
  });

  it("says in words what is allowed", () => {
    expect(problemsOf({ "server.xml": inCache("<Purge>Soft</Purge>") })[0]?.allowed).toBe("Normal or Hard");
  });

  it("counts columns from 1 at the beginning of the tag", () => {
    expect(problemsOf({ "server.xml": inCache("    <Purge>Soft</Purge>") })[0]).toMatchObject({ line: 3, column: 5 });
  });

  it("reports every mistake, not only the first", () => {
    const content = inCache('<Purge>Soft</Purge><Storage OnCrash="x" DiskFailSec="y"/><Workers>many</Workers>');
    expect(problemsOf({ "server.xml": content })).toHaveLength(4);
  });

  it("lists at most a thousand of them", () => {
    expect(problemsOf({ "server.xml": server("<X/>".repeat(5_000)) })).toHaveLength(1_000);
  });

  it.each([
    "\u0000",
    "<",
    "<![CDATA[",
    "<Server><!--",
    "<Server a='",
    "<?xml",
    "]]>",
    "<Server>&#x110000;</Server>",
    "<_><_/></_>",
    "<Server><__proto__/><constructor>1</constructor></Server>",
    '<Server __proto__="1" constructor="2"/>',
  ])("refuses %j without harm", (content) => {
    expect(load({ "server.xml": content }).ok).toBe(false);
  });
});
