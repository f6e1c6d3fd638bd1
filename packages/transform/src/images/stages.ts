/** The order in which one pipeline of sharp works, whatever the order of the calls. */
export const STAGE = {
  input: 0,
  trim: 1,
  extract: 2,
  resize: 3,
  flip: 4,
  flop: 5,
  turn: 6,
  cover: 7,
  rotate: 8,
  extractAgain: 9,
  extend: 10,
  recombine: 11,
  composite: 12,
  linear: 13,
  negate: 14,
} as const;

export type Stage = (typeof STAGE)[keyof typeof STAGE];
