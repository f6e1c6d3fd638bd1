import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { callManagement } from "../../src/edge/control.ts";
import type { EdgeConfiguration } from "../../src/edge/options.ts";
import { findFreePort } from "../../src/index.ts";
import { type Scene, type SceneEdge, scenario, useEdge } from "../../src/scenario/index.ts";

/** Section F of spec 22: virtual hosts and reloads, through two workers. */
useEdge({ workers: 2 });

const ASKED_OFTEN = 4;

const reloadWith = async (edge: SceneEdge, changes: Partial<EdgeConfiguration>): Promise<void> => {
  expect((await edge.cluster.reload(changes)).status).toBe("OK");
};

/** Puts other settings of this scene's host in service. */
const reloadHost = async ({ edge }: Scene, xml: string, conditions: Record<string, string> = {}): Promise<void> => {
  const { vhosts } = edge.cluster.configuration;
  const changed = vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, xml, conditions } : vhost));
  await reloadWith(edge, { vhosts: changed });
};

describe("virtual hosts", () => {
  scenario(
    "REG-140: an alias that is the host's own name comes and goes, and the host stays",
    { host: "own.test", xml: "<Alias>own.test</Alias><Alias>OWN.test</Alias><Alias>other.test</Alias>" },
    async (scene) => {
      const { origin, edge } = scene;
      origin.on("/a").reply(200, {}, "v1");
      const statusOf = async (host: string): Promise<number> => (await edge.get("/a", { host })).status;
      for (const host of ["own.test", "OWN.TEST", "other.test"])
        expect([host, await statusOf(host)]).toEqual([host, 200]);
      for (const xml of ["<Alias>other.test</Alias>", ""]) {
        await reloadHost(scene, xml);
        for (let round = 0; round < ASKED_OFTEN; round++) expect(await statusOf("own.test")).toBe(200);
        expect([xml, await statusOf("other.test")]).toEqual([xml, xml.includes("other") ? 200 : 404]);
      }
      expect(origin.saw("/a")).toBe(1);
    },
  );
});

describe("reloads", () => {
  scenario("REG-150: another manager port is listened on behind a reload, and the old one no longer", async (scene) => {
    const { edge } = scene;
    const { cluster } = edge;
    const file = join(cluster.home, "server.xml");
    const before = await readFile(file, "utf8");
    const port = await findFreePort();
    const isOpen = (at: number): Promise<boolean> =>
      callManagement({ port: at }, "/version").then(
        ({ status }) => status === 200,
        () => false,
      );
    expect([await isOpen(cluster.managerPort), await isOpen(port)]).toEqual([true, false]);
    const move = async (text: string, from: number, to: number): Promise<void> => {
      await writeFile(file, text);
      expect((await cluster.control("/conf/reload")).status).toBe(200);
      await expect.poll(() => Promise.all([isOpen(to), isOpen(from)])).toEqual([true, false]);
    };
    await move(before.replace(`Port="${cluster.managerPort}"`, `Port="${port}"`), cluster.managerPort, port);
    await move(before, port, cluster.managerPort);
    expect((await cluster.status()).workers).toHaveLength(2);
  });

  scenario("REG-147: Compression is toggled by a reload", async (scene) => {
    const { origin, edge } = scene;
    const text = "body { margin: 0 }\n".repeat(400);
    origin.on("/a.css").reply(200, { "Content-Type": "text/css" }, text);
    const ask = () => edge.get("/a.css", { headers: { "Accept-Encoding": "gzip" } });
    await ask().expect(200, text, { "content-encoding": undefined });
    for (const word of ["ON", "OFF", "ON"]) {
      const conditions = { "compression.txt": "*.css\n" };
      await reloadHost(scene, `<Options><Compression>${word}</Compression></Options>`, conditions);
      for (let round = 0; round < ASKED_OFTEN; round++) {
        const coding = (await ask().expect(200)).field("content-encoding");
        expect([word, coding]).toEqual([word, word === "ON" ? "gzip" : undefined]);
      }
    }
  });

  scenario("REG-149 REG-151: log settings are in force behind any of the calls that reload", async (scene) => {
    const { origin, edge } = scene;
    origin.on(() => true).reply(200, {}, "v1");
    const folder = join(edge.cluster.home, "log", edge.host);
    const logged = async (): Promise<string> => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("access_"));
      return (await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")))).join("");
    };
    const { vhosts } = edge.cluster.configuration;
    const settings = {
      reload: "ON",
      reloadall: "OFF",
      reloadserver: "ON",
      reloadvhosts: "OFF",
    };
    for (const [call, word] of Object.entries(settings)) {
      const xml = `<Log><Access Local="ON">${word}</Access></Log>`;
      await edge.cluster.configure({
        vhosts: vhosts.map((vhost) => (vhost.name === edge.host ? { ...vhost, xml } : vhost)),
      });
      expect((await edge.cluster.api(`/conf/${call}`)).status).toBe(200);
      await edge.get(`/${call}`).expect(200);
    }
    await expect.poll(logged).toContain(" /reloadserver ");
    const text = await logged();
    expect(["/reload ", "/reloadall ", "/reloadvhosts "].map((path) => text.includes(` ${path}`))).toEqual([
      true,
      false,
      false,
    ]);
  });

  scenario(
    "REG-148: receivers of syslog change with a reload",
    { xml: "<OriginOptions><Exclusion>100000</Exclusion></OriginOptions>" },
    async ({ origin, edge, clock }) => {
      await origin.refuse();
      const receivers = [createSocket("udp4"), createSocket("udp4")];
      const received: string[][] = [[], []];
      const ports: number[] = [];
      for (const [index, receiver] of receivers.entries()) {
        receiver.on("message", (message) => received[index]?.push(message.toString("latin1")));
        receiver.bind(0, "127.0.0.1");
        await once(receiver, "listening");
        ports.push(receiver.address().port);
      }
      const { serverXml } = edge.cluster.configuration;
      const send = (word: string, index: number): string =>
        `<OriginErrorLog SysLog="${word}" Warning="ON">ON<SysLog Priority="local3.info" Dest="127.0.0.1:${ports[index]}"/></OriginErrorLog>`;
      try {
        for (const [path, index] of [
          ["/one", 0],
          ["/two", 1],
          ["/three", 0],
        ] as const) {
          await reloadWith(edge, { serverXml: send("ON", index) });
          await edge.get(path).expect(500);
          await expect.poll(() => received[index]?.join("\n")).toContain(` ${path} `);
          await clock.advance(4);
        }
        await reloadWith(edge, { serverXml: send("OFF", 1) });
        await edge.get("/four").expect(500);
        await reloadWith(edge, { serverXml: send("ON", 1) });
        await clock.advance(4);
        await edge.get("/five").expect(500);
        await expect.poll(() => received[1]?.join("\n")).toContain(" /five ");
        expect(received.map((lines) => lines.join("\n").includes(" /four "))).toEqual([false, false]);
        expect(received[0]?.join("\n")).not.toContain(" /two ");
        expect(received[1]?.join("\n")).not.toContain(" /three ");
      } finally {
        await reloadWith(edge, { serverXml: serverXml ?? "" });
        for (const receiver of receivers) receiver.close();
      }
    },
  );

  scenario(
    "REG-142 REG-144: a reload with hundreds of hosts holds no request up, and all of it is kept",
    async (scene) => {
      const { origin, edge, client } = scene;
      origin.on(() => true).reply(200, {}, "v1");
      const { vhosts } = edge.cluster.configuration;
      const many = Array.from({ length: 300 }, (_, index) => ({
        name: `many${index}.test`,
        origin: origin.address,
        conditions: { "ttl.txt": `/a, ${100 + index}\n` },
      }));
      await edge.get("/a").expect(200, "v1");
      let isOver = false;
      let asked = 0;
      const load = async (): Promise<void> => {
        const opened = await client();
        while (!isOver) {
          const { status, text } = await opened.request({ path: "/a", host: edge.host });
          expect([status, text]).toEqual([200, "v1"]);
          asked += 1;
        }
      };
      const loads = [load(), load(), load()];
      const before = asked;
      await reloadWith(edge, { vhosts: [...vhosts, ...many] });
      expect(asked - before).toBeGreaterThan(20);
      isOver = true;
      await Promise.all(loads);
      await edge.get("/a", { host: "many299.test" }).expect(200, "v1");
      const shown = await edge.cluster.api("/conf/ttl.txt?vhost=many299.test");
      expect([shown.status, shown.text.includes("/a, 399")]).toEqual([200, true]);
      await reloadWith(edge, { vhosts });
      expect(origin.saw("/a")).toBe(2);
    },
  );
});
