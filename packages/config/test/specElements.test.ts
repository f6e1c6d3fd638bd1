import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ProblemList } from "../src/problems.ts";
import { type SchemaNode, SERVER_SCHEMA, VHOSTS_SCHEMA } from "../src/schema.ts";
import { validateFile } from "../src/validate.ts";
import { parseXml } from "../src/xml/parseXml.ts";
import type { XmlElement } from "../src/xml/xmlElement.ts";

/**
 * Every element that the specification names is known to the option tables, whether or not its feature exists yet. The
 * specification lies beside the checkout; where it does not, there is nothing to compare.
 */
const SPEC = new URL("../../../../shared/spec/", import.meta.url);

const inAnswers = "an element of the statistics answers, not of the configuration";
const later = "marked LATER: a release after the baseline";
const placeholder = "stands for something else, or is HTML";

/** `<Element>` or `<Element attribute>` that the tables need not know. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...["CPU", "Mem", "RQ", "EQ", "Cached", "Completed", "Connect", "Count", "Session", "Traffic", "VirtualHost"],
      ...[
        "ClientHttpReqBypass",
        "ClientHttpReqDenied",
        "ClientTraffic",
        "ClientTraffics",
        "OriginTraffic",
        "File",
        "Dir",
      ],
      ...["HttpReqCount", "TimeComplete", "TimeRes", "UrlBypass", "WaitingFiles2Write", "GetAttr", "Open", "Read"],
      ...["Hit", "ConnectTimeout Sum", "PortBypass SrcPort", "PortBypass DestPort"],
    ].map((name) => [name, inAnswers]),
  ),
  ...Object.fromEntries(
    ["NoStore", "ResCodeDenyCtrlTarget", "RootHardPurge", "TTLExtensionByFail", "Origin Protocol"].map((name) => [
      name,
      later,
    ]),
  ),
  ...Object.fromEntries(
    ["Base64", "XXX", "StorageDir", "body", "client", "file", "input", "install", "prefix", "request"]
      .concat("resource", "segment", "type", "virtual")
      .map((name) => [name, placeholder]),
  ),
};

const specFiles = existsSync(SPEC) ? readdirSync(SPEC).filter((name) => /^\d\d-.*\.md$/.test(name)) : [];

const attributesByElement = (): ReadonlyMap<string, ReadonlySet<string>> => {
  const known = new Map<string, Set<string>>();
  const visit = (node: SchemaNode): void => {
    const attributes = known.get(node.name) ?? new Set<string>();
    known.set(node.name, attributes);
    for (const name of node.attributes.keys()) attributes.add(name);
    for (const child of node.children.values()) visit(child);
  };
  visit(SERVER_SCHEMA);
  visit(VHOSTS_SCHEMA);
  return known;
};

/** Tags of a text as `Element` and, for each attribute, `Element attribute`. */
const tagsOf = (text: string): readonly string[] =>
  [...text.matchAll(/<([A-Za-z][\w.-]*)((?:\s[^<>]*)?)>/g)].flatMap(([, name = "", rest = ""]) => [
    name,
    ...[...rest.replace(/"[^"]*"|…/g, "").matchAll(/[A-Za-z][\w.]*/g)].map(([attribute]) => `${name} ${attribute}`),
  ]);

const isKnown = (tag: string, known: ReadonlyMap<string, ReadonlySet<string>>): boolean => {
  const [name = "", attribute] = tag.split(" ");
  const attributes = known.get(name);
  // An unknown element is reported once, by its name.
  return attribute === undefined ? attributes !== undefined : (attributes?.has(attribute) ?? true);
};

/** Where an element of this name may stand; the roots stand by themselves. */
const nodesCalled = (name: string): readonly SchemaNode[] => {
  const found: SchemaNode[] = [];
  const visit = (node: SchemaNode): void => {
    if (node.name === name) found.push(node);
    for (const child of node.children.values()) visit(child);
  };
  visit(SERVER_SCHEMA);
  visit(VHOSTS_SCHEMA);
  return found;
};

/** Structural complaints about an example in the place that suits it best. */
const complaintsOf = (element: XmlElement): readonly string[] => {
  const answers = nodesCalled(element.name).map((node) => {
    const problems = new ProblemList();
    validateFile("example", element, node, problems);
    return problems.all.map(({ message }) => message).filter((message) => /no element|no attribute/.test(message));
  });
  if (answers.length === 0) return [`<${element.name}> is unknown.`];
  return answers.reduce((best, each) => (each.length < best.length ? each : best));
};

const examplesIn = (text: string): readonly string[] =>
  [...text.matchAll(/```xml\n([\s\S]*?)```/g)].map(([, example = ""]) => example);

describe.skipIf(specFiles.length === 0)(
  "elements of the specification (skipped when it is not beside the checkout)",
  () => {
    const known = attributesByElement();

    it.each(specFiles)("%s names none that the option tables lack", (name) => {
      const tags = new Set(tagsOf(readFileSync(new URL(name, SPEC), "utf8")));
      expect([...tags].filter((tag) => !isKnown(tag, known) && !(tag in EXCEPTIONS))).toEqual([]);
    });

    it.each(specFiles.filter((name) => examplesIn(readFileSync(new URL(name, SPEC), "utf8")).length > 0))(
      "the examples of %s stand where the option tables have them",
      (name) => {
        for (const example of examplesIn(readFileSync(new URL(name, SPEC), "utf8"))) {
          const outcome = parseXml(`<_>${example.replaceAll("…", "").replace(/<\?xml[^>]*>/, "")}</_>`);
          if (!outcome.ok) throw new Error(`${outcome.message}\n${example}`);
          expect(outcome.root.children.flatMap(complaintsOf)).toEqual([]);
        }
      },
    );

    it("has no exception that it does not need", () => {
      const named = new Set(specFiles.flatMap((name) => tagsOf(readFileSync(new URL(name, SPEC), "utf8"))));
      expect(Object.keys(EXCEPTIONS).filter((tag) => !named.has(tag) || isKnown(tag, known))).toEqual([]);
    });
  },
);
