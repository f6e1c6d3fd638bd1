import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { SearchKnowledge } from "../src/searchKnowledge.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const freshPath = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "basalt-search-"));
  folders.push(folder);
  return join(folder, "search-rules.log");
};

const open = (path: string): SearchKnowledge =>
  new SearchKnowledge({
    path,
    onProblem: (cause) => {
      throw cause;
    },
  });

const HOST = "a.example";
const news = (value: string, path = "/x") => ({ vhost: HOST, path, value });

describe("what No-Vary-Search has taught", () => {
  it("names the other URL of an object, over a restart too", async () => {
    const path = await freshPath();
    const first = open(path);
    expect(first.aliasesOf(HOST, "/x?utm=1&id=2")).toEqual([]);
    first.note(news('params=("utm")'));
    await first.close();
    for (const knowledge of [first, open(path)]) {
      expect(knowledge.aliasesOf(HOST, "/x?utm=1&id=2")).toEqual(["/x?id=2"]);
      expect(knowledge.aliasesOf(HOST, "/x?id=2")).toEqual([]);
      expect(knowledge.aliasesOf(HOST, "/y?utm=1")).toEqual([]);
      expect(knowledge.aliasesOf("b.example", "/x?utm=1")).toEqual([]);
    }
  });

  it("keeps what earlier answers have named", async () => {
    const knowledge = open(await freshPath());
    knowledge.note(news('params=("a")'));
    knowledge.note(news('params=("b")'));
    knowledge.note(news('params=("b")'));
    expect(knowledge.aliasesOf(HOST, "/x?a&b")).toEqual(["/x?a=", "/x?b="]);
    await knowledge.close();
  });

  it("keeps its file short while it runs, however often answers change their mind", async () => {
    const path = await freshPath();
    const knowledge = new SearchKnowledge({ path, onProblem: (cause) => expect.fail(String(cause)), linesToSpare: 10 });
    for (let turn = 0; turn < 500; turn++) knowledge.note(news(`params=("p${turn % 2}")`));
    await knowledge.close();
    expect((await readFile(path, "utf8")).trim().split("\n").length).toBeLessThan(20);
    expect(open(path).aliasesOf(HOST, "/x?p0&p1")).toEqual(["/x?p0=", "/x?p1="]);
  });

  it("passes over lines that are torn or not ours, and writes itself anew when it has grown", async () => {
    const path = await freshPath();
    const lines = Array.from({ length: 50 }, (_, index) => JSON.stringify(news(`params=("p${index % 2}")`)));
    await writeFile(path, ["null", "{", '{"vhost":1}', ...lines, '{"vhost":"a.exa'].join("\n"));
    const knowledge = open(path);
    await knowledge.close();
    expect((await readFile(path, "utf8")).trim().split("\n")).toHaveLength(2);
    expect(open(path).aliasesOf(HOST, "/x?p0&p1")).toEqual(["/x?p0=", "/x?p1="]);
  });
});
