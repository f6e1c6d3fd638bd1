import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GraphThread } from "../../src/graphs/graphWork.ts";

let folder: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-graph-thread-"));
  lines = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

/** Answers each drawing with its time, or that of 9 with how many calls it has had, after it has told of a problem; dies of 2. */
const SCRIPT = `
  import { parentPort, workerData } from "node:worker_threads";
  let calls = 0;
  parentPort.on("message", ({ id, name, body }) => {
    calls++;
    if (name === "draw" && body.untilMs === 2) throw new Error("out of ink");
    parentPort.postMessage({ kind: "event", name: "problem", body: { text: workerData.path } });
    parentPort.postMessage({ kind: "reply", id, body: name === "draw" ? Uint8Array.of(body.untilMs === 9 ? calls : body.untilMs) : null });
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

  it("ends when there was nothing to do for a while, and starts again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const thread = await opened();
    expect(await thread.draw(CPU, 9)).toEqual(Uint8Array.of(1));
    vi.advanceTimersByTime(19_000);
    expect(await thread.draw(CPU, 9)).toEqual(Uint8Array.of(2));
    vi.advanceTimersByTime(19_000);
    expect(await thread.draw(CPU, 9)).toEqual(Uint8Array.of(3));
    vi.advanceTimersByTime(20_000);
    expect(await thread.draw(CPU, 9)).toEqual(Uint8Array.of(1));
    await thread.close();
  });

  it("is closed without having been started", async () => {
    const thread = await opened();
    await thread.close();
    expect(lines).toEqual([]);
  });
});
