import { readFileSync } from "node:fs";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { canonicalQuery, type NoVarySearch, parseNoVarySearch } from "@basalt/policy";

/** Values of No-Vary-Search kept per path, the latest first: what an earlier one has named may still be stored. */
const VALUES_PER_PATH = 4;
/** Paths known at most; beyond it the oldest go. Clients choose them. */
const MOST_PATHS = 50_000;
/** Characters of all paths and values together. */
const MOST_CHARACTERS = 32 * 1024 * 1024;
/** Longest path and value that are noted. */
const LONGEST_TEXT = 8_192;
/** The file is written anew when it has twice as many lines as there are rules, and so many more. */
const LINES_TO_SPARE = 1_000;

interface SearchRule {
  readonly value: string;
  readonly rule: NoVarySearch;
}

export interface SearchRuleNews {
  readonly vhost: string;
  readonly path: string;
  /** Of No-Vary-Search. */
  readonly value: string;
}

export interface SearchKnowledgeParts {
  /** Where it outlives the process; it may be lost with a power cut. */
  readonly path: string;
  readonly onProblem: (cause: unknown) => void;
  /** For tests. */
  readonly linesToSpare?: number;
}

const fieldOf = (value: object, name: string): string | undefined => {
  const field: unknown = Reflect.get(value, name);
  return typeof field === "string" ? field : undefined;
};

/** Boundary parser: undefined for what is not a whole line of ours. */
const parseLine = (line: string): SearchRuleNews | undefined => {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const vhost = fieldOf(parsed, "vhost");
    const path = fieldOf(parsed, "path");
    const value = fieldOf(parsed, "value");
    return vhost === undefined || path === undefined || value === undefined ? undefined : { vhost, path, value };
  } catch {
    return undefined;
  }
};

const charactersOf = (key: string, rules: readonly SearchRule[]): number =>
  rules.reduce((sum, { value }) => sum + value.length, key.length);

const keyOf = (vhost: string, path: string): string => `${vhost} ${path}`;

/**
 * What workers have learned of the queries that make no difference (No-Vary-Search), for those who name an object by a
 * URL as clients write it: by these rules it may be kept under another.
 */
export class SearchKnowledge {
  readonly #parts: SearchKnowledgeParts;
  readonly #rules = new Map<string, SearchRule[]>();
  #writing: Promise<void> = Promise.resolve();
  #characters = 0;
  #ruleCount = 0;
  /** Lines of the file. */
  #lines = 0;

  constructor(parts: SearchKnowledgeParts) {
    this.#parts = parts;
    let text = "";
    try {
      text = readFileSync(parts.path, "utf8");
    } catch {
      return;
    }
    const lines = text.split("\n");
    for (const line of lines) {
      const news = parseLine(line);
      if (news !== undefined) this.#enter(news);
    }
    this.#lines = lines.length;
    if (lines.length > 2 * this.#rules.size + VALUES_PER_PATH) this.#compact();
  }

  note(news: SearchRuleNews): void {
    if (!this.#enter(news)) return;
    this.#lines += 1;
    if (this.#lines > 2 * this.#ruleCount + (this.#parts.linesToSpare ?? LINES_TO_SPARE)) this.#compact();
    else this.#write(() => appendFile(this.#parts.path, `${JSON.stringify(news)}\n`, { mode: 0o640 }));
  }

  /** The other canonical URLs that one may be kept under. */
  aliasesOf(vhost: string, url: string): readonly string[] {
    const query = url.indexOf("?");
    if (query < 0) return [];
    const rules = this.#rules.get(keyOf(vhost, url.slice(0, query))) ?? [];
    const aliases = new Set(rules.map(({ rule }) => canonicalQuery(url, rule)));
    aliases.delete(url);
    return [...aliases];
  }

  /** Resolves when what was noted is in the file. */
  async close(): Promise<void> {
    await this.#writing;
  }

  /** False when that was known. */
  #enter({ vhost, path, value }: SearchRuleNews): boolean {
    if (path.length > LONGEST_TEXT || value.length > LONGEST_TEXT) return false;
    const key = keyOf(vhost, path);
    const known = this.#rules.get(key) ?? [];
    if (known[0]?.value === value) return false;
    const rule = parseNoVarySearch(value);
    if (rule === undefined) return false;
    const others = known.filter((each) => each.value !== value);
    this.#forget(key);
    const rules = [{ value, rule }, ...others].slice(0, VALUES_PER_PATH);
    this.#rules.set(key, rules);
    this.#ruleCount += rules.length;
    this.#characters += charactersOf(key, rules);
    for (const oldest of this.#rules.keys()) {
      if (this.#rules.size <= MOST_PATHS && this.#characters <= MOST_CHARACTERS) break;
      this.#forget(oldest);
    }
    return true;
  }

  #forget(key: string): void {
    const rules = this.#rules.get(key);
    if (rules === undefined) return;
    this.#rules.delete(key);
    this.#ruleCount -= rules.length;
    this.#characters -= charactersOf(key, rules);
  }

  #write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch(this.#parts.onProblem);
  }

  /** The file as what is known now. */
  #compact(): void {
    const lines: string[] = [];
    for (const [key, rules] of this.#rules) {
      const blank = key.indexOf(" ");
      const place = { vhost: key.slice(0, blank), path: key.slice(blank + 1) };
      for (const { value } of rules.toReversed()) lines.push(`${JSON.stringify({ ...place, value })}\n`);
    }
    this.#lines = lines.length;
    const draft = `${this.#parts.path}.new`;
    this.#write(async () => {
      await writeFile(draft, lines.join(""), { mode: 0o640 });
      await rename(draft, this.#parts.path);
    });
  }
}
