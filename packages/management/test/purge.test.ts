import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const VERBS = ["purge", "expire", "expireafter", "hardpurge"] as const;

describe("purge functions", () => {
  it.each(VERBS)("PRG-13 PRG-17 PRG-19 PRG-20 PRG-23 runs %s and counts in the answer", async (verb) => {
    const { status, text } = await scene.ask(`/command/${verb}?url=www.example.com/a.jpg`);
    expect(status).toBe(200);
    expect(text).toBe(
      `{"version":"2.5.16","method":"${verb}","status":"OK","result":{"Count":24,"Size":3747491,"Time":12}}`,
    );
    expect(scene.control.purges).toEqual([{ verb, targets: "www.example.com/a.jpg", seconds: 86_400 }]);
  });

  it("PRG-03 answers with the status that the outcome carries", async () => {
    scene.control.purgeOutcome = { kind: "done", count: 0, bytes: 0, elapsedMs: 0.4, status: 404 };
    const { status, text } = await scene.ask("/command/purge?url=www.example.com/none");
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ status: "OK", result: { Count: 0, Size: 0, Time: 0 } });
  });

  it("REG-55 PRG-18 answers 502 when no virtual host has the name", async () => {
    scene.control.purgeOutcome = { kind: "unknownVhost" };
    const { status, text } = await scene.ask("/command/purge?url=nohost.com/a");
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({ method: "purge", status: "Fail" });
  });

  it.each(["", "?", "?url=", "?link=a/b", "?url=%2F%zz"])(
    "PRG-18 answers 400 to the malformed call %j",
    async (query) => {
      const { status, text } = await scene.ask(`/command/purge${query}`);
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ status: "Fail" });
      expect(scene.control.purges).toEqual([]);
    },
  );

  it("PRG-18 answers 400 when the target itself is malformed", async () => {
    scene.control.purgeOutcome = { kind: "malformed", reason: "The pattern has no host." };
    expect((await scene.ask("/command/purge?url=%20")).status).toBe(400);
  });

  it.each([
    ["url=a.com/x&sec=60", "a.com/x&sec=60", 86_400],
    ["sec=60&url=a.com/x?y=1&z=2", "a.com/x?y=1&z=2", 60],
    ["url=a.com/x?u=b&url=c", "a.com/x?u=b&url=c", 86_400],
    ["sec=60&url=a.com/1|/2|b.com/*.jpg", "a.com/1|/2|b.com/*.jpg", 60],
    ["url=a.com/x%20y%7Cz", "a.com/x%20y%7Cz", 86_400],
    ["url=http%3A%2F%2Fa.com%2Fx%3Fy%3D1", "http://a.com/x?y=1", 86_400],
    ["url=a.com%2Fx%2520y", "a.com/x%20y", 86_400],
    ["url=a.com/x%2Fy", "a.com/x%2Fy", 86_400],
  ])("PRG-22 PRG-07 reads %s as target %s and %i seconds", async (query, targets, seconds) => {
    await scene.ask(`/command/expireafter?${query}`);
    expect(scene.control.purges).toEqual([{ verb: "expireafter", targets, seconds }]);
  });

  it.each(["0", "-1", "1.5", "abc", "", "1e3", "99999999999999999999"])(
    "PRG-24 refuses sec=%j with 400 and changes nothing",
    async (sec) => {
      const { status, text } = await scene.ask(`/command/expireafter?sec=${sec}&url=a.com/x`);
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({ method: "expireafter", status: "Fail" });
      expect(scene.control.purges).toEqual([]);
    },
  );

  it.each(VERBS)("PRG-28 takes %s from a POST body", async (verb) => {
    const body = `${verb === "expireafter" ? "sec=7&" : ""}url=http://ston.winesoft.co.kr/sample.dat\r\n`;
    const { status } = await scene.ask(`/command/${verb}`, { method: "POST", body });
    expect(status).toBe(200);
    expect(scene.control.purges).toEqual([
      { verb, targets: "http://ston.winesoft.co.kr/sample.dat", seconds: verb === "expireafter" ? 7 : 86_400 },
    ]);
  });

  it("REG-301 PRG-28 takes bodies up to 1 MB and no more", async () => {
    const body = (bytes: number): string => `url=a.com/${"x".repeat(bytes - 10)}`;
    const limit = 1024 * 1024;
    expect((await scene.ask("/command/purge", { method: "POST", body: body(limit) })).status).toBe(200);
    expect(scene.control.purges[0]?.targets).toHaveLength(limit - 4);
    expect((await scene.ask("/command/purge", { method: "POST", body: body(limit + 1) })).status).toBe(413);
    const headers = { "transfer-encoding": "chunked" };
    const chunked = await scene.ask("/command/purge", { method: "POST", headers, body: body(2 * limit) });
    expect(chunked.status).toBe(413);
    expect(scene.control.purges).toHaveLength(1);
  });

  it("PRG-28 a megabyte of targets is no megabyte in the log", async () => {
    const body = `url=${Array.from({ length: 3_000 }, (_, index) => `www.example.com/${index}`).join("|")}`;
    expect((await scene.ask("/command/purge", { method: "POST", body })).status).toBe(200);
    expect(Math.max(...scene.logged.map((line) => line.length))).toBeLessThan(2_000);
  });
});

describe("purge methods", () => {
  const send = (method: string, target: string, more = ""): Promise<string> =>
    scene.raw(`${method} ${target} HTTP/1.1\r\nHost: ston.winesoft.co.kr\r\n${more}Connection: close\r\n\r\n`);

  it.each([
    ["PURGE", "purge"],
    ["EXPIRE", "expire"],
    ["EXPIREAFTER", "expireafter"],
    ["HARDPURGE", "hardpurge"],
  ])("PRG-26 takes %s with the Host field", async (method, verb) => {
    const reply = await send(method, "/sample.dat");
    expect(reply).toMatch(/^HTTP\/1\.1 200 /);
    expect(reply).toContain(`"method":"${verb}","status":"OK"`);
    expect(scene.control.purges).toEqual([{ verb, targets: "ston.winesoft.co.kr/sample.dat", seconds: 86_400 }]);
  });

  it("PRG-26 reads a method that arrives byte by byte", async () => {
    const request = "EXPIREAFTER /a HTTP/1.1\r\nHost: a.com\r\nX-Expire-After: 30\r\nConnection: close\r\n\r\n";
    const reply = await scene.raw([...request]);
    expect(reply).toContain('"method":"expireafter"');
    expect(scene.control.purges).toEqual([{ verb: "expireafter", targets: "a.com/a", seconds: 30 }]);
  });

  it("PRG-26 keeps a bar in the URL from separating targets", async () => {
    await send("PURGE", "/a|b.com/c");
    expect(scene.control.purges[0]?.targets).toBe("ston.winesoft.co.kr/a%7Cb.com/c");
  });

  it.each([
    ["EXPIREAFTER", "/a", "X-Expire-After: 0\r\n"],
    ["PURGE", "*", ""],
  ])("PRG-24 PRG-26 answers 400 to a malformed %s %s", async (method, target, more) => {
    expect(await send(method, target, more)).toMatch(/^HTTP\/1\.1 400 /);
    expect(scene.control.purges).toEqual([]);
  });

  it("PRG-27, A10 of spec 03: the role Admin is needed while HttpMethod is ON", async () => {
    scene.allow(["127.0.0.1", "User"]);
    expect(await send("PURGE", "/a")).toMatch(/^HTTP\/1\.1 401 /);
    expect(await send("HARDPURGE", "/a")).toMatch(/^HTTP\/1\.1 401 /);
    scene.settings = { ...scene.settings, httpMethod: false };
    expect(await send("PURGE", "/a")).toMatch(/^HTTP\/1\.1 200 /);
  });
});
