import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const ENTRY = {
  id: "6",
  "conf-date": "2013-11-07",
  "conf-time": "07:02:21",
  type: "modified",
  size: "27544",
  hash: "F81D215D8C52266AB70AA5C8D62CA26F16FE7C66",
  ver: "1.2.8",
};

describe("the history", () => {
  it("CFG-75 CFG-19 lists entries ascending, every value a string, without the envelope", async () => {
    const { status, text } = await scene.ask("/conf/history");
    const { history, ...rest } = JSON.parse(text);
    expect([status, rest]).toEqual([200, {}]);
    expect(history.map(({ id }: { id: string }) => id)).toEqual(["5", "6"]);
    expect(JSON.stringify(history[1])).toBe(JSON.stringify(ENTRY));
  });

  it.each(["/conf/latest", "/conf/lastest"])("CFG-74 OPEN 17 shows the last entry alone at %s", async (path) => {
    expect(JSON.parse((await scene.ask(path)).text)).toEqual({ history: [ENTRY] });
  });

  it.each([
    [`hash=${ENTRY.hash}&id=999`, { hash: ENTRY.hash, id: 999 }],
    ["id=6", { hash: undefined, id: 6 }],
  ])("CFG-77 sends an archive for %s", async (query, key) => {
    const { status, headers } = await scene.ask(`/conf/download?${query}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/x-compressed");
    expect(headers["content-length"]).toBe("4");
    expect(headers["content-disposition"]).toBe('attachment; filename="a.tgz"');
    expect(scene.control.configuration.keys).toEqual([key]);
  });

  it.each(["id=999999", "id=", "id=-1", "id=..%2f..%2fetc", "hash=0000", ""])(
    "CFG-77 A5 of spec 01 answers 404 to a download of %j",
    async (query) => {
      expect((await scene.ask(`/conf/download?${query}`)).status).toBe(404);
    },
  );

  it("CFG-76 puts a configuration in service again", async () => {
    const { status, text } = await scene.ask(`/conf/restore?hash=${ENTRY.hash}&id=5`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ method: "restore", status: "OK" });
    expect(scene.control.configuration.keys).toEqual([{ hash: ENTRY.hash, id: 5 }]);
  });

  it("CFG-76 answers 500 where there is no such configuration, or it cannot be put in service", async () => {
    const { configuration } = scene.control;
    expect((await scene.ask("/conf/restore")).status).toBe(500);
    configuration.restoreOutcome = { kind: "unknown" };
    expect((await scene.ask("/conf/restore?id=999999")).status).toBe(500);
    configuration.restoreOutcome = { kind: "failed", notes: ["The disk is full."], problems: [] };
    const { status, text } = await scene.ask("/conf/restore?id=6");
    expect([status, JSON.parse(text).result]).toEqual([500, ["The disk is full."]]);
  });
});

describe("files in service", () => {
  it("CFG-73 shows the XML files and the condition files of a host", async () => {
    scene.control.configuration.files.set("svc/site1.com/ttl.txt", "*.jpg, 10\n");
    const server = await scene.ask("/conf/server.xml");
    expect([server.status, server.headers["content-type"], server.text]).toEqual([
      200,
      "text/xml; charset=utf-8",
      "<Server/>",
    ]);
    const ttl = await scene.ask("/conf/ttl.txt?vhost=site1.com");
    expect([ttl.status, ttl.text]).toEqual([200, "*.jpg, 10\n"]);
    expect((await scene.ask("/conf/acl.txt?vhost=site1.com")).text).toBe("");
  });

  it.each(["querystring", "bypass", "ttl", "expires", "acl", "headers", "throttling", "postbody", "compression"])(
    "CFG-73 knows %s.txt and needs a virtual host for it",
    async (name) => {
      expect((await scene.ask(`/conf/${name}.txt?vhost=site1.com`)).status).toBe(200);
      expect((await scene.ask(`/conf/${name}.txt`)).status).toBe(400);
      expect((await scene.ask(`/conf/${name}.txt?vhost=unknown.com`)).status).toBe(404);
    },
  );

  it.each([
    "/conf/passwd",
    "/conf/../password.key",
    "/conf/..%2fpassword.key",
    "/conf/svc/site1.com/ttl.txt",
    "/conf/ttl.txt%00?vhost=site1.com",
    "/conf/ttl.txt?vhost=..",
    "/conf/ttl.txt?vhost=..%2f..%2fetc",
    "/conf/ttl.txt?vhost=%2e%2e/%2e%2e",
  ])("CFG-73 gives nothing for %s", async (path) => {
    scene.control.configuration.files.set("svc/../ttl.txt", "secret").set("password.key", "secret");
    const { status, text } = await scene.ask(path);
    expect(status).toBe(404);
    expect(text).not.toContain("secret");
  });
});

const BOUNDARY = "----boundary7";

const form = (field: string, content: Buffer | string): Buffer =>
  Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n`),
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${field}"; filename="c.tgz"\r\n`),
    Buffer.from("Content-Type: application/octet-stream\r\n\r\n"),
    Buffer.from(content),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);

const MULTIPART = { "Content-Type": `multipart/form-data; boundary=${BOUNDARY}` };

const post = (path: string, body: Buffer | string, headers: Record<string, string> = MULTIPART) =>
  scene.ask(path, { method: "POST", headers, body });

describe("uploads", () => {
  it("CFG-80 CFG-78 CFG-79 takes a form's file byte by byte and answers E0000", async () => {
    const archive = gzipSync(Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251)));
    const { status, text } = await post("/conf/upload", form("confile", archive));
    expect([status, text]).toEqual([
      200,
      '{"version":"2.5.16","method":"uploadconfig","status":"OK","result":"E0000"}',
    ]);
    expect(scene.control.configuration.uploads).toEqual([["archive", archive]]);
  });

  it("CFG-38 takes the field that is configured, and that alone", async () => {
    scene.settings = { ...scene.settings, uploadMultipartName: "other" };
    expect((await post("/conf/upload", form("other", "x"))).status).toBe(200);
    expect((await post("/conf/upload", form("confile", "x"))).status).toBe(500);
    expect(scene.control.configuration.uploads).toHaveLength(1);
  });

  it.each([
    ["another field", form("other", "x"), MULTIPART],
    ["an empty file", form("confile", ""), MULTIPART],
    ["no body", "", MULTIPART],
    ["a form that breaks off", form("confile", "x").subarray(0, 90), MULTIPART],
    ["another boundary", form("confile", "x"), { "Content-Type": "multipart/form-data; boundary=x" }],
    ["no boundary", form("confile", "x"), { "Content-Type": "multipart/form-data" }],
    ["a plain form", "confile=x", { "Content-Type": "application/x-www-form-urlencoded" }],
    ["an empty body", "", { "Content-Type": "text/xml" }],
  ])("CFG-79 A7 of spec 01 answers E0001 to %s", async (_, body, headers) => {
    const { status, text } = await post("/conf/upload", body, headers);
    expect([status, JSON.parse(text).result]).toEqual([500, "E0001"]);
    expect(scene.control.configuration.uploads).toEqual([]);
  });

  it.each([
    ["/conf/upload/server.xml", "text/xml", "server.xml"],
    ["/conf/upload/vhosts.xml", "application/soap+xml; charset=utf-8", "vhosts.xml"],
    ["/conf/upload", "application/x-compressed", "archive"],
  ])("CFG-81 OPEN 16 takes the body of a POST to %s as %s", async (path, type, kind) => {
    expect((await post(path, "<Server/>", { "Content-Type": type })).status).toBe(200);
    expect(scene.control.configuration.uploads).toEqual([[kind, Buffer.from("<Server/>")]]);
  });

  it.each(["E0002", "E0003", "E0004"] as const)("CFG-78 CFG-79 answers 500 with %s and says why", async (code) => {
    const problem = {
      severity: "error",
      file: "server.xml",
      line: 2,
      column: 1,
      element: "",
      message: "Bad.",
    } as const;
    scene.control.configuration.uploadOutcome = { code, notes: ["A note."], problems: [problem] };
    const { status, text } = await post("/conf/upload/server.xml", form("confile", "<Server"));
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ method: "uploadconfig", status: "Fail", result: code });
    expect(JSON.parse(text).details).toEqual(["A note.", expect.stringContaining("server.xml:2:1")]);
  });

  it("CFG-80 takes an upload by POST only, and none above its limit", async () => {
    expect((await scene.ask("/conf/upload")).status).toBe(405);
    const reply = await scene.raw(
      "POST /conf/upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: 99999999\r\n\r\n",
    );
    expect(reply).toMatch(/^HTTP\/1\.1 413 /);
    expect(scene.control.configuration.uploads).toEqual([]);
  });
});
