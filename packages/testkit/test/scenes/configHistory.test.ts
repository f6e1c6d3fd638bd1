import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { TestEdge } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

interface Entry {
  readonly id: string;
  readonly type: string;
  readonly hash: string;
}

const entriesOf = async (edge: TestEdge, path = "/conf/history"): Promise<readonly Entry[]> => {
  const { history } = JSON.parse((await edge.api(path)).text);
  return history;
};

const upload = async (edge: TestEdge, path: string, field: string, content: Buffer | string) => {
  const boundary = "scene";
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="c"\r\n\r\n`),
    Buffer.from(content),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": `${body.length}` };
  const { httpStatus, result } = await edge.apiJson(path, { method: "POST", headers, body });
  return [httpStatus, result];
};

scenario(
  "CFG-72 to CFG-81, AWS-93, A5, A6, A7 of spec 01: history, download, restore and upload on a running edge, also after a restart",
  { ownEdge: { workers: 2 } },
  async ({ origin, edge }) => {
    const { cluster, host } = edge;
    origin.on("/a").reply(200, { "Content-Type": "text/html" }, "page");
    await edge.get("/a").expect(200, "page", { age: undefined });
    const [first] = await entriesOf(cluster);
    expect(first).toMatchObject({
      id: "1",
      type: "loaded",
      ver: expect.any(String),
      size: expect.stringMatching(/^\d+$/),
    });

    // A5
    const vhosts = cluster.configuration.vhosts.map((vhost) => ({
      ...vhost,
      xml: "<Options><AgeHeader>ON</AgeHeader></Options>",
      conditions: { "ttl.txt": "/a, 60\n" },
    }));
    await cluster.reload({ vhosts });
    const last = (await entriesOf(cluster)).at(-1);
    expect(last).toMatchObject({ id: "2", type: "modified" });
    const archive = await cluster.api(`/conf/download?id=${last?.id}`);
    expect([archive.status, archive.contentType]).toEqual([200, "application/x-compressed"]);
    expect((await cluster.api("/conf/download?id=999999")).status).toBe(404);
    expect((await cluster.api(`/conf/ttl.txt?vhost=${host}`)).text).toBe("/a, 60\n");
    await edge.get("/a").expect(200, "page", { age: /^\d+$/ });

    // A6
    expect((await cluster.apiJson(`/conf/restore?hash=${first?.hash}&id=2`)).httpStatus).toBe(200);
    expect(await entriesOf(cluster, "/conf/latest")).toMatchObject([{ id: "3", type: "restored", hash: first?.hash }]);
    await edge.get("/a").expect(200, "page", { age: undefined });
    expect((await cluster.api("/conf/restore?id=77")).status).toBe(500);
    expect((await cluster.api(`/conf/ttl.txt?vhost=${host}`)).text).toBe("");

    // A7
    expect(await upload(cluster, "/conf/upload", "other", "x")).toEqual([500, "E0001"]);
    expect(await upload(cluster, "/conf/upload", "confile", "random bytes")).toEqual([500, "E0002"]);
    expect(await upload(cluster, "/conf/upload/vhosts.xml", "confile", "<Vhosts>")).toEqual([500, "E0003"]);
    expect(await upload(cluster, "/conf/upload/vhosts.xml", "confile", "<Vhosts><Wrong/></Vhosts>")).toEqual([
      500,
      "E0004",
    ]);
    const names = await readdir(join(cluster.home, "conf"));
    const kept = names.find((name) => name.includes(last?.hash ?? "none")) ?? "";
    const tgz = await readFile(join(cluster.home, "conf", kept));
    expect(await upload(cluster, "/conf/upload", "confile", tgz)).toEqual([200, "E0000"]);
    await edge.get("/a").expect(200, "page", { age: /^\d+$/ });
    const xml = (await readFile(join(cluster.home, "vhosts.xml"), "utf8")).replace("AgeHeader>ON", "AgeHeader>OFF");
    expect(await upload(cluster, "/conf/upload/vhosts.xml", "confile", xml)).toEqual([200, "E0000"]);
    await edge.get("/a").expect(200, "page", { age: undefined });
    expect(await readFile(join(cluster.home, "vhosts.xml"), "utf8")).toBe(xml);

    // A port that somebody else has: the files and the service stay.
    const taken = xml.replace(/<Listen>[^<]*<\/Listen>/, `<Listen>127.0.0.1:${origin.port}</Listen>`);
    expect(await upload(cluster, "/conf/upload/vhosts.xml", "confile", taken)).toEqual([500, "E0004"]);
    expect(await readFile(join(cluster.home, "vhosts.xml"), "utf8")).toBe(xml);
    await edge.get("/a").expect(200, "page");

    const before = await entriesOf(cluster);
    expect(before.map(({ type }) => type)).toEqual(["loaded", "modified", "restored", "uploaded", "uploaded"]);
    const log = await readFile(join(cluster.home, "log", "info.log"), "utf8");
    expect(log).toMatch(/api call of \S*127\.0\.0\.1 \(Admin\): GET \/conf\/restore\?hash=[0-9A-F]{40}&id=2: 200/);
    expect(log).toMatch(/changed Vhost\[[^\]]+\]\/Options\/AgeHeader: \S+ -> \S+/i);

    // What an upload that was killed on its way leaves behind is taken back by the next start.
    await cluster.stop();
    await writeFile(join(cluster.home, "conf", "history.jsonl"), '{"torn', { flag: "a" });
    await cluster.start();
    expect((await entriesOf(cluster)).slice(0, -1)).toEqual(before);
    expect((await entriesOf(cluster)).at(-1)).toMatchObject({ id: "6", type: "loaded" });
    await edge.get("/a").expect(200, "page");
  },
);

scenario(
  "LOG-179, CFG-18, CFG-22, CFG-23: encryptpassword, version, help and the OpenAPI document over port and shell",
  async ({ edge }) => {
    const { cluster } = edge;
    const { result } = await cluster.apiJson("/command/encryptpassword?plain=qwerty");
    expect(String(result)).toMatch(/^[A-Za-z0-9+/]{40,}=*$/);
    const shell = await cluster.command("api", "version");
    expect([shell.exitCode, JSON.parse(shell.output)]).toEqual([0, JSON.parse((await cluster.api("/version")).text)]);
    const saved = join(cluster.home, "uploaded.xml");
    await writeFile(saved, await readFile(join(cluster.home, "vhosts.xml")));
    const uploaded = await cluster.command("api", "conf/upload/vhosts.xml", "--file", saved);
    expect([uploaded.exitCode, JSON.parse(uploaded.output)]).toMatchObject([0, { result: "E0000" }]);
    expect((await cluster.api("/help")).text).toContain("\n/conf/history ");
    const document = JSON.parse((await cluster.api("/openapi.json")).text);
    expect(Object.keys(document.paths)).toContain("/conf/upload");
    const xml = await cluster.api("/monitoring/vhostslist.xml");
    expect([xml.status, xml.contentType]).toEqual([200, "text/xml; charset=utf-8"]);
    expect(xml.text).toContain(`<item>${edge.host}</item>`);
    const log = await readFile(join(cluster.home, "log", "info.log"), "utf8");
    expect(log).not.toContain("qwerty");
  },
);
