import { expect } from "vitest";
import { fetchAll, rawClient, tallyOutcomes } from "../../src/index.ts";
import { scenario } from "../../src/scenario/index.ts";

scenario(
  "CFG-10, A1 of spec 01: the hello world answers with the origin's page and sends the origin its own domain",
  { host: "www.example.com", address: (origin) => `localhost:${origin.port}` },
  async ({ origin, edge }) => {
    origin.on("/").reply(200, { "Content-Type": "text/html" }, "<h1>Hello</h1>");
    await edge.get("/").expect(200, "<h1>Hello</h1>", { "content-type": "text/html" });
    const seen = origin.lastSeen("/");
    expect([seen.method, seen.target, seen.minorVersion]).toEqual(["GET", "/", 1]);
    expect(seen.field("host")).toBe(`localhost:${origin.port}`);
  },
);

scenario(
  "CFG-12, CFG-13, A2 of spec 01: an IP address with port and path sends the host's name, the port and the prefix",
  { address: (origin) => `${origin.address}/account/dir` },
  async ({ origin, edge }) => {
    origin.on("/account/dir/img.jpg").reply(200, {}, "picture");
    await edge.get("/img.jpg").expect(200, "picture");
    expect(origin.lastSeen().field("host")).toBe(`${edge.host}:${origin.port}`);
  },
);

scenario(
  "CFG-11: two addresses take turns",
  { address: (origin) => [`${origin.address}/one`, `${origin.address}/two`] },
  async ({ origin, edge }) => {
    origin.on(() => true).reply((request) => ({ status: 200, body: request.path }));
    const seen = new Set<string>();
    for (let page = 0; page < 8; page++) seen.add((await edge.get(`/${page}`)).text.slice(0, 4));
    expect([...seen].sort()).toEqual(["/one", "/two"]);
  },
);

scenario(
  "CFG-57, CFG-58, A4 of spec 01: hosts are found by name, alias and pattern, without regard to case and port",
  { host: "example.com", xml: "<Alias>another.com</Alias><Alias>*.sub.example.com</Alias>" },
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "example.com");
    for (const host of [
      "example.com",
      "EXAMPLE.COM:80",
      "another.com:80",
      "y.sub.example.com",
      "a.b.sub.example.com",
    ]) {
      await edge.get("/", { host }).expect(200, "example.com");
    }
    await edge.get("http://another.com/", { host: "other.invalid" }).expect(200, "example.com");
    await edge.get("/", { host: "nowhere.org" }).expect(404, undefined, { connection: /^close$/i });
    expect((await edge.get("/", { host: "sub.example.com" })).status).toBe(404);
  },
);

scenario("CFG-22, CFG-61: /version and /monitoring/vhostslist answer in the envelope", async ({ edge }) => {
  const version = await edge.cluster.apiJson("/version");
  expect(version).toMatchObject({ httpStatus: 200, method: "version", status: "OK" });
  const list = await edge.cluster.apiJson("/monitoring/vhostslist");
  expect(list.result).toEqual(edge.cluster.configuration.vhosts.map((vhost) => vhost.name));
});

scenario(
  "CFG-17, CFG-32, CFG-36, A3 of spec 01: a role too low gets 401, an address not listed gets no byte",
  { ownEdge: { managerXml: '<Allow Role="Looker">127.0.0.1</Allow>' } },
  async ({ origin, edge }) => {
    origin.on("/").reply(200, {}, "page");
    expect((await edge.cluster.api("/monitoring/vhostslist")).status).toBe(401);

    const reloaded = await edge.cluster.reload({ managerXml: "<Allow>10.0.0.9</Allow>" });
    expect(reloaded.status).toBe("OK");
    const caller = await rawClient(edge.cluster.managerPort);
    await caller.send("GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect((await caller.readUntilClose()).length).toBe(0);
    caller.close();
    await edge.get("/").expect(200, "page");
  },
);

scenario(
  "CFG-31, HTTP-12: a changed option takes effect at the reload, not before",
  async ({ origin, edge, clock }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200, "v1", { age: undefined });
    const { vhosts } = edge.cluster.configuration;
    const changed = vhosts.map((vhost) =>
      vhost.name === edge.host ? { ...vhost, xml: "<Options><AgeHeader>ON</AgeHeader></Options>" } : vhost,
    );
    await edge.cluster.configure({ vhosts: changed });
    await clock.advance(30);
    await edge.get("/a").expect(200, "v1", { age: undefined });
    expect(await edge.cluster.reload()).toMatchObject({ httpStatus: 200, status: "OK" });
    await edge.get("/a").expect(200, "v1", { age: /^3\d$/ });
    expect(origin.saw("/a")).toBe(1);
  },
);

scenario(
  "CFG-31: a reload adds a virtual host while no request of the others is lost",
  async ({ origin, edge, client }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a").expect(200);
    let goOn = true;
    const tally: Record<string, number> = {};
    const count = (outcome: string): void => {
      tally[outcome] = (tally[outcome] ?? 0) + 1;
    };
    const load = Array.from({ length: 4 }, async () => {
      const session = await client();
      while (goOn) {
        const kept = session.request({ path: "/a", host: edge.host });
        count(await kept.then((answer) => `${answer.status} ${answer.text}`, String));
        const [fresh] = await fetchAll(edge.port, 1, { path: "/a", host: edge.host });
        count(fresh?.kind === "answer" ? `${fresh.status} v1` : `fresh connection: ${fresh?.error}`);
      }
    });
    const before = edge.cluster.configuration.vhosts;
    for (let round = 1; round <= 3; round++) {
      const added = { name: `added${round}.test`, origin: origin.address };
      expect((await edge.cluster.reload({ vhosts: [...before, added] })).status).toBe("OK");
      await edge.get("/a", { host: added.name }).expect(200, "v1");
    }
    goOn = false;
    await Promise.all(load);
    expect(Object.keys(tally)).toEqual(["200 v1"]);
    expect((await edge.cluster.reload({ vhosts: before })).status).toBe("OK");
    expect((await edge.get("/a", { host: "added3.test" })).status).toBe(404);
  },
);

scenario(
  "CFG-55, CFG-56, A10 of spec 01: an inactive host keeps its content, a host that was deleted does not",
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, { "Cache-Control": "max-age=600" }, "v1");
    await edge.get("/a").expect(200, "v1");
    await edge.stored("/a");
    const before = edge.cluster.configuration.vhosts;
    const others = before.filter((vhost) => vhost.name !== edge.host);
    const own = before.filter((vhost) => vhost.name === edge.host);
    const inactive = own.map((vhost) => ({ ...vhost, status: "Inactive" }));

    expect((await edge.cluster.reload({ vhosts: [...others, ...inactive] })).status).toBe("OK");
    expect((await edge.get("/a")).status).toBe(404);
    expect((await edge.cluster.reload({ vhosts: before })).status).toBe("OK");
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(1);

    expect((await edge.cluster.reload({ vhosts: others })).status).toBe("OK");
    expect((await edge.get("/a")).status).toBe(404);
    expect((await edge.cluster.reload({ vhosts: before })).status).toBe("OK");
    await edge.get("/a").expect(200, "v1");
    expect(origin.saw("/a")).toBe(2);
  },
);

scenario("CFG-31: an invalid configuration is refused whole and the running one stays", async ({ origin, edge }) => {
  origin.on("/a").reply(200, {}, "v1");
  const before = edge.cluster.configuration.vhosts;
  const invalid = {
    "not well-formed": "<Options>",
    "unknown element": "<Optoins/>",
    "value out of range": "<Options><TTL><Res2xx>soon</Res2xx></TTL></Options>",
  };
  for (const [what, xml] of Object.entries(invalid)) {
    const broken = { name: "broken.test", origin: origin.address, xml };
    const answer = await edge.cluster.reload({ vhosts: [...before, broken] });
    expect([what, answer.httpStatus, answer.status]).toEqual([what, 500, "Fail"]);
    expect(JSON.stringify(answer.result)).toContain("vhosts.xml");
    await edge.get("/a").expect(200, "v1");
    expect((await edge.get("/a", { host: "broken.test" })).status).toBe(404);
  }
  const twice = await edge.cluster.reload({ vhosts: [...before, { name: edge.host, origin: origin.address }] });
  expect(twice.status).toBe("Fail");
  expect((await edge.cluster.reload({ vhosts: before })).status).toBe("OK");
});

scenario(
  "CFG-53, CFG-59: hosts inherit VHostDefault, and the Default host takes names that nobody has",
  {
    ownEdge: {
      vhostDefaultXml: "<Options><AgeHeader>ON</AgeHeader><ViaHeader>OFF</ViaHeader></Options>",
      defaultVhost: "fallback.test",
      workers: 1,
    },
    host: "fallback.test",
    xml: "<Options><ViaHeader>ON</ViaHeader></Options>",
  },
  async ({ origin, edge }) => {
    origin.on("/a").reply(200, {}, "v1");
    await edge.get("/a", { host: "whoever.example" }).expect(200, "v1");
    await edge.get("/a").expect(200, "v1", { age: /^\d+$/, via: /./ });
    expect(tallyOutcomes(await fetchAll(edge.port, 5, { path: "/a", host: "x.example" }))).toEqual({ "200": 5 });
    expect(origin.saw("/a")).toBe(1);
  },
);
