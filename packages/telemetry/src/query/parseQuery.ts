import {
  AGGREGATES,
  type Command,
  type NamedAggregate,
  type NamedExpression,
  QueryError,
  type SortKey,
} from "./contract.ts";
import { parseExpression } from "./parseExpression.ts";
import { TokenReader } from "./tokenReader.ts";

/** Rows of an answer. */
export const MOST_ROWS = 10_000;
const MOST_COLUMNS = 100;
const MOST_COMMANDS = 50;

const parseName = (reader: TokenReader): string => {
  const { kind, text } = reader.next;
  if (kind !== "word" && kind !== "quotedName") reader.refuse("a name is missing");
  reader.take();
  return text;
};

const parseColumn = (reader: TokenReader): NamedExpression => {
  const first = reader.next;
  const expression = parseExpression(reader);
  const written = expression.kind === "field" ? expression.name : reader.writtenFrom(first);
  return { name: reader.takeWord("as") ? parseName(reader) : written, expression };
};

const parseList = <Item>(reader: TokenReader, parse: (reader: TokenReader) => Item): readonly Item[] => {
  const items = [parse(reader)];
  while (reader.takeSymbol(",")) {
    if (items.length === MOST_COLUMNS) throw new QueryError("there are too many columns", reader.next.position);
    items.push(parse(reader));
  }
  return items;
};

const PERCENTILE = /^p(\d{1,2}(?:\.\d{1,3})?|100)$/;

const parseAggregate = (reader: TokenReader): NamedAggregate => {
  const first = reader.take();
  const word = first.text.toLowerCase();
  const percentile = PERCENTILE.exec(word)?.[1];
  const kind = percentile === undefined ? AGGREGATES.find((one) => one === word) : "pct";
  if (first.kind !== "word" || kind === undefined) reader.refuse("count, sum, avg, min, max, pct … is missing", first);
  reader.expectSymbol("(");
  const isOfAll = kind === "count" && (reader.takeSymbol("*") || reader.isSymbol(")"));
  const of = isOfAll ? undefined : parseExpression(reader);
  let percent = Number(percentile ?? 0);
  if (word === "pct") {
    reader.expectSymbol(",");
    const { kind: found, text } = reader.next;
    percent = Number(text);
    if (found !== "number" || percent > 100) reader.refuse("a number from 0 to 100 is missing");
    reader.take();
  }
  reader.expectSymbol(")");
  const written = reader.writtenFrom(first);
  return { name: reader.takeWord("as") ? parseName(reader) : written, kind, of, percent };
};

const parseSortKey = (reader: TokenReader): SortKey => {
  const expression = parseAggregateName(reader) ?? parseExpression(reader);
  const isDescending = reader.takeWord("desc");
  if (!isDescending) reader.takeWord("asc");
  return { expression, isDescending };
};

/** `sort count(*) desc`: the column that `stats` has made under this name. */
const parseAggregateName = (reader: TokenReader): { readonly kind: "field"; readonly name: string } | undefined => {
  const { kind, text } = reader.next;
  const word = text.toLowerCase();
  const isAggregate = AGGREGATES.some((one) => one === word) || PERCENTILE.test(word);
  const isCall = reader.behindNext.kind === "symbol" && reader.behindNext.text === "(";
  if (kind !== "word" || !isAggregate || !isCall) return undefined;
  return { kind: "field", name: parseAggregate(reader).name };
};

const parseGlob = (reader: TokenReader): Command => {
  const of = reader.next.kind === "text" ? ({ kind: "field", name: "@message" } as const) : parseExpression(reader);
  const pattern = reader.next;
  if (pattern.kind !== "text") reader.refuse('a text with * for each value, such as "took * ms", is missing');
  reader.take();
  if (!reader.takeWord("as")) reader.refuse("as and the names of the values are missing");
  const names = parseList(reader, parseName);
  const texts = pattern.text.split("*");
  if (texts.length !== names.length + 1) {
    const message = `the text has ${texts.length - 1} stars for ${names.length} names`;
    throw new QueryError(message, pattern.position);
  }
  if (texts.slice(1, -1).includes("")) throw new QueryError("two stars need a text between them", pattern.position);
  return { kind: "parse", of, texts, names };
};

const parseLimit = (reader: TokenReader): Command => {
  const { kind, text } = reader.next;
  const rows = Number(text);
  if (kind !== "number" || !Number.isInteger(rows) || rows < 1 || rows > MOST_ROWS)
    reader.refuse(`a whole number from 1 to ${MOST_ROWS} is missing`);
  reader.take();
  return { kind: "limit", rows };
};

const COMMANDS: Readonly<Record<string, (reader: TokenReader) => Command>> = {
  fields: (reader) => ({ kind: "fields", columns: parseList(reader, parseColumn) }),
  display: (reader) => ({ kind: "display", columns: parseList(reader, parseColumn) }),
  filter: (reader) => ({ kind: "filter", condition: parseExpression(reader) }),
  parse: parseGlob,
  stats: (reader) => ({
    kind: "stats",
    aggregates: parseList(reader, parseAggregate),
    by: reader.takeWord("by") ? parseList(reader, parseColumn) : [],
  }),
  sort: (reader) => {
    reader.takeWord("by");
    return { kind: "sort", keys: parseList(reader, parseSortKey) };
  },
  limit: parseLimit,
};

/** AWS-88: commands separated by `|`. Throws a QueryError. */
export const parseQuery = (text: string): readonly Command[] => {
  const reader: TokenReader = new TokenReader(text);
  const commands: Command[] = [];
  if (reader.isAtEnd) return commands;
  do {
    const token = reader.next;
    const name = token.text.toLowerCase();
    const parse = token.kind === "word" && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (parse === undefined) reader.refuse(`one of ${Object.keys(COMMANDS).join(", ")} is missing`);
    if (commands.length === MOST_COMMANDS) throw new QueryError("there are too many commands", token.position);
    reader.take();
    commands.push(parse(reader));
  } while (reader.takeSymbol("|"));
  if (!reader.isAtEnd) reader.refuse("| or the end of the query is missing");
  return commands;
};
