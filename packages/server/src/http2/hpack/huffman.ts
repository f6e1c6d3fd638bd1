import { END_SYMBOL, symbolCodes } from "./huffmanCode.ts";

/** A padding longer than this is none (RFC 7541 5.2). */
const MOST_PADDING_BITS = 7;

const codes = new Uint32Array(256);
const lengths = new Uint8Array(256);

/** What four more bits of input lead to: the next state, or FAILED. A state is an inner node of the code's tree. */
const nextStates: number[] = [];
/** The byte that they complete; -1: none. No code is shorter than five bits, so there is at most one. */
const completed: number[] = [];
/** The input may end in the state. */
const isEnd: boolean[] = [];
const FAILED = -1;

interface TreeNode {
  readonly branches: [TreeNode | number | undefined, TreeNode | number | undefined];
  readonly state: number;
}

const buildTables = (): void => {
  const nodes: TreeNode[] = [];
  const addNode = (): TreeNode => {
    const node: TreeNode = { branches: [undefined, undefined], state: nodes.length };
    nodes.push(node);
    return node;
  };
  const root = addNode();
  for (const { symbol, bits, code } of symbolCodes()) {
    let node = root;
    for (let bit = bits - 1; bit > 0; bit--) {
      const side = (code >>> bit) & 1;
      const branch = node.branches[side];
      if (typeof branch === "object") node = branch;
      else {
        const added = addNode();
        node.branches[side] = added;
        node = added;
      }
    }
    node.branches[code & 1] = symbol;
    if (symbol !== END_SYMBOL) {
      codes[symbol] = code;
      lengths[symbol] = bits;
    }
  }
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) fillTransition(root, node, nibble);
  }
  let padding: TreeNode | number | undefined = root;
  for (let bits = 0; bits <= MOST_PADDING_BITS && typeof padding === "object"; bits++) {
    isEnd[padding.state] = true;
    padding = padding.branches[1];
  }
};

const fillTransition = (root: TreeNode, from: TreeNode, nibble: number): void => {
  const place = from.state * 16 + nibble;
  completed[place] = -1;
  let node = from;
  for (let bit = 3; bit >= 0; bit--) {
    const branch = node.branches[(nibble >>> bit) & 1];
    if (branch === undefined || branch === END_SYMBOL) {
      nextStates[place] = FAILED;
      return;
    }
    if (typeof branch === "number") {
      completed[place] = branch;
      node = root;
    } else node = branch;
  }
  nextStates[place] = node.state;
};

buildTables();
const transitions = Int16Array.from(nextStates);
const completedBytes = Int16Array.from(completed);

/** Most bytes that so many bytes of code can stand for. */
export const mostDecodedBytes = (codeBytes: number): number => Math.ceil((codeBytes * 8) / 5);

/** Writes to `into` what `source[from, to)` stands for; returns its length, -1 when it is no code. */
export const decodeHuffman = (source: Buffer, from: number, to: number, into: Buffer): number => {
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = source[at] ?? 0;
    let place = state * 16 + (byte >>> 4);
    let done = completedBytes[place] ?? -1;
    if (done >= 0) into[length++] = done;
    state = transitions[place] ?? FAILED;
    if (state < 0) return -1;
    place = state * 16 + (byte & 15);
    done = completedBytes[place] ?? -1;
    if (done >= 0) into[length++] = done;
    state = transitions[place] ?? FAILED;
    if (state < 0) return -1;
  }
  return isEnd[state] === true ? length : -1;
};

/** `text` is latin1. */
export const huffmanBytes = (text: string): number => {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += lengths[text.charCodeAt(at) & 255] ?? 0;
  return Math.ceil(bits / 8);
};

/** Returns the position behind it. */
export const encodeHuffman = (text: string, into: Buffer, start: number): number => {
  let position = start;
  let pending = 0;
  let pendingBits = 0;
  for (let at = 0; at < text.length; at++) {
    const symbol = text.charCodeAt(at) & 255;
    const bits = lengths[symbol] ?? 0;
    const code = codes[symbol] ?? 0;
    // Up to 30 bits on top of 7: more than an integer of the machine holds.
    for (let left = bits; left > 0; ) {
      const take = Math.min(left, 8 - pendingBits);
      left -= take;
      pending = (pending << take) | ((code >>> left) & ((1 << take) - 1));
      pendingBits += take;
      if (pendingBits === 8) {
        into[position++] = pending;
        pending = 0;
        pendingBits = 0;
      }
    }
  }
  if (pendingBits > 0) {
    const padding = 8 - pendingBits;
    into[position++] = (pending << padding) | ((1 << padding) - 1);
  }
  return position;
};
