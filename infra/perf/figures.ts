/** One line of a report: what was measured, against what, and whether that is enough. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What each server measured. */
  readonly basalt: number;
  readonly nginx: number | undefined;
  readonly unit: string;
  /** What the budget is about, often a ratio. */
  readonly value: number;
  readonly valueUnit: string;
  /** Least and greatest of that figure over the rounds. */
  readonly spread: readonly [number, number] | undefined;
  readonly budget: number | undefined;
  readonly stretch: number | undefined;
  readonly better: "higher" | "lower";
  readonly remark: string;
}

export type Verdict = "met" | "stretch met" | "missed" | "no budget";

export function judge(figure: Figure): Verdict {
  if (figure.budget === undefined) return "no budget";
  const reaches = (mark: number) => (figure.better === "higher" ? figure.value >= mark : figure.value <= mark);
  if (figure.stretch !== undefined && reaches(figure.stretch)) return "stretch met";
  return reaches(figure.budget) ? "met" : "missed";
}
