import { connect } from "node:net";
import type { Role } from "@basalt/config";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonValue } from "../src/answer.ts";
import { describeCall } from "../src/audit.ts";
import { describeApi } from "../src/openApi.ts";
import { hasFormats, type Route } from "../src/route.ts";
import { PUBLIC_ROUTES, routesOf } from "../src/routeTable.ts";
import { renderXml } from "../src/xmlAnswer.ts";
import { FakeControl, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const ROLES: readonly Role[] = ["Admin", "User", "Looker"];

/** CFG-36, written down anew: what stands in the table must agree with it. */
const mayCall = (role: Role, path: string): boolean => {
  if (role === "Admin") return true;
  if (path === "/graph" || path.startsWith("/graph/")) return true;
  return role === "User" && (path.startsWith("/monitoring/") || path === "/metrics");
};

const NETWORK_ROUTES = PUBLIC_ROUTES.filter(({ channel }) => channel === "any");
const PATHS = NETWORK_ROUTES.flatMap((route) => [route.path, ...(route.aliases ?? [])]);

describe("roles, from the route table", () => {
  it.each(ROLES)(
    "CFG-36 CFG-17 %s may call what the role allows and gets 401 for the rest, on every path",
    async (role) => {
      scene.allow(["127.0.0.1", role]);
      for (const route of NETWORK_ROUTES) {
        for (const path of [route.path, ...(route.aliases ?? [])]) {
          // A method that no function takes shows that the role was enough, and does nothing.
          const { status } = await scene.ask(path, { method: "DELETE" });
          expect([path, status]).toEqual([path, mayCall(role, path) ? 405 : 401]);
          if (mayCall(role, path)) continue;
          const method = route.methods[0] ?? "GET";
          expect([path, (await scene.ask(`${path}?key=JUSTDOIT&url=a/b`, { method })).status]).toEqual([path, 401]);
        }
      }
      const { control } = scene;
      expect([control.purges, control.restarts, control.terminated, control.asked]).toEqual([[], [], 0, []]);
    },
  );

  it("CFG-17 CFG-32 gives an address that is not listed not one byte, on every path", async () => {
    scene.allow(["10.0.0.1", "Admin"]);
    const replies = await Promise.all(
      PATHS.map((path) => scene.raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)),
    );
    expect(replies.join("")).toBe("");
  });

  it("hides what is for the Unix socket from every address", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const hidden = routesOf(new FakeControl()).filter(({ channel }) => channel === "socket");
    expect(hidden.length).toBeGreaterThan(3);
    for (const { path } of hidden) expect([path, (await scene.ask(path)).status]).toEqual([path, 404]);
  });
});

describe("the route table", () => {
  it("names every path once", () => {
    expect([...PATHS].sort()).toEqual([...new Set(PATHS)].sort());
  });

  it("CFG-23 is what /help lists, one path per line", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const listed = (await scene.ask("/help")).text.split("\n").map((line) => line.split(" ")[0]);
    expect(listed).toEqual([...NETWORK_ROUTES.map(({ path }) => path), ""]);
  });

  it.each(NETWORK_ROUTES.filter(hasFormats).map((route) => [route.path, route] as const))(
    "CFG-21 STAT-02 STAT-03 %s answers in the form that a suffix or type names",
    async (path, route: Route) => {
      scene.allow(["127.0.0.1", "Admin"]);
      const query = route.parameters?.some(({ name }) => name === "url") === true ? "&url=www.example.com/a" : "";
      const plain = await scene.ask(`${path}?${query.slice(1)}`);
      for (const asked of [`${path}.json?${query.slice(1)}`, `${path}?type=JSON${query}`]) {
        const { status, text } = await scene.ask(asked);
        expect([status, text]).toEqual([plain.status, plain.text]);
      }
      for (const asked of [`${path}.xml?${query.slice(1)}`, `${path}?type=Xml${query}`]) {
        const { status, headers, text } = await scene.ask(asked);
        expect([status, headers["content-type"]]).toEqual([plain.status, "text/xml; charset=utf-8"]);
        expect(text).toMatch(/^<\?xml version="1.0" encoding="utf-8"\?>/i);
      }
      expect((await scene.ask(`${path}?type=yaml${query}`)).status).toBe(400);
    },
  );

  it("REG-274 REG-275 STAT-01 STAT-07 has the calls of the guide below /monitoring, in both forms", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const both = ["average", "realtime"].flatMap((name) => [`${name}.xml`, `${name}.json`]);
    const names = [
      "fileinfo",
      "hwinfo",
      "cpuinfo",
      "vhostslist",
      "geoiplist",
      "ssl",
      "cacheresource",
      "origin",
      "coldfiledist",
    ];
    for (const name of [
      ...both,
      ...names.map((name) => `${name}.json`),
      "dnslist",
      "logtrace/info",
      "logtrace/origin",
    ]) {
      // A method that no function takes shows that there is one.
      const { status } = await scene.ask(`/monitoring/${name}`, { method: "DELETE" });
      expect([name, status]).toEqual([name, 405]);
    }
    for (const path of ["/dns/list", "/logtrace/info", "/logtrace/access"]) {
      expect([path, (await scene.ask(path)).status]).toEqual([path, 404]);
    }
  });

  it("REG-260 CFG-19 every answer in JSON is JSON, also of hostile calls and of what fails inside", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const hostile = encodeURIComponent('"\\\u0000\u001f</a>\u2028\ud83d\ude00 %');
    const queries = [
      "",
      "?url=www.example.com/a",
      `?url=www.example.com/${hostile}`,
      `?vhost=${hostile}&min=x&sec=${hostile}`,
    ];
    const calls = NETWORK_ROUTES.filter((route) => hasFormats(route) && route.methods.includes("GET"));
    for (const { path } of calls) {
      for (const query of queries) {
        const { text } = await scene.ask(`${path}.json${query}`);
        expect([path, query, typeof JSON.parse(text)]).toEqual([path, query, "object"]);
      }
    }
    for (const path of [`/nothing/${hostile}`, `/command/purge?url=${hostile}`, `/conf/history?id=${hostile}`]) {
      expect(typeof JSON.parse((await scene.ask(path)).text)).toBe("object");
    }
    const { fileInfo } = scene.control;
    scene.control.fileInfo = () => Promise.reject(new Error('a "detail"\n'));
    expect(JSON.parse((await scene.ask(`/monitoring/fileinfo?url=a/${hostile}`)).text)).toMatchObject({
      status: "Fail",
    });
    scene.control.fileInfo = fileInfo;
  });

  it("STAT-02 leaves a type within the URL of an object alone", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const { headers } = await scene.ask("/monitoring/fileinfo?url=www.example.com/a?b=1&type=xml");
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(scene.control.asked.at(-1)).toBe("www.example.com/a?b=1&type=xml");
  });

  it.each(["/version.json", "/conf/history.xml", "/command/restart.json"])("CFG-21 %s is no path", async (path) => {
    scene.allow(["127.0.0.1", "Admin"]);
    expect((await scene.ask(path)).status).toBe(404);
  });
});

describe("the OpenAPI document", () => {
  const at = (value: JsonValue | undefined, ...keys: readonly string[]): JsonValue | undefined =>
    keys.reduce<JsonValue | undefined>(
      (found, key) =>
        typeof found === "object" && found !== null ? (Reflect.get(found, key) as JsonValue | undefined) : undefined,
      value,
    );

  it("has every path and method of the table, with a role, parameters and answers", () => {
    const document = describeApi(NETWORK_ROUTES, "2.5.16");
    expect(at(document, "openapi")).toBe("3.1.0");
    expect(Object.keys(at(document, "paths") ?? {})).toEqual(PATHS);
    const ids = new Set<JsonValue | undefined>();
    for (const route of NETWORK_ROUTES) {
      for (const method of route.methods) {
        const operation = at(document, "paths", route.path, method.toLowerCase());
        expect(at(operation, "description")).toContain(`Role: ${route.role}.`);
        expect(Object.keys(at(operation, "responses") ?? {})).toEqual(expect.arrayContaining(["200", "401"]));
        ids.add(at(operation, "operationId"));
      }
    }
    expect(ids.size).toBe(NETWORK_ROUTES.reduce((count, { methods }) => count + methods.length, 0));
  });

  it("is served without what is for the Unix socket", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const { headers, text } = await scene.ask("/openapi.json");
    expect(headers["content-type"]).toBe("application/json");
    expect(Object.keys(JSON.parse(text).paths)).toEqual(PATHS);
    expect(Object.keys(JSON.parse((await scene.askSocket("/openapi.json")).text).paths)).toContain("/control/stop");
  });
});

describe("the audit of changes", () => {
  it.each([
    [
      "/command/cleanup?age=10",
      /^api call of (::ffff:)?127\.0\.0\.1 \(Admin\): GET \/command\/cleanup\?age=10: 200 in \d+ ms$/,
    ],
    ["/conf/reload", /GET \/conf\/reload: 200 in/],
    ["/command/mount?disk=", /GET \/command\/mount\?disk=: 400 in/],
    ["/command/restart?key=JUSTDOIT", /GET \/command\/restart\?key=JUSTDOIT: 200 in/],
  ])("AWS-92 has a line for %s", async (path, expected) => {
    scene.allow(["127.0.0.1", "Admin"]);
    scene.audited.length = 0;
    await scene.ask(path);
    expect(scene.audited).toEqual([expect.stringMatching(expected)]);
  });

  it.each(["/version", "/conf/history", "/command/restart", "/monitoring/origin", "/command/explain?url=a%2Fb"])(
    "AWS-92 has none for %s, which changes nothing",
    async (path) => {
      scene.allow(["127.0.0.1", "Admin"]);
      scene.audited.length = 0;
      await scene.ask(path);
      expect(scene.audited).toEqual([]);
    },
  );

  it("AWS-92 has one for the purge methods, for what the command line does, and for what failed inside", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    scene.audited.length = 0;
    await scene.ask("/a?x=1", { method: "PURGE", headers: { Host: "www.example.com" } });
    await scene.askSocket("/control/scale?workers=2");
    const { reload } = scene.control;
    scene.control.reload = () => Promise.reject(new Error("inside"));
    await scene.ask("/conf/reload");
    scene.control.reload = reload;
    expect(scene.audited).toEqual([
      expect.stringMatching(/\(Admin\): PURGE \/a\?x=1: 200/),
      expect.stringMatching(/^api call of socket \(Admin\): GET \/control\/scale\?workers=2: 200/),
      expect.stringMatching(/\/conf\/reload: 500/),
    ]);
  });

  it("AWS-92 LOG-179 masks secrets, wherever they stand", () => {
    const call = {
      caller: { address: "10.0.0.1", role: "Admin" },
      method: "POST",
      path: "/x",
      httpStatus: 200,
      elapsedMs: 1,
    };
    const text = describeCall({
      ...call,
      caller: { address: "10.0.0.1", role: "Admin" },
      query: "plain=qwerty&a=1&%70lain=qwerty&mine=qwerty",
      body: "password=qwerty&Token=qwerty",
      uploadBytes: undefined,
      route: { ...(PUBLIC_ROUTES[0] as Route), parameters: [{ name: "mine", doc: "", isSecret: true }] },
    });
    expect(text).not.toContain("qwerty");
    expect(text).toContain("a=1");
  });
});

describe("encryption of passwords", () => {
  it.each([
    ["plain=qwerty", 200, "PHF3ZXJ0eT4="],
    ["plain=a%26b%20c+d", 200, Buffer.from("<a&b c+d>").toString("base64")],
    ["plain=", 400, undefined],
    ["", 400, undefined],
    [`plain=${"x".repeat(2_000)}`, 400, undefined],
  ])("LOG-179 HTTP-73 /command/encryptpassword?%s → %i", async (query, expected, result) => {
    scene.allow(["127.0.0.1", "Admin"]);
    const { status, text } = await scene.ask(`/command/encryptpassword?${query}`);
    expect(status).toBe(expected);
    if (result !== undefined) expect(JSON.parse(text)).toMatchObject({ method: "encryptpassword", result });
    expect([...scene.logged, ...scene.audited].join()).not.toContain("qwerty");
  });

  it("LOG-192 is for Admin alone", async () => {
    scene.allow(["127.0.0.1", "User"]);
    expect((await scene.ask("/command/encryptpassword?plain=qwerty")).status).toBe(401);
  });
});

describe("JSON as XML", () => {
  it.each<readonly [string, JsonValue, readonly string[]]>([
    ["values", { a: 1, b: "x", c: true, d: null, e: "" }, ["<a>1</a>", "<b>x</b>", "<c>true</c>", "<d/>", "<e/>"]],
    ["lists", { a: ["x", "y"] }, ["<a>", "<item>x</item>", "<item>y</item>", "</a>"]],
    ["empty things", { a: [], b: {} }, ["<a/>", "<b/>"]],
    [
      "names that XML does not have",
      { "1.1.1.1": 0, "a b": 1 },
      ['<item name="1.1.1.1">0</item>', '<item name="a b">1</item>'],
    ],
    ["hostile text", { a: '</a><b c="d">&\u0000' }, ["<a>&lt;/a&gt;&lt;b c=&quot;d&quot;&gt;&amp;\ufffd</a>"]],
    ["hostile names", { '"><x y="': 1 }, ['<item name="&quot;&gt;&lt;x y=&quot;">1</item>']],
    ["half a character", { a: "\ud800" }, ["<a>\ufffd</a>"]],
  ])("CFG-21 writes %s", (_, value, expected) => {
    const lines = renderXml("R", value)
      .trimEnd()
      .split("\n")
      .map((line) => line.trim());
    expect(lines).toEqual(['<?xml version="1.0" encoding="utf-8"?>', "<R>", ...expected, "</R>"]);
  });
});

describe("hostile requests", () => {
  it.each([
    ["a path upwards", "GET /conf/../../etc/passwd HTTP/1.1\r\nHost: a\r\n"],
    ["a path of bytes", "GET /conf/\u00ff\u00fe HTTP/1.1\r\nHost: a\r\n"],
    ["a long path", `GET /${"a".repeat(60_000)} HTTP/1.1\r\nHost: a\r\n`],
    ["a thousand parameters", `GET /command/explain?${"a=b&".repeat(10_000)} HTTP/1.1\r\nHost: a\r\n`],
    ["a lone percent sign", "GET /conf/ttl.txt?vhost=%&%zz=%1 HTTP/1.1\r\nHost: a\r\n"],
    ["a method in small letters", "get /version HTTP/1.1\r\nHost: a\r\n"],
    ["TRACE", "TRACE /version HTTP/1.1\r\nHost: a\r\n"],
    ["an upgrade", "GET /version HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"],
    ["Expect", "POST /conf/upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n"],
    ["a chunk without a size", "POST /conf/upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ])("CFG-17 RN 2.1.8: %s does no harm", async (_, head) => {
    scene.allow(["127.0.0.1", "Admin"]);
    scene.logged.length = 0;
    const reply = await scene.raw(`${head}Connection: close\r\n\r\n`);
    expect(reply).toMatch(/^(?:HTTP\/1\.1 [1245]\d\d |$)/);
    expect((await scene.ask("/version")).status).toBe(200);
    expect(scene.logged.filter((line) => line.startsWith("ERROR"))).toEqual([]);
  });

  it("CFG-17 answers pipelined requests in order", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const get = (path: string, close = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${close}\r\n`;
    const reply = await scene.raw(get("/version") + get("/nothing") + get("/version", "Connection: close\r\n"));
    expect(reply.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
  });

  it("CFG-17 is not held up by callers that send nothing or byte after byte", async () => {
    scene.allow(["127.0.0.1", "Admin"]);
    const slow = Array.from({ length: 100 }, () => connect({ host: "127.0.0.1", port: scene.port }));
    for (const socket of slow) {
      socket.on("error", () => undefined);
      socket.write("G");
    }
    expect((await scene.ask("/version")).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});
