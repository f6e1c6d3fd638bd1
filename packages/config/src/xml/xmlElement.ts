/** An element of a configuration file with its place, so that every later message can name line and column. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Character data and CDATA, trimmed. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

export const findChild = (parent: XmlElement | undefined, name: string): XmlElement | undefined => {
  if (parent === undefined) return undefined;
  for (const child of parent.children) if (child.name === name) return child;
  return undefined;
};

export const findChildren = (parent: XmlElement | undefined, name: string): readonly XmlElement[] =>
  parent === undefined ? [] : parent.children.filter((child) => child.name === name);

export const findDescendant = (from: XmlElement | undefined, names: readonly string[]): XmlElement | undefined => {
  let element = from;
  for (const name of names) element = findChild(element, name);
  return element;
};
