import { describeDefault } from "./options/describeDefault.ts";
import { INACTIVE_SERVER_OPTIONS } from "./options/inactiveServer.ts";
import { INACTIVE_SHARED_OPTIONS, INACTIVE_VHOSTS_OPTIONS } from "./options/inactiveVhost.ts";
import { LOG_OPTIONS } from "./options/logOptions.ts";
import { MEDIA_OPTIONS } from "./options/mediaOptions.ts";
import type { AnyOption, InactiveOption, ListOption, OptionTable } from "./options/option.ts";
import { ORIGIN_OPTIONS } from "./options/originOptions.ts";
import { SERVER_OPTIONS } from "./options/serverOptions.ts";
import { STATS_OPTIONS } from "./options/statsOptions.ts";
import type { ValueType } from "./options/valueTypes.ts";
import { VHOST_OPTIONS } from "./options/vhostOptions.ts";
import { VHOST_HEAD, VHOSTS_HEAD } from "./options/vhostsElements.ts";
import { flattenTable } from "./options/walkTable.ts";

/** What may stand in one place of a file. */
export interface Slot {
  readonly state: "active" | "inactive" | "removed";
  /** Undefined for inactive slots: any text is taken. */
  readonly type: ValueType<unknown> | undefined;
  readonly doc: string;
  /** In Markdown; undefined for inactive slots. */
  readonly defaultNote: string | undefined;
}

/** Every element that a file may hold, as a tree grown from the option tables. */
export interface SchemaNode {
  readonly name: string;
  /** Empty for elements that only hold others. */
  readonly doc: string;
  readonly children: ReadonlyMap<string, SchemaNode>;
  readonly attributes: ReadonlyMap<string, Slot>;
  /** Undefined for elements that only hold others. */
  readonly text: Slot | undefined;
  readonly repeatable: boolean;
  /** Every parent must hold one. */
  readonly required: boolean;
}

interface GrowingNode extends SchemaNode {
  readonly children: Map<string, GrowingNode>;
  readonly attributes: Map<string, Slot>;
  doc: string;
  text: Slot | undefined;
  repeatable: boolean;
  required: boolean;
}

const createNode = (name: string): GrowingNode => ({
  name,
  doc: "",
  children: new Map(),
  attributes: new Map(),
  text: undefined,
  repeatable: false,
  required: false,
});

const growPath = (root: GrowingNode, path: string): GrowingNode => {
  let node = root;
  for (const name of path.split("/").filter((part) => part !== "")) {
    let child = node.children.get(name);
    if (child === undefined) {
      child = createNode(name);
      node.children.set(name, child);
    }
    node = child;
  }
  return node;
};

const addList = (node: GrowingNode, row: ListOption<unknown>): void => {
  const active = (type: ValueType<unknown>, doc: string, defaultNote: string | undefined): Slot => ({
    state: "active",
    type,
    doc,
    defaultNote,
  });
  node.repeatable = true;
  node.doc = row.doc;
  if (row.text !== undefined) node.text = active(row.text, row.doc, describeDefault(row));
  for (const { name, type, doc, isRepeated = false } of row.children ?? []) {
    const child = growPath(node, name);
    child.text = active(type, doc, isRepeated ? "none" : "required");
    child.required = !isRepeated;
    child.repeatable = isRepeated;
  }
  for (const below of row.below ?? []) addRow(node, below);
  for (const { name, type, doc, defaultNote } of row.attributes) {
    node.attributes.set(name, active(type, doc, defaultNote));
  }
};

const addRow = (root: GrowingNode, row: AnyOption | InactiveOption): void => {
  const [path = "", attribute] = row.at.split("@");
  const node = growPath(root, path);
  if (row.kind === "list") {
    addList(node, row);
    const parent = path.split("/").slice(0, -1).join("/");
    for (const name of row.alternates ?? []) addList(growPath(root, `${parent}/${name}`), row);
    return;
  }
  const slot: Slot =
    row.kind === "value"
      ? { state: "active", type: row.type, doc: row.doc, defaultNote: describeDefault(row) }
      : { state: row.kind, type: undefined, doc: row.doc, defaultNote: undefined };
  if (attribute !== undefined) node.attributes.set(attribute, slot);
  else {
    node.text = slot;
    node.doc = row.doc;
  }
  if (row.kind !== "value") node.repeatable ||= row.repeatable;
};

const addTable = <Settings>(root: GrowingNode, table: OptionTable<Settings>): void => {
  for (const row of flattenTable(table)) addRow(root, row);
};

const growOptionBlocks = (parent: GrowingNode): void => {
  addTable(growPath(parent, "Options"), VHOST_OPTIONS);
  addTable(growPath(parent, "OriginOptions"), ORIGIN_OPTIONS);
  addTable(growPath(parent, "Media"), MEDIA_OPTIONS);
  addTable(growPath(parent, "Log"), LOG_OPTIONS);
  addTable(growPath(parent, "Stats"), STATS_OPTIONS);
  for (const row of INACTIVE_SHARED_OPTIONS) addRow(parent, row);
};

const growServerSchema = (): SchemaNode => {
  const root = createNode("Server");
  addTable(root, SERVER_OPTIONS);
  for (const row of INACTIVE_SERVER_OPTIONS) addRow(root, row);
  growOptionBlocks(growPath(root, "VHostDefault"));
  return root;
};

const growVhostsSchema = (): SchemaNode => {
  const root = createNode("Vhosts");
  addTable(root, VHOSTS_HEAD);
  const vhost = growPath(root, "Vhost");
  vhost.repeatable = true;
  addTable(vhost, VHOST_HEAD);
  growOptionBlocks(vhost);
  for (const row of INACTIVE_VHOSTS_OPTIONS) addRow(root, row);
  return root;
};

export const SERVER_SCHEMA: SchemaNode = growServerSchema();
export const VHOSTS_SCHEMA: SchemaNode = growVhostsSchema();

/** Paths of the elements that hold an element of this name: where a misplaced one belongs. */
export const findParentsOf = (root: SchemaNode, name: string): readonly string[] => {
  const found: string[] = [];
  const visit = (node: SchemaNode, path: string): void => {
    if (node.children.has(name)) found.push(path);
    for (const child of node.children.values()) visit(child, `${path}/${child.name}`);
  };
  visit(root, root.name);
  return found;
};
