/** Characters that are looked up at a time. */
const WINDOW = 4;
/** With fewer rules looking at each character costs more than comparing all of them. */
const FEWEST_RULES = 4;

/** Each unit counts by its lower byte: different windows may have one code, a window never has two. */
const nextCode = (code: number, unit: number): number => (code << 8) | (unit & 0xff);

const windowsOf = (text: string): readonly number[] => {
  const codes: number[] = [];
  let code = 0;
  for (let index = 0; index < text.length; index++) {
    code = nextCode(code, text.charCodeAt(index));
    if (index >= WINDOW - 1) codes.push(code);
  }
  return codes;
};

const ascending = (left: number, right: number): number => left - right;

/**
 * Which of many rules can match a text at all, in their order. `required` holds for each rule runs of characters that
 * must stand in the text; a rule is found by the one window of these which the fewest other rules have, those without
 * any are candidates always. A text costs its length, and each candidate what matching it costs.
 */
export const compileCandidates = (required: readonly (readonly string[])[]): ((text: string) => Iterable<number>) => {
  const all = required.keys().toArray();
  if (required.length < FEWEST_RULES) return () => all;
  const windows = required.map((runs) => [...new Set(runs.flatMap(windowsOf))]);
  const uses = new Map<number, number>();
  for (const code of windows.flat()) uses.set(code, (uses.get(code) ?? 0) + 1);
  const always: number[] = [];
  const byWindow = new Map<number, number[]>();
  for (const [rule, codes] of windows.entries()) {
    const rarest = codes.reduce<number | undefined>(
      (best, code) => (best === undefined || (uses.get(code) ?? 0) < (uses.get(best) ?? 0) ? code : best),
      undefined,
    );
    const sharing = rarest === undefined ? always : byWindow.get(rarest);
    if (sharing !== undefined) sharing.push(rule);
    else if (rarest !== undefined) byWindow.set(rarest, [rule]);
  }
  return (text) => {
    const found = new Set(always);
    let code = 0;
    for (let index = 0; index < text.length; index++) {
      code = nextCode(code, text.charCodeAt(index));
      if (index < WINDOW - 1) continue;
      for (const rule of byWindow.get(code) ?? NONE) found.add(rule);
    }
    return [...found].sort(ascending);
  };
};

const NONE: readonly number[] = [];
