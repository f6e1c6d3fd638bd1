import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GraphThread } from "../../src/graphs/graphWork.ts";

let folder: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-graph-thread-"));
  lines = [];
});
afterEach(() => rm(folder, { recursive: true }));

/** Answers each call with its own path, after it has told of a problem; dies of every second one. */
const SCRIPT = `
  import { parentPort, workerData } from "node:worker_threads";
  parentPort.on("message", ({ id, name, body }) => {
    if (name === "draw" && body.untilMs === 2) throw new Error("out of ink");
    parentPort.postMessage({ kind: "event", name: "problem", body: { text: workerData.path } });
    parentPort.postMessage({ kind: "reply", id, body: name === "draw" ? Uint8Array.of(body.untilMs) : null });
  });
`;

const opened = async (): Promise<GraphThread> => {
  const entry = join(folder, "thread.mjs");
  await writeFile(entry, SCRIPT);
  const note = (text: string) => void lines.push(text);
  return new GraphThread({ entry, path: "the file", log: { warning: note, error: note } });
};

const CPU = { scope: "server", resource: "cpu", type: "day", vhost: undefined } as const;

describe("the thread of the graphs", () => {
  it("starts when it is needed, and again when it has died", async () => {
    const thread = await opened();
    expect(await thread.draw(CPU, 1)).toEqual(Uint8Array.of(1));
    expect(lines).toEqual(["graphs: the file"]);
    expect(await thread.draw(CPU, 2)).toBeUndefined();
    expect(lines.join("\n")).toContain("out of ink");
    expect(await thread.draw(CPU, 3)).toEqual(Uint8Array.of(3));
    await thread.close();
    expect(await thread.draw(CPU, 4)).toBeUndefined();
    await expect(thread.tidy(1)).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("is closed without having been started", async () => {
    const thread = await opened();
    await thread.close();
    expect(lines).toEqual([]);
  });
});
