/** Something wrong in what an operator wrote, precise enough to be mended without a search. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Path as the operator knows it, e.g. `vhosts.xml` or `svc/www.example.com/ttl.txt`. */
  readonly file: string;
  /** Counted from 1; 0 when the whole file is meant. */
  readonly line: number;
  /** Counted from 1; 0 when the whole line is meant. */
  readonly column: number;
  /** Element path, e.g. `Server/Cache/Storage/Disk@Quota`; empty for condition files. */
  readonly element: string;
  readonly message: string;
  /** What would have been accepted, in words. */
  readonly allowed?: string;
}

export const formatProblem = (problem: Problem): string => {
  const numbers = [problem.line, problem.column].filter((number) => number > 0);
  const place = [problem.file, ...numbers].join(":");
  const element = problem.element === "" ? "" : ` <${problem.element}>`;
  const allowed = problem.allowed === undefined ? "" : ` Allowed: ${problem.allowed}.`;
  return `${place}: ${problem.severity}:${element} ${problem.message}${allowed}`;
};
