import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const ask = async (pattern: string, lines: readonly string[]) => {
  const query = `pattern=${encodeURIComponent(pattern)}&lines=${encodeURIComponent(`${lines.join("\n")}\n`)}`;
  const { status, text } = await scene.ask(`/monitoring/logpattern?${query}`);
  return { ...JSON.parse(text), httpStatus: status };
};

const REQUEST = '27.0.3.145 - - [10/Aug/2019:07:37:27 +0000] "GET /helloworld HTTP/1.1" 200 20 b401dcd7';

describe("/monitoring/logpattern", () => {
  it("AWS-85 AWS-A15 shows which lines match, and the fields by position", async () => {
    const pattern = "[host, ident, authuser, date, request, status=2*, bytes]";
    const { httpStatus, result } = await ask(pattern, [REQUEST, REQUEST.replace(" 200 ", " 404 "), "x"]);
    expect([httpStatus, result.summary, result.matches, result.events]).toEqual([
      200,
      "Found 1 matches out of 3 event(s)",
      1,
      3,
    ]);
    expect(result.found).toEqual([
      {
        line: 1,
        text: REQUEST,
        fields: {
          host: "27.0.3.145",
          ident: "-",
          authuser: "-",
          date: "10/Aug/2019:07:37:27 +0000",
          request: "GET /helloworld HTTP/1.1",
          status: "200",
          bytes: "20 b401dcd7",
        },
      },
    ]);
  });

  it.each([
    ["", ["a", "b"], [1, 2]],
    ["error -timeout", ["an error", "error: timeout", "ERROR"], [1]],
    ["{ $.status = 500 }", ['{"status":500}', '{"status":200}', "{", "none"], [1]],
  ])("AWS-85 tries %j on %j", async (pattern, lines, matching) => {
    const { result } = await ask(pattern, lines);
    expect(result.found.map(({ line }: { readonly line: number }) => line)).toEqual(matching);
  });

  it("AWS-85 counts all matches and shows the first thousand", async () => {
    const { result } = await ask("", new Array<string>(1_200).fill("a"));
    expect([result.matches, result.found.length]).toEqual([1_200, 1_000]);
  });

  it("AWS-85 says what is wrong with a pattern", async () => {
    const { httpStatus, ...answer } = await ask("[a, b", ["x"]);
    expect(httpStatus).toBe(400);
    expect(JSON.stringify(answer)).toContain("The pattern ");
  });
});
