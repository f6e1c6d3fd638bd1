import { unreachable } from "@basalt/types";
import type { ValueShape } from "./options/valueTypes.ts";
import { type SchemaNode, SERVER_SCHEMA, type Slot, VHOSTS_SCHEMA } from "./schema.ts";

/**
 * XML schemas (XSD 1.0) of `server.xml` and `vhosts.xml`, from which editors complete and validate. They refuse nothing
 * that the parser takes. The other way round they are laxer: free text, and elements that stand twice beside repeatable
 * ones, are left to `basalt check`.
 */
interface XsdDocument {
  /** Definitions of value types by their name, each once. */
  readonly types: Map<string, readonly string[]>;
}

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const wrap = (tag: string, attributes: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [`<xs:${tag}${attributes}/>`] : [`<xs:${tag}${attributes}>`, ...indent(lines), `</xs:${tag}>`];

const facet = (name: string, value: string | number): string => `<xs:${name} value="${escapeText(String(value))}"/>`;

const annotate = (text: string): readonly string[] =>
  text === "" ? [] : wrap("annotation", "", [`<xs:documentation>${escapeText(text)}</xs:documentation>`]);

/** Each letter in both cases, everything else as it is. */
const ignoreCase = (word: string): string =>
  word
    .replace(/[.\\?*+{}()[\]|-]/g, "\\$&")
    .replace(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`);

const define = (document: XsdDocument, name: string, content: readonly string[]): string => {
  document.types.set(name, wrap("simpleType", ` name="${name}"`, content));
  return name;
};

const restrict = (base: string, facets: readonly string[]): readonly string[] =>
  wrap("restriction", ` base="${base}"`, facets);

/** Union of named words, which editors complete, and a pattern that takes them in any case. */
const defineWords = (document: XsdDocument, words: readonly string[]): string => {
  const anyCase = restrict("xs:token", [facet("pattern", words.map(ignoreCase).join("|"))]);
  const named = restrict(
    "xs:token",
    words.map((word) => facet("enumeration", word)),
  );
  const members = [...wrap("simpleType", "", named), ...wrap("simpleType", "", anyCase)];
  return define(document, `word-${words.join("-")}`, wrap("union", "", members));
};

const defineShape = (document: XsdDocument, shape: ValueShape | undefined, typeName: string): string => {
  if (shape === undefined) return "xs:string";
  switch (shape.kind) {
    case "integer": {
      const facets = [facet("minInclusive", shape.min), facet("maxInclusive", shape.max)];
      return define(document, `integer-${shape.min}-${shape.max}`, restrict("xs:integer", facets));
    }
    case "words":
      return defineWords(document, shape.words);
    case "pattern":
      return define(document, typeName.replaceAll(" ", "-"), restrict("xs:token", [facet("pattern", shape.pattern)]));
    default:
      return unreachable(shape);
  }
};

/** An empty text stands for 'not written' where attributes may stand alone. */
const orEmpty = (document: XsdDocument, type: string): string => {
  if (type === "xs:string") return type;
  const empty = wrap("simpleType", "", restrict("xs:token", [facet("length", 0)]));
  return define(document, `${type}-or-empty`, wrap("union", ` memberTypes="${type}"`, empty));
};

const slotType = (document: XsdDocument, slot: Slot): string =>
  defineShape(document, slot.type?.shape, slot.type?.name ?? "");

const describeSlot = ({ state, doc, type, defaultNote }: Slot): string => {
  if (state === "removed") return `${doc} Ignored.`;
  if (state === "inactive" || type === undefined) return `${doc} Not active in this version.`;
  return `${doc} Allowed: ${type.allowed}.${defaultNote === undefined ? "" : ` Default: ${defaultNote}.`}`;
};

const renderAttributes = (document: XsdDocument, node: SchemaNode): readonly string[] =>
  [...node.attributes].flatMap(([name, slot]) =>
    wrap("attribute", ` name="${name}" type="${slotType(document, slot)}"`, annotate(describeSlot(slot))),
  );

const renderChildren = (document: XsdDocument, node: SchemaNode): readonly string[] => {
  const children = [...node.children.values()];
  if (children.length === 0) return [];
  const hasRepeatable = children.some(({ repeatable }) => repeatable);
  if (!hasRepeatable) {
    const once = children.flatMap((child) => renderElement(document, child, ` minOccurs="${child.required ? 1 : 0}"`));
    return wrap("all", "", once);
  }
  // XSD 1.0 cannot say both 'in any order' and 'this one several times'.
  const inAnyOrder = children.flatMap((child) => renderElement(document, child, ""));
  return wrap("choice", ' minOccurs="0" maxOccurs="unbounded"', inAnyOrder);
};

const renderType = (document: XsdDocument, node: SchemaNode): readonly string[] => {
  const attributes = renderAttributes(document, node);
  if (node.children.size > 0) {
    const mixed = node.text === undefined ? "" : ' mixed="true"';
    return wrap("complexType", mixed, [...renderChildren(document, node), ...attributes]);
  }
  if (node.text === undefined) return wrap("complexType", "", attributes);
  const written = slotType(document, node.text);
  const type = attributes.length > 0 && !node.repeatable ? orEmpty(document, written) : written;
  return wrap("complexType", "", wrap("simpleContent", "", wrap("extension", ` base="${type}"`, attributes)));
};

function renderElement(document: XsdDocument, node: SchemaNode, occurrence: string): readonly string[] {
  const doc = node.text === undefined ? node.doc : describeSlot(node.text);
  return wrap("element", ` name="${node.name}"${occurrence}`, [...annotate(doc), ...renderType(document, node)]);
}

const renderSchema = (root: SchemaNode, file: string): string => {
  const document: XsdDocument = { types: new Map() };
  const element = renderElement(document, root, "");
  const types = [...document.types].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, lines]) => lines);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<!-- Schema of ${file}, generated from the option tables by scripts/generateReference.ts; do not edit. -->`,
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">',
    ...indent([...types, ...element]),
    "</xs:schema>",
    "",
  ].join("\n");
};

export const renderServerXsd = (): string => renderSchema(SERVER_SCHEMA, "server.xml");

export const renderVhostsXsd = (): string => renderSchema(VHOSTS_SCHEMA, "vhosts.xml");
