import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EXPLANATION, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const asked = async (query: string, body?: string) => {
  const path = `/command/explain${query}`;
  const reply = await scene.ask(path, body === undefined ? {} : { method: "POST", body });
  return { status: reply.status, envelope: JSON.parse(reply.text) };
};

const QUESTION = {
  url: "http://www.example.com/a?b=1&c=2",
  method: "GET",
  fields: [],
  listen: undefined,
  clientIp: "127.0.0.1",
  isAbsolute: false,
};

describe("/command/explain", () => {
  it("hands the whole question on and answers with the explanation as it is", async () => {
    const { status, envelope } = await asked(
      "?url=http%3A%2F%2Fwww.example.com%2Fa%3Fb%3D1%26c%3D2&method=PUT&header=A:%20b&header=Range:bytes%3D0-1" +
        "&listen=*:80&client=10.0.0.1&absolute=1",
    );
    expect(status).toBe(200);
    expect(envelope).toMatchObject({ method: "explain", status: "OK", result: EXPLANATION });
    expect(scene.control.questions).toEqual([
      {
        ...QUESTION,
        method: "PUT",
        fields: ["A", "b", "Range", "bytes=0-1"],
        listen: "*:80",
        clientIp: "10.0.0.1",
        isAbsolute: true,
      },
    ]);
  });

  it("takes the parameters from the body of a POST, a plus sign as itself", async () => {
    expect((await asked("", "url=www.example.com/a%2Bb+c\r\n")).status).toBe(200);
    expect(scene.control.questions).toEqual([{ ...QUESTION, url: "www.example.com/a+b+c" }]);
  });

  it.each([
    ["", "The parameter url is missing"],
    ["?url=", "The parameter url is missing"],
    ["?url=a/b?c=1&d=2", "There is no parameter d. Write & inside the URL as %26"],
    ["?url=a/b&header=nothing", 'The header "nothing" is not of the form Name: value'],
    ["?url=a/b&header=:x", "is not of the form"],
    ["?url=a/b&absolute=yes", "absolute must be 0 or 1"],
  ])("refuses %s in a sentence and asks nothing", async (query, reason) => {
    const { status, envelope } = await asked(query);
    expect(status).toBe(400);
    expect(envelope).toMatchObject({ method: "explain", status: "Fail", result: expect.stringContaining(reason) });
    expect(scene.control.questions).toEqual([]);
  });

  it.each([
    ["url", `url=${"a".repeat(70_000)}`, "longer than 65536"],
    ["header", `url=a/b${"&header=a:b".repeat(1_001)}`, "more than 1000"],
  ])("refuses too much of %s", async (_, body, reason) => {
    const { status, envelope } = await asked("", body);
    expect(status).toBe(400);
    expect(envelope.result).toContain(reason);
  });

  it("answers 400 with the sentence of a question that cannot be understood", async () => {
    scene.control.explainOutcome = { kind: "malformed", reason: "The URL names no host." };
    const { status, envelope } = await asked("?url=/a");
    expect(status).toBe(400);
    expect(envelope).toMatchObject({ status: "Fail", result: "The URL names no host." });
  });

  it("is for the role Admin only", async () => {
    scene.allow(["127.0.0.1", "User"]);
    expect((await asked("?url=a/b")).status).toBe(401);
  });
});
