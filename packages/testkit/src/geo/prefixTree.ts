/** Networks of a database and what is known of them. */
export type NetworkTable = Readonly<Record<string, string>>;

export interface TreeNode {
  /** For a bit that is 0, and for one that is 1. */
  readonly records: [TreeRecord, TreeRecord];
}

export type TreeRecord = { readonly node: number } | { readonly value: string } | undefined;

/** The bits of an address: 32 of an IPv4 address, 128 of an IPv6 address. */
export const addressBits = (address: string): readonly number[] => {
  const bytes = address.includes(":") ? ipv6Bytes(address) : address.split(".").map(Number);
  return bytes.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1));
};

const ipv6Bytes = (address: string): number[] => {
  const [front = "", back] = address.split("::");
  const groupsOf = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [groupsOf(front), back === undefined ? [] : groupsOf(back)];
  const groups = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
};

/** A binary tree; networks must not lie in one another. */
export const growTree = (networks: readonly (readonly [bits: readonly number[], value: string])[]): TreeNode[] => {
  const nodes: TreeNode[] = [{ records: [undefined, undefined] }];
  for (const [bits, value] of networks) {
    let at = 0;
    for (const [depth, bit] of bits.entries()) {
      const side = bit === 0 ? 0 : 1;
      const node = nodes[at];
      if (node === undefined) throw new Error("the tree is torn");
      if (depth === bits.length - 1) {
        node.records[side] = { value };
        break;
      }
      const record = node.records[side];
      if (record !== undefined && "node" in record) {
        at = record.node;
        continue;
      }
      if (record !== undefined) throw new Error("a network lies in another");
      node.records[side] = { node: nodes.length };
      at = nodes.length;
      nodes.push({ records: [undefined, undefined] });
    }
  }
  return nodes;
};

export const splitNetwork = (network: string): { readonly address: string; readonly length: number } => {
  const [address = "", length] = network.split("/");
  return { address, length: length === undefined ? (address.includes(":") ? 128 : 32) : Number(length) };
};
