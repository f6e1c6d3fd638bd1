/** Closes a switch over a discriminated union: a new variant becomes a compile error, not a silent fall-through. */
export const unreachable = (value: never): never => {
  throw new Error(`unhandled variant: ${JSON.stringify(value)}`);
};
