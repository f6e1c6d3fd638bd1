import { type BinaryOperator, type Expression, QueryError, SCALAR_FUNCTIONS } from "./contract.ts";
import type { TokenReader } from "./tokenReader.ts";

/** Of parentheses and signs within each other. */
const MOST_DEPTH = 50;

const COMPARISONS: Readonly<Record<string, BinaryOperator>> = {
  ...{ "=": "=", "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=" },
};
const SUMS: Readonly<Record<string, BinaryOperator>> = { "+": "+", "-": "-" };
const PRODUCTS: Readonly<Record<string, BinaryOperator>> = { "*": "*", "/": "/", "%": "%" };

const operatorIn = (
  reader: TokenReader,
  table: Readonly<Record<string, BinaryOperator>>,
): BinaryOperator | undefined => {
  const { kind, text } = reader.next;
  if (kind !== "symbol" || !Object.hasOwn(table, text)) return undefined;
  reader.take();
  return table[text];
};

/** Fields of these names stand in backquotes. */
const RESERVED: ReadonlySet<string> = new Set(["and", "or", "not", "like", "in", "as", "by", "asc", "desc"]);

const LEAST_BIN_MS = 1_000;

class ExpressionParser {
  readonly #reader: TokenReader;
  #depth = 0;

  constructor(reader: TokenReader) {
    this.#reader = reader;
  }

  parse(): Expression {
    return this.#within(() => this.#alternatives());
  }

  #within(parse: () => Expression): Expression {
    if (++this.#depth > MOST_DEPTH) throw new QueryError("the query is nested too deeply", this.#reader.next.position);
    const expression = parse();
    this.#depth--;
    return expression;
  }

  #alternatives(): Expression {
    let left = this.#conjunction();
    while (this.#reader.takeWord("or") || this.#reader.takeSymbol("||"))
      left = { kind: "binary", operator: "or", left, right: this.#conjunction() };
    return left;
  }

  #conjunction(): Expression {
    let left = this.#negation();
    while (this.#reader.takeWord("and") || this.#reader.takeSymbol("&&"))
      left = { kind: "binary", operator: "and", left, right: this.#negation() };
    return left;
  }

  #negation(): Expression {
    if (this.#reader.takeWord("not") || this.#reader.takeSymbol("!")) {
      return this.#within(() => ({ kind: "not", of: this.#negation() }));
    }
    return this.#comparison();
  }

  #comparison(): Expression {
    const left = this.#sum();
    const reader = this.#reader;
    const isNot = reader.isWord("not") && ["like", "in"].includes(reader.behindNext.text.toLowerCase());
    if (isNot) reader.take();
    const negated = (of: Expression): Expression => (isNot ? { kind: "not", of } : of);
    if (reader.takeWord("like") || reader.takeSymbol("=~")) return negated(this.#like(left));
    if (reader.takeWord("in")) return negated({ kind: "in", of: left, list: this.#list() });
    const operator = operatorIn(reader, COMPARISONS);
    return operator === undefined ? left : { kind: "binary", operator, left, right: this.#sum() };
  }

  #like(of: Expression): Expression {
    const token = this.#reader.next;
    if (token.kind === "text") {
      this.#reader.take();
      return { kind: "like", of, wanted: token.text };
    }
    if (token.kind !== "expression") this.#reader.refuse('behind like stands "text" or /expression/');
    this.#reader.take();
    try {
      return { kind: "like", of, wanted: new RegExp(token.text) };
    } catch {
      throw new QueryError("the expression is invalid", token.position);
    }
  }

  #list(): readonly Expression[] {
    this.#reader.expectSymbol("[");
    const list = [this.#sum()];
    while (this.#reader.takeSymbol(",")) list.push(this.#sum());
    this.#reader.expectSymbol("]");
    return list;
  }

  #sum(): Expression {
    let left = this.#product();
    for (
      let operator = operatorIn(this.#reader, SUMS);
      operator !== undefined;
      operator = operatorIn(this.#reader, SUMS)
    )
      left = { kind: "binary", operator, left, right: this.#product() };
    return left;
  }

  #product(): Expression {
    let left = this.#single();
    for (
      let operator = operatorIn(this.#reader, PRODUCTS);
      operator !== undefined;
      operator = operatorIn(this.#reader, PRODUCTS)
    )
      left = { kind: "binary", operator, left, right: this.#single() };
    return left;
  }

  #single(): Expression {
    const reader = this.#reader;
    if (reader.takeSymbol("-")) return this.#within(() => ({ kind: "minus", of: this.#single() }));
    if (reader.takeSymbol("(")) {
      const inner = this.#within(() => this.#alternatives());
      reader.expectSymbol(")");
      return inner;
    }
    const token = reader.next;
    switch (token.kind) {
      case "number":
        reader.take();
        return { kind: "literal", value: Number(token.text) };
      case "text":
        reader.take();
        return { kind: "literal", value: token.text };
      case "quotedName":
        reader.take();
        return { kind: "field", name: token.text };
      case "word":
        return this.#word();
      default:
        return reader.refuse("a field or a value is missing");
    }
  }

  #word(): Expression {
    const reader = this.#reader;
    const name = reader.next.text.toLowerCase();
    if (RESERVED.has(name)) reader.refuse("a field or a value is missing");
    const token = reader.take();
    if (!reader.isSymbol("(")) {
      if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
      return { kind: "field", name: token.text };
    }
    if (name === "bin") return this.#bin();
    const known = SCALAR_FUNCTIONS.find((one) => one === name);
    if (known === undefined) throw new QueryError(`there is no function ${token.text} here`, token.position);
    reader.expectSymbol("(");
    const parts = [this.#within(() => this.#alternatives())];
    while (reader.takeSymbol(",")) parts.push(this.#within(() => this.#alternatives()));
    reader.expectSymbol(")");
    if (known !== "coalesce" && parts.length > 1) throw new QueryError(`${token.text} takes one value`, token.position);
    return { kind: "call", name: known, parts };
  }

  /** `bin(1m)` of `@timestamp`, or `bin(field, 1m)`. */
  #bin(): Expression {
    const reader = this.#reader;
    reader.expectSymbol("(");
    let of: Expression = { kind: "field", name: "@timestamp" };
    if (reader.next.kind !== "duration") {
      of = this.#within(() => this.#alternatives());
      reader.expectSymbol(",");
    }
    const width = reader.next;
    if (width.kind !== "duration") reader.refuse("a length of time such as 1m is missing");
    reader.take();
    const widthMs = Number(width.text);
    if (widthMs < LEAST_BIN_MS) throw new QueryError("the length of time is less than a second", width.position);
    reader.expectSymbol(")");
    return { kind: "bin", of, widthMs };
  }
}

export const parseExpression = (reader: TokenReader): Expression => new ExpressionParser(reader).parse();
