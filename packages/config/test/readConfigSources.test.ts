import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseConfig, readConfigSources } from "../src/index.ts";
import { CONTEXT, HELLO_SERVER, HELLO_VHOSTS } from "./support.ts";

let home = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-config-"));
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const write = async (file: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(join(home, file, ".."), { recursive: true });
  await writeFile(join(home, file), content);
};

const problemsOf = async () => {
  const outcome = parseConfig(await readConfigSources(home), { ...CONTEXT, home });
  return outcome.ok ? [] : outcome.problems;
};

describe("a home folder", () => {
  it("CFG-30 CFG-62 gives both XML files and the condition files, nothing else", async () => {
    await write("server.xml", HELLO_SERVER);
    await write("vhosts.xml", HELLO_VHOSTS);
    await write("license.xml", "<License/>");
    await write("svc/www.example.com/ttl.txt", "/a, 5");
    await write("svc/www.example.com/ttl.txt.bak", "/a, 5");
    await write("svc/readme.txt", "not in a folder");
    const sources = await readConfigSources(home);
    expect([...sources.keys()]).toEqual(["server.xml", "vhosts.xml", "svc/www.example.com/ttl.txt"]);
    expect(await problemsOf()).toEqual([]);
  });

  it("CFG-06 reports both files of an empty home", async () => {
    expect(await problemsOf()).toMatchObject([
      { file: "server.xml", message: "The file is missing." },
      { file: "vhosts.xml", message: "The file is missing." },
    ]);
  });

  it("reports a home that is not there", async () => {
    await rm(home, { recursive: true });
    expect(await problemsOf()).toHaveLength(2);
  });

  it("refuses text that is not UTF-8", async () => {
    await write("server.xml", HELLO_SERVER);
    await write("vhosts.xml", new Uint8Array([0x3c, 0xff, 0x3e]));
    expect(await problemsOf()).toMatchObject([
      { file: "vhosts.xml", severity: "error", message: "The file cannot be read: it is not UTF-8 text." },
    ]);
  });

  it("refuses a file above 16 MB without reading it", async () => {
    await write("server.xml", HELLO_SERVER);
    await write("vhosts.xml", "");
    await truncate(join(home, "vhosts.xml"), 16 * 1024 ** 2 + 1);
    expect(await problemsOf()).toMatchObject([{ file: "vhosts.xml", message: expect.stringContaining("16 MB") }]);
  });

  it("CFG-62 refuses a condition file that cannot be read", async () => {
    await write("server.xml", HELLO_SERVER);
    await write("vhosts.xml", HELLO_VHOSTS);
    await mkdir(join(home, "svc/www.example.com/ttl.txt"), { recursive: true });
    expect(await problemsOf()).toMatchObject([{ file: "svc/www.example.com/ttl.txt", severity: "error", line: 0 }]);
  });
});
