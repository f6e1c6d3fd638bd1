import type { ValueType } from "./options/valueTypes.ts";
import type { Place, ProblemList } from "./problems.ts";
import { findParentsOf, type SchemaNode, type Slot } from "./schema.ts";
import { suggest } from "./syntax/suggest.ts";
import type { XmlElement } from "./xml/xmlElement.ts";

interface InactiveFinding {
  readonly place: Place;
  readonly removed: boolean;
  count: number;
}

interface Validation {
  readonly file: string;
  readonly root: SchemaNode;
  readonly problems: ProblemList;
  /** By element path: thousands of hosts with the same inactive element give one warning. */
  readonly inactive: Map<string, InactiveFinding>;
}

const placeOf = (validation: Validation, element: XmlElement, path: string): Place => ({
  file: validation.file,
  line: element.line,
  column: element.column,
  element: path,
});

const noteInactive = (validation: Validation, element: XmlElement, path: string, removed: boolean): void => {
  const known = validation.inactive.get(path);
  if (known !== undefined) known.count += 1;
  else validation.inactive.set(path, { place: placeOf(validation, element, path), removed, count: 1 });
};

const listNames = (names: Iterable<string>): string => [...names].sort().join(", ");

const checkValue = (
  validation: Validation,
  element: XmlElement,
  path: string,
  type: ValueType<unknown>,
  text: string,
): void => {
  const outcome = type.parse(text);
  if (!outcome.ok) validation.problems.error(placeOf(validation, element, path), outcome.message, type.allowed);
  else if (outcome.note !== undefined) validation.problems.warn(placeOf(validation, element, path), outcome.note);
};

const checkText = (validation: Validation, element: XmlElement, node: SchemaNode, path: string): void => {
  const { text } = node;
  if (text === undefined) {
    if (element.text !== "") {
      const allowed = node.children.size === 0 ? "attributes only" : `elements: ${listNames(node.children.keys())}`;
      validation.problems.error(placeOf(validation, element, path), `<${element.name}> takes no text.`, allowed);
    }
    return;
  }
  if (text.type === undefined) return;
  if (element.text !== "" || text.type.emptyIsValue) {
    checkValue(validation, element, path, text.type, element.text);
  } else if (node.repeatable || element.attributes.size === 0) {
    validation.problems.error(placeOf(validation, element, path), `<${element.name}> is empty.`, text.type.allowed);
  }
};

/** By these an editor finds the schema; they say nothing to us. */
const SCHEMA_ATTRIBUTES: readonly string[] = ["xmlns:xsi", "xsi:noNamespaceSchemaLocation"];

const checkAttributes = (
  validation: Validation,
  element: XmlElement,
  node: SchemaNode,
  path: string,
  silent: boolean,
): void => {
  for (const [name, value] of element.attributes) {
    if (node === validation.root && SCHEMA_ATTRIBUTES.includes(name)) continue;
    const slot = node.attributes.get(name);
    const attributePath = `${path}@${name}`;
    if (slot === undefined) {
      if (validation.problems.isFull) return;
      const near = suggest(name, node.attributes.keys());
      validation.problems.error(
        placeOf(validation, element, attributePath),
        `<${element.name}> has no attribute ${name}.${near === undefined ? "" : ` Did you mean ${near}?`}`,
        node.attributes.size === 0 ? "no attribute" : listNames(node.attributes.keys()),
      );
    } else if (slot.type !== undefined) {
      checkValue(validation, element, attributePath, slot.type, value);
    } else if (!silent) {
      noteInactive(validation, element, attributePath, slot.state === "removed");
    }
  }
};

const reportUnknown = (validation: Validation, child: XmlElement, node: SchemaNode, path: string): void => {
  if (validation.problems.isFull) return;
  const message = `There is no element <${child.name}> in <${node.name}>.`;
  const place = placeOf(validation, child, `${path}/${child.name}`);
  const near = suggest(child.name, node.children.keys());
  if (near !== undefined) {
    validation.problems.error(place, `${message} Did you mean <${near}>?`, `<${near}>`);
    return;
  }
  const [home] = findParentsOf(validation.root, child.name);
  const allowed = node.children.size === 0 ? "no element" : listNames(node.children.keys());
  validation.problems.error(place, home === undefined ? message : `${message} It belongs in ${home}.`, allowed);
};

const isInactive = (node: SchemaNode): boolean => {
  const slots: (Slot | undefined)[] = [node.text, ...node.attributes.values()];
  return (
    slots.every((slot) => slot === undefined || slot.state !== "active") &&
    [...node.children.values()].every(isInactive)
  );
};

/** Nodes without anything active below them, found once: the tables do not change. */
const inactiveNodes = new WeakMap<SchemaNode, boolean>();

const isWhollyInactive = (node: SchemaNode): boolean => {
  const known = inactiveNodes.get(node);
  if (known !== undefined) return known;
  const answer = isInactive(node);
  inactiveNodes.set(node, answer);
  return answer;
};

const checkElement = (
  validation: Validation,
  element: XmlElement,
  node: SchemaNode,
  path: string,
  insideInactive: boolean,
): void => {
  const inactive = isWhollyInactive(node);
  if (inactive && !insideInactive) noteInactive(validation, element, path, node.text?.state === "removed");
  checkText(validation, element, node, path);
  checkAttributes(validation, element, node, path, inactive);
  const firstLines = new Map<string, number>();
  for (const child of element.children) {
    const childNode = node.children.get(child.name);
    if (childNode === undefined) {
      reportUnknown(validation, child, node, path);
      continue;
    }
    const childPath = `${path}/${child.name}`;
    const firstLine = firstLines.get(child.name);
    if (firstLine === undefined) firstLines.set(child.name, child.line);
    else if (!childNode.repeatable) {
      validation.problems.error(
        placeOf(validation, child, childPath),
        `<${child.name}> stands twice; the first is on line ${firstLine}.`,
        `<${child.name}> once`,
      );
    }
    checkElement(validation, child, childNode, childPath, inactive);
  }
  for (const { name, required } of node.children.values()) {
    if (!required || firstLines.has(name)) continue;
    const place = placeOf(validation, element, `${path}/${name}`);
    validation.problems.error(place, `<${element.name}> has no <${name}>.`, `one <${name}>`);
  }
};

/** Checks a whole file against its schema: names, attributes, repetition and every value. */
export const validateFile = (file: string, element: XmlElement, root: SchemaNode, problems: ProblemList): void => {
  const validation: Validation = { file, root, problems, inactive: new Map() };
  if (element.name !== root.name) {
    problems.error(
      placeOf(validation, element, element.name),
      `The root element is <${element.name}>.`,
      `<${root.name}>`,
    );
    return;
  }
  checkElement(validation, element, root, root.name, false);
  for (const { place, removed, count } of validation.inactive.values()) {
    const places = count === 1 ? "" : ` (${count} places)`;
    const message = removed ? `No longer exists and is ignored${places}.` : `Not active in this version${places}.`;
    problems.warn(place, message);
  }
};
