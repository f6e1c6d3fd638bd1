import { ROOT_NODE } from "./protocol/words.ts";

/** A path that the kernel has in mind. */
export interface FileNode {
  readonly id: number;
  /** Names below the mount joined by `/`, one character for each byte; empty: the mount itself. */
  readonly path: string;
  /** Of the object that was last opened: whose pages the kernel may still have. */
  openedVersion: string | undefined;
}

interface KnownNode extends FileNode {
  lookups: number;
}

/** The nodes that the kernel was told of and has not forgotten: as many as it keeps in memory itself. */
export class NodeTable {
  readonly #byId = new Map<number, KnownNode>();
  readonly #byPath = new Map<string, KnownNode>();
  readonly #root: FileNode = { id: ROOT_NODE, path: "", openedVersion: undefined };
  #lastId = ROOT_NODE;

  get count(): number {
    return this.#byId.size;
  }

  find(id: number): FileNode | undefined {
    return id === ROOT_NODE ? this.#root : this.#byId.get(id);
  }

  /** The kernel is about to be told of it, and will forget it as often. */
  enter(path: string): FileNode {
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      known.lookups++;
      return known;
    }
    const node: KnownNode = { id: ++this.#lastId, path, lookups: 1, openedVersion: undefined };
    this.#byId.set(node.id, node);
    this.#byPath.set(path, node);
    return node;
  }

  forget(id: number, lookups: number): void {
    const node = this.#byId.get(id);
    if (node === undefined) return;
    node.lookups -= lookups;
    if (node.lookups > 0) return;
    this.#byId.delete(id);
    this.#byPath.delete(node.path);
  }
}

export const pathBelow = (parent: FileNode, name: string): string =>
  parent.path === "" ? name : `${parent.path}/${name}`;
