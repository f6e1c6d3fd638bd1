import { describe, expect, it } from "vitest";
import { parseExplanation } from "../src/explanation.ts";
import { formatExplanation } from "../src/explanationText.ts";

const EXPLANATION = {
  method: "GET",
  url: "http://www.example.com/a",
  outcome: "hit",
  verdict: "A hit: 200 (TCP_HIT), fresh for another 5 min.",
  steps: [
    {
      step: "vhost",
      verdict: "www.example.com, by its name.",
      facts: [
        {
          name: "vhost",
          value: "www.example.com",
          because: "by its name",
          source: { kind: "line", file: "vhosts.xml", line: 2, element: "Vhosts/Vhost@Name" },
        },
        { name: "runnerUp", value: null, because: "no other host would take the request" },
      ],
    },
    {
      step: "response",
      verdict: "200 OK, TCP_HIT.",
      facts: [
        {
          name: "Age",
          value: 300,
          because: "AgeHeader is ON",
          source: { kind: "default", element: "Options/AgeHeader", profile: "rfc9111" },
        },
        { name: "body", value: 48_213, text: "47.1 KB (48213 bytes)" },
        { name: "ifOriginFails", value: true },
        {
          name: "X-Long",
          value: "a".repeat(50),
          because: "set by a line of headers.txt",
          source: { kind: "line", file: "svc/www.example.com/headers.txt", line: 3, element: "" },
        },
      ],
    },
  ],
};

const format = (value: unknown, hasColours = false): string => {
  const explanation = parseExplanation(value);
  if (explanation === undefined) throw new Error("no explanation");
  return formatExplanation(explanation, hasColours);
};

describe("the text of an explanation", () => {
  it("has a section per step, columns, and the line behind each fact", () => {
    expect(format(EXPLANATION)).toBe(
      `GET http://www.example.com/a
A hit: 200 (TCP_HIT), fresh for another 5 min.

 1  Virtual host        www.example.com, by its name.
     vhost      www.example.com  by its name  [vhosts.xml:2 <@Name>]
     runner up  none             no other host would take the request

 2  Response            200 OK, TCP_HIT.
     Age              300                    AgeHeader is ON  [default of rfc9111 <Options/AgeHeader>]
     body             47.1 KB (48213 bytes)
     if origin fails  yes
     X-Long           ${"a".repeat(50)}  set by a line of headers.txt  [svc/www.example.com/headers.txt:3]`,
    );
  });

  it("says the same with colours", () => {
    const coloured = format(EXPLANATION, true);
    expect(coloured).toContain("\u001b[32mA hit");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken out
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(format(EXPLANATION));
  });

  it("shows control characters of values instead of sending them to the terminal", () => {
    const evil = "\u001b[2J\u009b31m\r\nX";
    const text = format({ method: evil, url: evil, verdict: evil, steps: [{ step: evil, verdict: evil, facts: [] }] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(text).toContain("\\x1b[2J\\x9b31m\\x0d\\x0aX");
  });

  it("reads what a later version may say, and nothing that is no explanation", () => {
    const later = { steps: [{ step: "newStep", facts: [{ name: "n", value: {}, source: { kind: "later" } }, 7] }] };
    expect(format(later)).toContain("newStep");
    for (const value of [undefined, null, 7, "text", [], {}, { steps: "none" }]) {
      expect(parseExplanation(value)).toBeUndefined();
    }
  });
});
