import { createServer, type Server } from "node:net";
import { expect } from "vitest";
import { findFreePort } from "../../src/index.ts";
import { type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";
import { type InvalidCase, placeCase, readInvalidCases } from "./support/invalidCorpus.ts";

/** Every unsound configuration of the corpus, reloaded into one running edge. */
useEdge({ workers: 2 });

const HOST = "www.example.com";
const FEWEST_CASES = 60;

interface Found {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const textOf = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;

const problemsIn = (result: unknown, key: "Problems" | "Warnings"): readonly Found[] => {
  const listed = textOf(result, key);
  return Array.isArray(listed)
    ? listed.map((problem: unknown) => ({
        file: String(textOf(problem, "file")),
        line: Number(textOf(problem, "line")),
        message: String(textOf(problem, "message")),
      }))
    : [];
};

/** Reloads a case and puts the sound files back; answers the generation in service. */
const reloadCase = async (edge: SceneEdge, each: InvalidCase, generation: number): Promise<number> => {
  const { cluster } = edge;
  const restore = await placeCase(cluster.home, each);
  const { httpStatus, status, result } = await cluster.apiJson("/conf/reload");
  await restore();
  const wanted = { file: each.at.file, line: each.at.line, message: each.message.replaceAll("{home}", cluster.home) };
  expect([each.what, httpStatus, status]).toEqual([each.what, ...(each.isAccepted ? [200, "OK"] : [500, "Fail"])]);
  expect(problemsIn(result, each.isAccepted ? "Warnings" : "Problems")).toContainEqual(wanted);
  return each.isAccepted ? generation + 1 : generation;
};

const listenOn = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });

scenario(
  "CFG-31, CFG-06: an unsound configuration gives its message and leaves the running service as it was",
  { host: HOST },
  async ({ origin, edge }) => {
    const cases = await readInvalidCases();
    expect(cases.length).toBeGreaterThan(FEWEST_CASES);
    origin.on(() => true).reply(200, { "Cache-Control": "max-age=600" }, "page");
    const before = await edge.cluster.status();
    let { generation } = before;
    for (const [index, each] of cases.entries()) {
      generation = await reloadCase(edge, each, generation);
      expect((await edge.cluster.status()).generation).toBe(generation);
      // In turn a page that is stored and one that is not: the workers, the primary and the origin take part.
      await edge.get(index % 2 === 0 ? "/stored" : `/page/${index}`).expect(200, "page");
    }
    const after = await edge.cluster.status();
    expect(after.workers.map(({ pid }) => pid)).toEqual(before.workers.map(({ pid }) => pid));
    expect(after.primaryPid).toBe(before.primaryPid);
    const log = await edge.cluster.log();
    for (const { message } of cases) expect(log).toContain(message.replaceAll("{home}", edge.cluster.home));
    expect(origin.saw("/stored")).toBe(1);
  },
);

scenario(
  "CFG-60, CFG-35: a port that another program has refuses the reload as a whole",
  { host: "ports.example.com" },
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "page");
    const { generation } = await edge.cluster.status();
    const port = await findFreePort();
    const other = await listenOn(port);
    const { vhosts } = edge.cluster.configuration;
    const added = { name: "added.example.com", origin: origin.address, xml: `<Listen>127.0.0.1:${port}</Listen>` };
    const refused = await edge.cluster.reload({ vhosts: [...vhosts, added] });
    expect(refused).toMatchObject({ httpStatus: 500, status: "Fail" });
    expect(problemsIn(refused.result, "Problems")[0]?.message).toContain(`${port}`);
    expect((await edge.get("/", { host: "added.example.com" })).status).toBe(404);
    expect((await edge.cluster.status()).generation).toBe(generation);
    await edge.get("/").expect(200, "page");

    await new Promise((resolve) => other.close(resolve));
    expect(await edge.cluster.reload({ vhosts: [...vhosts, added] })).toMatchObject({ status: "OK" });
    await edge.get("/", { host: "added.example.com" }).expect(200, "page");
    expect(await edge.cluster.reload({ vhosts })).toMatchObject({ status: "OK" });
  },
);

scenario(
  "CFG-31: a reload says which changes are in force after a restart only",
  { host: "restart.example.com" },
  async ({ edge }) => {
    const asked = "<EmergencyMode>ON</EmergencyMode><Workers>5</Workers><Indexing>Disk</Indexing>";
    const { status, result } = await edge.cluster.reload({ serverXml: asked });
    expect(status).toBe("OK");
    expect(textOf(result, "NeedRestart")).toEqual(["Server/Cache/Indexing", "Server/Cache/Workers"]);
    expect((await edge.cluster.status()).workers).toHaveLength(2);
    const back = await edge.cluster.reload({ serverXml: "" });
    expect(textOf(back.result, "NeedRestart")).toEqual([]);
  },
);
