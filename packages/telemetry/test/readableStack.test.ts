import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readableStack } from "../src/index.ts";

const errorAt = (...places: readonly string[]): Error => {
  const error = new Error("broken");
  error.stack = ["Error: broken", ...places.map((place) => `    at ${place}`)].join("\n");
  return error;
};

describe("the stack of an error", () => {
  let folder = "";
  const script = () => pathToFileURL(join(folder, "worker.js")).href;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "basalt-stack-"));
    // Line 2, column 3 of the script is line 12, column 5 of the source.
    const map = {
      version: 3,
      file: "worker.js",
      sources: ["../../../packages/x/src/a.ts"],
      names: [],
      mappings: ";EAWI",
    };
    await writeFile(join(folder, "worker.js.map"), JSON.stringify(map));
    await writeFile(join(folder, "torn.js.map"), '{"version":3,"sou');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("names file and line of the source where the map of a bundle is there", () => {
    const stack = readableStack(errorAt(`run (${script()}:2:3)`, `${script()}:2:3`));
    expect(stack).toBe("Error: broken\n    at run (packages/x/src/a.ts:12:5)\n    at packages/x/src/a.ts:12:5");
  });

  it.each([
    ["without a map", () => `run (${join(folder, "other.js")}:2:3)`],
    ["with a torn map", () => `run (${join(folder, "torn.js")}:2:3)`],
    ["outside of what the map knows", () => `run (${script()}:1:1)`],
    ["of the runtime", () => "node:internal/process/task_queues:105:5"],
    ["of a source", () => "run (/x/src/a.ts:2:3)"],
  ])("leaves places %s as they are", (_, place) => {
    expect(readableStack(errorAt(place()))).toBe(`Error: broken\n    at ${place()}`);
  });

  it("is the text of what is no error", () => {
    expect(readableStack("broken")).toBe("broken");
  });
});
