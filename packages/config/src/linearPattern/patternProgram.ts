import { unreachable } from "@basalt/types";
import type { Assertion, CharacterSet, PatternNode } from "./patternNode.ts";

/** Steps of a machine whose threads run in lockstep over the text; `split` prefers its first way. */
export type Instruction =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "split"; readonly first: number; readonly second: number }
  | { readonly kind: "jump"; readonly to: number }
  /** Notes the position as the start (even) or the end (odd) of a group. */
  | { readonly kind: "note"; readonly place: number }
  | { readonly kind: "match" };

/** Whether the node may match nothing. */
const isNullable = (node: PatternNode): boolean => {
  switch (node.kind) {
    case "set":
      return false;
    case "assertion":
      return true;
    case "sequence":
      return node.parts.every(isNullable);
    case "choice":
      return node.branches.some(isNullable);
    case "capture":
      return isNullable(node.body);
    case "repeat":
      return node.min === 0 || isNullable(node.body);
    default:
      return unreachable(node);
  }
};

/** Instructions that a node takes at most; known before any is made, since repetition multiplies them. */
export const countInstructions = (node: PatternNode): number => {
  switch (node.kind) {
    case "set":
    case "assertion":
      return 1;
    case "sequence":
      return node.parts.reduce((sum, part) => sum + countInstructions(part), 0);
    case "choice":
      return node.branches.reduce((sum, branch) => sum + countInstructions(branch) + 2, 0);
    case "capture":
      return countInstructions(node.body) + 2;
    case "repeat": {
      const copies = node.max === undefined ? node.min + 1 : Math.max(node.min, node.max);
      return copies * (countInstructions(node.body) + 2) + 2;
    }
    default:
      return unreachable(node);
  }
};

class Program {
  readonly instructions: Instruction[] = [];

  emit(node: PatternNode): void {
    switch (node.kind) {
      case "set":
      case "assertion":
        this.instructions.push(node);
        return;
      case "sequence":
        for (const part of node.parts) this.emit(part);
        return;
      case "choice":
        this.#emitChoice(node.branches);
        return;
      case "capture":
        this.instructions.push({ kind: "note", place: node.group * 2 });
        this.emit(node.body);
        this.instructions.push({ kind: "note", place: node.group * 2 + 1 });
        return;
      case "repeat":
        this.#emitRepeat(node);
        return;
      default:
        unreachable(node);
    }
  }

  #emitChoice(branches: readonly PatternNode[]): void {
    const ends: number[] = [];
    branches.forEach((branch, index) => {
      if (index === branches.length - 1) {
        this.emit(branch);
        return;
      }
      const split = this.#reserve();
      this.emit(branch);
      ends.push(this.#reserve());
      this.#split(split, split + 1, this.#here, true);
    });
    for (const end of ends) this.instructions[end] = { kind: "jump", to: this.#here };
  }

  #emitRepeat({ body, min, max, greedy }: Extract<PatternNode, { kind: "repeat" }>): void {
    for (let copy = 0; copy < min; copy++) this.emit(body);
    if (max !== undefined) {
      const splits: number[] = [];
      for (let copy = min; copy < max; copy++) {
        splits.push(this.#reserve());
        this.emit(body);
      }
      for (const split of splits) this.#split(split, split + 1, this.#here, greedy);
      return;
    }
    // A body that may match nothing is looped from behind: in front, its empty turn would end the whole loop.
    const isLoopedBehind = isNullable(body);
    const entry = this.#reserve();
    const start = this.#here;
    this.emit(body);
    const back = this.#reserve();
    if (isLoopedBehind) this.#split(back, start, this.#here, greedy);
    else this.instructions[back] = { kind: "jump", to: entry };
    this.#split(entry, start, this.#here, greedy);
  }

  get #here(): number {
    return this.instructions.length;
  }

  #reserve(): number {
    this.instructions.push({ kind: "match" });
    return this.instructions.length - 1;
  }

  #split(at: number, inside: number, outside: number, prefersInside: boolean): void {
    this.instructions[at] = prefersInside
      ? { kind: "split", first: inside, second: outside }
      : { kind: "split", first: outside, second: inside };
  }
}

export const compileProgram = (root: PatternNode): readonly Instruction[] => {
  const program = new Program();
  program.emit(root);
  program.instructions.push({ kind: "match" });
  return program.instructions;
};
