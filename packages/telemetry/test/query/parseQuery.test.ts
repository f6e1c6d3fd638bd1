import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QueryError } from "../../src/query/contract.ts";
import { MOST_ROWS, parseQuery } from "../../src/query/parseQuery.ts";

const refusalOf = (query: string): { readonly message: string; readonly position: number } => {
  try {
    parseQuery(query);
  } catch (cause) {
    if (cause instanceof QueryError) return { message: cause.message, position: cause.position };
    throw cause;
  }
  throw new Error("it was accepted");
};

describe("a query over logs", () => {
  it("AWS-88 has the commands of the example", () => {
    const commands = parseQuery(
      'fields @timestamp, @message | filter @message like "[INFO]" | sort @timestamp desc | limit 20',
    );
    expect(commands.map(({ kind }) => kind)).toEqual(["fields", "filter", "sort", "limit"]);
    expect(commands[1]).toEqual({
      kind: "filter",
      condition: { kind: "like", of: { kind: "field", name: "@message" }, wanted: "[INFO]" },
    });
    expect(commands[3]).toEqual({ kind: "limit", rows: 20 });
  });

  it("AWS-88 names what a stats command makes as it is written, or by as", () => {
    expect(
      parseQuery("stats count(*), pct(time-taken, 99.5) as slow, p90(cs(User-Agent)) by bin(1m) as minute"),
    ).toEqual([
      {
        kind: "stats",
        aggregates: [
          { name: "count(*)", kind: "count", of: undefined, percent: 0 },
          { name: "slow", kind: "pct", of: { kind: "field", name: "time-taken" }, percent: 99.5 },
          { name: "p90(cs(User-Agent))", kind: "pct", of: { kind: "field", name: "cs(User-Agent)" }, percent: 90 },
        ],
        by: [
          { name: "minute", expression: { kind: "bin", of: { kind: "field", name: "@timestamp" }, widthMs: 60_000 } },
        ],
      },
    ]);
  });

  it("and binds closer than or, comparisons closer than both", () => {
    const [command] = parseQuery("filter a = 1 or not b > 2 and c in [3, 'x']");
    expect(command).toMatchObject({
      condition: {
        operator: "or",
        left: { operator: "=" },
        right: { operator: "and", left: { kind: "not", of: { operator: ">" } }, right: { kind: "in" } },
      },
    });
  });

  it.each([
    ["", "nothing"],
    ["# only words\n", "a comment"],
  ])("%j is empty: %s", (query) => {
    expect(parseQuery(query)).toEqual([]);
  });

  it.each([
    ["select 1", 1, "one of fields, display, filter"],
    ["filter", 7, "a field or a value is missing: the query ends"],
    ["filter like", 8, 'a field or a value is missing: there is "like"'],
    ["filter a like b", 15, 'behind like stands "text" or /expression/'],
    ["filter a like /[/", 15, "the / is not closed"],
    ["filter a like /(/", 15, "the expression is invalid"],
    ["filter (a = 1", 14, ") is missing"],
    ['filter a = "x', 12, 'the " is not closed'],
    ["fields a limit 1", 10, "| or the end of the query is missing"],
    ["fields a | limit 0", 18, "a whole number from 1 to 10000"],
    ["stats total(a)", 7, "count, sum, avg"],
    ["stats count(*) by bin(1)", 24, ", is missing"],
    ["stats count(*) by bin(5ms)", 23, "less than a second"],
    ["stats pct(a, 200)", 14, "a number from 0 to 100"],
    ["filter nosuch(a) = 1", 8, "there is no function nosuch"],
    ["parse '* *' as a", 7, "has 2 stars for 1 names"],
    ["parse 'a**' as a, b", 7, "two stars need a text between them"],
    ["filter a ; b", 10, "cannot stand here"],
    ["fields toString(1)", 8, "there is no function toString"],
    ["constructor a", 1, "one of fields"],
  ])("AWS-88 %s is refused at character %i: %s", (query, position, message) => {
    expect(refusalOf(query)).toEqual({ position, message: expect.stringContaining(message) });
  });

  it("hostile depth, length and number are refused", () => {
    expect(refusalOf(`filter ${"(".repeat(5_000)}`).message).toMatch(/too deeply|too many/);
    expect(refusalOf(`filter ${"-".repeat(1_500)}1`).message).toMatch(/too deeply/);
    expect(refusalOf(`filter ${"not ".repeat(1_500)}a`).message).toMatch(/too deeply/);
    expect(refusalOf(`fields ${"a,".repeat(400)}a`).message).toMatch(/too many/);
    expect(refusalOf("a".repeat(20_000)).message).toMatch(/at most 10000 characters/);
    expect(refusalOf(`limit ${MOST_ROWS + 1}`).position).toBe(7);
  });

  it("any text is a query or refused with a position inside of it", () => {
    const word = fc.constantFrom(
      ...["fields", "filter", "stats", "sort", "limit", "parse", "by", "as", "like", "in", "and", "or", "not", "count"],
      ...[
        "(",
        ")",
        "[",
        "]",
        "*",
        "|",
        ",",
        "=",
        "!=",
        "<",
        "/",
        '"',
        "'",
        "`",
        "1",
        "1m",
        "@message",
        "a-b",
        "cs(X)",
        "-",
      ],
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 30 }).map((words) => words.join(" ")),
    );
    fc.assert(
      fc.property(text, (query) => {
        try {
          parseQuery(query);
        } catch (cause) {
          if (!(cause instanceof QueryError)) throw cause;
          expect(cause.position).toBeGreaterThanOrEqual(1);
          expect(cause.position).toBeLessThanOrEqual(query.length + 1);
        }
      }),
    );
  });
});
