import { Parser } from "xml2js";
import type { XmlElement } from "./xmlElement.ts";

/**
 * Boundary parser: XML text to `XmlElement`. The sax parser inside xml2js reads the text; its handlers are ours, since
 * the tree that xml2js would build forgets positions, lets pass what has no place here (document types, a second root,
 * an attribute given twice) and takes most of the time. xml2js does not document that parser, hence the casts, which are
 * confined to this file.
 */
export type XmlOutcome =
  | { readonly ok: true; readonly root: XmlElement }
  | { readonly ok: false; readonly line: number; readonly column: number; readonly message: string };

interface SaxParser {
  readonly line: number;
  readonly column: number;
  /** Offset just behind the `<` of the tag being read. */
  readonly startTagPosition: number;
  readonly position: number;
  onerror: (error: Error) => void;
  onattribute: () => void;
  ontext: (text: string) => void;
  oncdata: (text: string) => void;
  onopentag: (node: { readonly name: string; readonly attributes: Readonly<Record<string, string>> }) => void;
  onclosetag: (name: string) => void;
  ondoctype: () => void;
  onprocessinginstruction: (node: { readonly name: string; readonly body: string }) => void;
}

/** An element whose end has not come yet. */
interface OpenElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  text: string;
  readonly children: XmlElement[];
  readonly line: number;
  readonly column: number;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** No element of the guide lies deeper than nine levels; the limit keeps recursion over hostile files bounded. */
const MAX_DEPTH = 64;

/**
 * A file is read at one go in the process that also grants fills: these keep what a hostile one of the largest size
 * costs to some seconds. Ten thousand virtual hosts stay far below.
 */
const MAX_ELEMENTS = 250_000;
const MAX_ATTRIBUTES = 100;
const MAX_REFERENCES = 100_000;

/** What no XML document may hold (XML 1.0, 2.2). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const FORBIDDEN_CHARACTER = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

class XmlFault extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

/** Answers line and column for offsets that only grow, in one pass over the text. */
const createPlaceFinder = (source: string): ((offset: number) => Place) => {
  let line = 1;
  let lineStart = 0;
  let nextBreak = source.indexOf("\n");
  return (offset) => {
    while (nextBreak !== -1 && nextBreak < offset) {
      line += 1;
      lineStart = nextBreak + 1;
      nextBreak = source.indexOf("\n", lineStart);
    }
    return { line, column: offset - lineStart + 1 };
  };
};

const formatCodePoint = (char: string): string =>
  `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Where `mark` stands for the time after `limit`; undefined when it does not. */
const findExcess = (
  source: string,
  mark: string,
  limit: number,
  counts: (next: string | undefined) => boolean,
): number | undefined => {
  let count = 0;
  for (let index = source.indexOf(mark); index !== -1; index = source.indexOf(mark, index + 1)) {
    if (counts(source[index + 1])) count += 1;
    if (count > limit) return index;
  }
  return undefined;
};

const isNameStart = (next: string | undefined): boolean => next !== "/" && next !== "!" && next !== "?";

/** What can be told before anything is parsed; throws `XmlFault`. */
const checkExtent = (source: string): void => {
  const placeOf = createPlaceFinder(source);
  const forbidden = FORBIDDEN_CHARACTER.exec(source);
  if (forbidden !== null) {
    throw new XmlFault(`The character ${formatCodePoint(forbidden[0])} is not allowed.`, placeOf(forbidden.index));
  }
  const reference = findExcess(source, "&", MAX_REFERENCES, () => true);
  if (reference !== undefined) {
    throw new XmlFault(`There are more than ${MAX_REFERENCES} references.`, placeOf(reference));
  }
  const element = findExcess(source, "<", MAX_ELEMENTS, isNameStart);
  if (element !== undefined) throw new XmlFault(`There are more than ${MAX_ELEMENTS} elements.`, placeOf(element));
};

const countAttributes = (tag: string): number => tag.replace(/"[^"]*"|'[^']*'/g, "").split("=").length - 1;

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

const attributesOf = (written: Readonly<Record<string, string>>): ReadonlyMap<string, string> => {
  const entries = Object.entries(written);
  return entries.length === 0 ? NO_ATTRIBUTES : new Map(entries.map(([name, value]) => [name, value.trim()]));
};

/** Has the parser build the tree; the result answers with its root when the text has been read. */
const installHandlers = (sax: SaxParser, source: string): (() => XmlElement | undefined) => {
  const findPlace = createPlaceFinder(source);
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  sax.onerror = (error) => {
    const message = error.message.split("\n", 1)[0] ?? error.message;
    throw new XmlFault(`${message}.`.replace(/\.\.$/, "."), { line: sax.line + 1, column: sax.column });
  };
  sax.ondoctype = () => {
    throw new XmlFault("A document type (<!DOCTYPE>) is not allowed.", { line: sax.line + 1, column: sax.column });
  };
  sax.onprocessinginstruction = ({ name, body }) => {
    const encoding = name === "xml" ? /\bencoding\s*=\s*["']([^"']*)["']/.exec(body)?.[1] : undefined;
    if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding)) {
      throw new XmlFault(`The encoding is ${encoding}, but only UTF-8 is read.`, { line: 1, column: 1 });
    }
  };
  let attributes = 0;
  sax.onattribute = () => {
    attributes += 1;
    if (attributes <= MAX_ATTRIBUTES) return;
    const place = findPlace(sax.startTagPosition - 1);
    throw new XmlFault(`An element has more than ${MAX_ATTRIBUTES} attributes.`, place);
  };
  sax.onopentag = (node) => {
    attributes = 0;
    const place = findPlace(sax.startTagPosition - 1);
    if (root !== undefined) throw new XmlFault("There is more than one root element.", place);
    if (open.length >= MAX_DEPTH) throw new XmlFault(`Elements lie deeper than ${MAX_DEPTH} levels.`, place);
    const written = countAttributes(source.slice(sax.startTagPosition, sax.position));
    if (written !== Object.keys(node.attributes).length) {
      throw new XmlFault(`<${node.name}> has the same attribute twice.`, place);
    }
    open.push({ name: node.name, attributes: attributesOf(node.attributes), text: "", children: [], ...place });
  };
  const addText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  sax.ontext = addText;
  sax.oncdata = addText;
  sax.onclosetag = () => {
    const element = open.pop();
    if (element === undefined) return;
    element.text = element.text.trim();
    const parent = open.at(-1);
    if (parent === undefined) root = element;
    else parent.children.push(element);
  };
  return () => root;
};

export const parseXml = (text: string): XmlOutcome => {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (source.trim() === "") return { ok: false, line: 0, column: 0, message: "The file is empty." };
  const parser = new Parser();
  const rootOf = installHandlers((parser as unknown as { readonly saxParser: SaxParser }).saxParser, source);
  try {
    checkExtent(source);
    parser.parseString(source);
  } catch (error) {
    if (error instanceof XmlFault) return { ok: false, ...error.place, message: error.message };
    throw error;
  }
  const root = rootOf();
  if (root === undefined) return { ok: false, line: 0, column: 0, message: "The file holds no element." };
  return { ok: true, root };
};
