import type { ConfigSource, ExplainFact, ExplainStep, Explanation } from "@basalt/management";

/** Boundary: JSON of `/command/explain` to values, as far as they are printed. */

/** What a reader of this version needs; words of a later one are shown as they are. */
export interface PrintedExplanation extends Pick<Explanation, "method" | "url" | "verdict"> {
  readonly outcome: string;
  readonly steps: readonly PrintedStep[];
}

export interface PrintedStep extends Omit<ExplainStep, "step"> {
  readonly step: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const parseSource = (value: unknown): ConfigSource | undefined => {
  if (!isRecord(value)) return undefined;
  const element = textOf(value.element);
  if (value.kind === "default") {
    return { kind: "default", element, ...(typeof value.profile === "string" ? { profile: value.profile } : {}) };
  }
  if (value.kind !== "line" || typeof value.line !== "number") return undefined;
  return { kind: "line", file: textOf(value.file), line: value.line, element };
};

const plainOf = (value: unknown): ExplainFact["value"] =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;

const parseFact = (value: unknown): ExplainFact => {
  const fact = isRecord(value) ? value : {};
  const source = parseSource(fact.source);
  return {
    name: textOf(fact.name),
    ...(fact.isField === true ? { isField: true } : {}),
    value: plainOf(fact.value),
    ...(typeof fact.text === "string" ? { text: fact.text } : {}),
    ...(typeof fact.because === "string" ? { because: fact.because } : {}),
    ...(source === undefined ? {} : { source }),
  };
};

const parseStep = (value: unknown): PrintedStep => {
  const step = isRecord(value) ? value : {};
  return { step: textOf(step.step), verdict: textOf(step.verdict), facts: listOf(step.facts).map(parseFact) };
};

/** Undefined when it is no explanation. */
export const parseExplanation = (value: unknown): PrintedExplanation | undefined => {
  if (!isRecord(value) || !Array.isArray(value.steps)) return undefined;
  return {
    method: textOf(value.method),
    url: textOf(value.url),
    outcome: textOf(value.outcome),
    verdict: textOf(value.verdict),
    steps: value.steps.map(parseStep),
  };
};
