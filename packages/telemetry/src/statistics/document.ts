import type { Field } from "./field.ts";
import { evaluate, type Figures } from "./sources.ts";

/** A JSON object as it grows. */
export interface JsonObject {
  [key: string]: JsonField;
}

export type JsonField = string | number | JsonObject | JsonObject[];

/** An XML element as it grows. */
export class XmlElement {
  readonly name: string;
  readonly attributes: [name: string, value: string][] = [];
  readonly children: XmlElement[] = [];
  text = "";

  constructor(name: string) {
    this.name = name;
  }

  /** The last child of that name, made if there is none. */
  child(name: string): XmlElement {
    return this.children.find((child) => child.name === name) ?? this.append(name);
  }

  append(name: string): XmlElement {
    const child = new XmlElement(name);
    this.children.push(child);
    return child;
  }

  at(path: readonly string[]): XmlElement {
    return path.reduce<XmlElement>((element, name) => element.child(name), this);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** What XML cannot hold. */
const UNSOUND = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const escapeXml = (text: string): string =>
  text
    .toWellFormed()
    .replace(UNSOUND, "\ufffd")
    .replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);

const write = (element: XmlElement, out: string[]): void => {
  out.push("<", element.name);
  for (const [name, value] of element.attributes) out.push(" ", name, '="', escapeXml(value), '"');
  if (element.text === "" && element.children.length === 0) {
    out.push("/>");
    return;
  }
  out.push(">", escapeXml(element.text));
  for (const child of element.children) write(child, out);
  out.push("</", element.name, ">");
};

export const renderElement = (element: XmlElement): string => {
  const out: string[] = [];
  write(element, out);
  return out.join("");
};

/** Object at that place below another, made where it is missing. */
export const objectAt = (root: JsonObject, path: readonly string[]): JsonObject =>
  path.reduce<JsonObject>((object, key) => {
    const known = object[key];
    if (typeof known === "object" && !Array.isArray(known)) return known;
    const made: JsonObject = {};
    object[key] = made;
    return made;
  }, root);

/** Of a field's place, which is split once: statistics of thousands of hosts ask for it millions of times. */
interface Place {
  readonly path: readonly string[];
  readonly name: string;
}

const splitPlaces = (separator: string): ((text: string) => Place) => {
  const known = new Map<string, Place>();
  return (text) => {
    let place = known.get(text);
    if (place === undefined) {
      const path = text.split(separator);
      place = { name: path.pop() ?? "", path };
      known.set(text, place);
    }
    return place;
  };
};

const jsonPlace = splitPlaces(".");
const xmlPlace = splitPlaces("/");

export const writeJson = <Facts>(
  root: JsonObject,
  fields: readonly Field<Facts>[],
  figures: Figures,
  facts: Facts,
): void => {
  for (const { json, source } of fields) {
    if (json === undefined) continue;
    const { path, name } = jsonPlace(json);
    const value = evaluate(source, figures, facts);
    objectAt(root, path)[name] = value ?? {};
  }
};

export const writeXml = <Facts>(
  root: XmlElement,
  fields: readonly Field<Facts>[],
  figures: Figures,
  facts: Facts,
): void => {
  for (const { xml, source } of fields) {
    if (xml === undefined) continue;
    const { path, name } = xmlPlace(xml);
    const value = evaluate(source, figures, facts);
    if (value === undefined) root.at([...path, name]);
    else if (name.startsWith("@")) root.at(path).attributes.push([name.slice(1), String(value)]);
    else root.at(path).text = String(value);
  }
};
