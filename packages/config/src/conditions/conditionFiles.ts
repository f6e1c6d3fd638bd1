import type { Condition, ConditionFiles } from "../contract.ts";
import type { ProblemList } from "../problems.ts";
import { parseTimeExpression } from "../syntax/timeExpression.ts";
import { readAccessAction } from "./accessLine.ts";
import { readCompression } from "./compressionLine.ts";
import { splitFields } from "./fields.ts";
import { readHeaderChange } from "./headerRule.ts";
import { type ConditionKind, parseCondition } from "./parseCondition.ts";
import { readThrottling, withDollars } from "./throttlingRule.ts";
import { readUsers } from "./usersFile.ts";

type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

interface LineContent {
  readonly condition: Condition;
  /** Fields behind the condition; a field that is not written is empty. */
  readonly field: (index: number) => string;
  /** All fields from there on, with the commas between them. */
  readonly rest: (index: number) => string;
}

interface LineGrammar<Rule> {
  readonly kinds: readonly ConditionKind[];
  readonly maxFields: number;
  /** What is read instead of a line. */
  readonly rewrite?: (line: string) => string;
  readRule(content: LineContent): Result<Rule>;
}

type RulesOf<Name extends Exclude<keyof ConditionFiles, "users">> = Omit<ConditionFiles[Name][number], "line">;

const refuse = (message: string): Result<never> => ({ ok: false, message });
const accept = <T>(value: T): Result<T> => ({ ok: true, value });

/** TTL-19. */
const TTL_GRAMMAR: LineGrammar<RulesOf<"ttl">> = {
  kinds: ["url"],
  maxFields: 2,
  readRule: ({ condition, field }) => {
    const seconds = parseTimeExpression(field(1));
    if (seconds === undefined) return refuse(`${JSON.stringify(field(1))} is not a time expression.`);
    return accept({ condition, seconds });
  },
};

/** A URL to redirect to may hold commas. */
const MAX_ACL_FIELDS = 1_000;

/** ACL-30 to ACL-44. */
const ACL_GRAMMAR: LineGrammar<RulesOf<"acl">> = {
  kinds: ["url", "ip", "header", "protocol"],
  maxFields: MAX_ACL_FIELDS,
  readRule: ({ condition, field, rest }) => {
    const action = readAccessAction(field(1), field(2), rest(2));
    return action.ok ? accept({ condition, action: action.value }) : action;
  },
};

/** BYP-06 to BYP-09. */
const BYPASS_GRAMMAR: LineGrammar<RulesOf<"bypass">> = {
  kinds: ["url", "ip", "header", "protocol"],
  maxFields: 2,
  readRule: ({ condition, field }) => {
    const action = field(1).toLowerCase();
    if (action === "") return accept({ condition, action: "opposite" });
    if (action === "cache" || action === "bypass") return accept({ condition, action });
    return refuse(`${JSON.stringify(field(1))} is neither cache nor bypass.`);
  },
};

/** KEY-06, KEY-14: lines that only name URLs. */
const URL_GRAMMAR: LineGrammar<RulesOf<"querystring">> = {
  kinds: ["url"],
  maxFields: 1,
  readRule: ({ condition }) => accept({ condition }),
};

/** HTTP-58, CMP-20 to CMP-25. */
const COMPRESSION_GRAMMAR: LineGrammar<RulesOf<"compression">> = {
  kinds: ["url"],
  maxFields: 3,
  readRule: ({ condition, field }) => {
    const action = readCompression(field(1), field(2));
    return action.ok ? accept({ condition, ...action.value }) : action;
  },
};

/** HTTP-44 to HTTP-46, ORG-53. */
const HEADERS_GRAMMAR: LineGrammar<RulesOf<"headers">> = {
  kinds: ["url", "ip", "header", "method"],
  maxFields: 4,
  readRule: ({ condition, field }) => {
    const change = readHeaderChange(field);
    return change.ok ? accept({ condition, ...change.value }) : change;
  },
};

/** A century: for ever, and well within the years that an HTTP date can name. */
const MAX_EXPIRES_SECONDS = 3_153_600_000;

/** HTTP-15. */
const EXPIRES_GRAMMAR: LineGrammar<RulesOf<"expires">> = {
  kinds: ["url", "mime"],
  maxFields: 3,
  readRule: ({ condition, field }) => {
    const seconds = parseTimeExpression(field(1));
    if (seconds === undefined) return refuse(`${JSON.stringify(field(1))} is not a time expression.`);
    if (seconds > MAX_EXPIRES_SECONDS) return refuse(`${JSON.stringify(field(1))} is longer than 100 years.`);
    const base = field(2).toLowerCase();
    if (base !== "" && base !== "access" && base !== "modification") {
      return refuse(`${JSON.stringify(field(2))} is neither access nor modification.`);
    }
    return accept({ condition, seconds, base: base === "" ? undefined : base });
  },
};

/** BW-20 to BW-27. */
const THROTTLING_GRAMMAR: LineGrammar<RulesOf<"throttling">> = {
  kinds: ["url", "ip", "header", "protocol"],
  maxFields: 4,
  rewrite: withDollars,
  readRule: ({ condition, field }) => {
    const action = readThrottling(field);
    return action.ok ? accept({ condition, action: action.value }) : action;
  },
};

/** Far beyond any rule; keeps the time for hostile text in proportion to its length. */
const MAX_LINE_LENGTH = 8_192;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL_CHARACTER = /[\x00-\x08\x0b-\x1f\x7f]/;

const readLine = <Rule>(line: string, grammar: LineGrammar<Rule>): Result<Rule> => {
  if (line.length > MAX_LINE_LENGTH) return refuse(`It is longer than ${MAX_LINE_LENGTH} characters.`);
  const split = splitFields(grammar.rewrite?.(line) ?? line);
  if (!split.ok) return split;
  const { fields } = split;
  if (fields.length > grammar.maxFields) {
    return refuse(`There are ${fields.length} fields, but only ${grammar.maxFields} can be.`);
  }
  const parsed = parseCondition(fields[0] ?? "", grammar.kinds);
  if (!parsed.ok) return parsed;
  const rule = grammar.readRule({
    condition: parsed.condition,
    field: (index) => fields[index] ?? "",
    rest: (index) => fields.slice(index).join(","),
  });
  return rule.ok && CONTROL_CHARACTER.test(line) ? refuse("It holds control characters.") : rule;
};

/** A line that cannot be read is skipped with a warning; the others stand (CFG-31, DERIVED). */
const readRules = <Rule>(
  file: string,
  text: string | undefined,
  grammar: LineGrammar<Rule>,
  problems: ProblemList,
): readonly (Rule & { readonly line: number })[] => {
  const rules: (Rule & { readonly line: number })[] = [];
  const source = text?.startsWith("\uFEFF") ? text.slice(1) : (text ?? "");
  for (const [index, raw] of source.split(/\r\n|\n|\r/).entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const outcome = readLine(content, grammar);
    const line = index + 1;
    if (outcome.ok) rules.push({ ...outcome.value, line });
    else {
      const column = raw.length - raw.trimStart().length + 1;
      problems.warn({ file, line, column, element: "" }, `The line is skipped. ${outcome.message}`);
    }
  }
  return rules;
};

export const NO_CONDITIONS: ConditionFiles = {
  acl: [],
  users: [],
  ttl: [],
  bypass: [],
  querystring: [],
  compression: [],
  headers: [],
  expires: [],
  postbody: [],
  throttling: [],
};

/** The condition files of one virtual host (CFG-62); `textOf` gives a file of its folder, undefined when absent. */
export const readConditionFiles = (
  folder: string,
  textOf: (path: string) => string | undefined,
  problems: ProblemList,
): ConditionFiles => {
  const read = <Rule>(name: string, grammar: LineGrammar<Rule>) =>
    readRules(`${folder}/${name}`, textOf(`${folder}/${name}`), grammar, problems);
  return {
    acl: read("acl.txt", ACL_GRAMMAR),
    users: readUsers(`${folder}/users.txt`, textOf(`${folder}/users.txt`), problems),
    ttl: read("ttl.txt", TTL_GRAMMAR),
    bypass: read("bypass.txt", BYPASS_GRAMMAR),
    querystring: read("querystring.txt", URL_GRAMMAR),
    compression: read("compression.txt", COMPRESSION_GRAMMAR),
    headers: read("headers.txt", HEADERS_GRAMMAR),
    expires: read("expires.txt", EXPIRES_GRAMMAR),
    postbody: read("postbody.txt", URL_GRAMMAR),
    throttling: read("throttling.txt", THROTTLING_GRAMMAR),
  };
};

export const CONDITION_FILE_NAMES: readonly string[] = [
  "acl.txt",
  "users.txt",
  "ttl.txt",
  "bypass.txt",
  "querystring.txt",
  "compression.txt",
  "headers.txt",
  "expires.txt",
  "postbody.txt",
  "throttling.txt",
];
