import { existsSync } from "node:fs";
import { createInfoLog } from "@basalt/telemetry";
import { systemClock } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createManagementServer } from "../src/index.ts";
import { FakeControl, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const PROBLEM = {
  severity: "error",
  file: "server.xml",
  line: 3,
  column: 7,
  element: "Server/Host/Nmae",
  message: "Unknown element.",
} as const;

describe("answers", () => {
  it("CFG-16 takes parameters from the query string over plain HTTP", async () => {
    const { status, text } = await scene.ask("/monitoring/fileinfo?url=www.example.com/a");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ method: "fileinfo" });
  });

  it("CFG-19 CFG-22 wraps the version in the envelope", async () => {
    const { text } = await scene.ask("/version");
    expect(text).toBe('{"version":"2.5.16","method":"version","status":"OK","result":"2.5.16"}');
  });

  it.each([
    [undefined, "text/plain; charset=utf-8"],
    ["*/*", "text/plain; charset=utf-8"],
    ["application/jsonp", "text/plain; charset=utf-8"],
    ["application/json;q=0", "text/plain; charset=utf-8"],
    ["application/json", "application/json"],
    ["text/html, application/json;q=0.9", "application/json"],
  ])("REG-277 CFG-20 gives JSON to Accept %s as %s", async (accept, expected) => {
    const { headers } = await scene.ask("/version", accept === undefined ? {} : { headers: { accept } });
    expect(headers["content-type"]).toBe(expected);
  });

  it.each(["/monitoring/vhostslist", "/monitoring/vhostslist.json"])(
    "CFG-21 CFG-61 STAT-92 lists the virtual hosts in load order at %s",
    async (path) => {
      expect(JSON.parse((await scene.ask(path)).text)).toEqual({
        version: "2.5.16",
        method: "vhostslist",
        status: "OK",
        result: ["www.example.com", "www.foobar.com", "site1.com"],
      });
    },
  );

  it("CFG-23 lists one path per line, control functions only to the Unix socket", async () => {
    const { headers, text } = await scene.ask("/help");
    const paths = text.split("\n").map((line) => line.split(" ")[0]);
    expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(paths).toContain("/command/purge");
    expect(paths).not.toContain("/control/stop");
    expect((await scene.askSocket("/help")).text).toContain("\n/control/stop ");
  });

  it("shows the metrics as they are", async () => {
    const { headers, text } = await scene.ask("/metrics");
    expect(headers["content-type"]).toMatch(/version=0\.0\.4/);
    expect(text).toBe("basalt_build_info 1\n");
  });

  it.each([
    ["/nothing", 404],
    ["/version/", 404],
    ["/control/status", 404],
    ["/monitoring/fileinfo", 400],
    ["/monitoring/fileinfo?url=", 400],
  ])("answers %s with %i and a failed envelope", async (path, expected) => {
    const { status, text } = await scene.ask(path);
    expect(status).toBe(expected);
    expect(JSON.parse(text)).toMatchObject({ version: "2.5.16", status: "Fail" });
  });

  it("refuses methods that a function does not take, and names those it does", async () => {
    const reply = await scene.ask("/version", { method: "DELETE" });
    expect(reply.status).toBe(405);
    expect(reply.headers.allow).toBe("GET, HEAD");
    expect((await scene.ask("/command/purge?url=a/b", { method: "HEAD" })).status).toBe(405);
    expect(scene.control.purges).toEqual([]);
  });

  it("answers HEAD without a body", async () => {
    const { status, headers, text } = await scene.ask("/version", { method: "HEAD" });
    expect([status, text]).toEqual([200, ""]);
    expect(Number(headers["content-length"])).toBeGreaterThan(0);
  });

  it("hides what went wrong inside from the caller and logs it", async () => {
    scene.control.fileInfo = () => Promise.reject(new Error("the secret detail"));
    const { status, text } = await scene.ask("/monitoring/fileinfo?url=a/b");
    expect(status).toBe(500);
    expect(text).not.toContain("secret");
    expect(scene.logged.join()).toContain("the secret detail");
  });
});

describe("file information", () => {
  it.each([
    ["www.example.com/sample.dat", "www.example.com/sample.dat"],
    ["http://www.example.com/a?b=1&c=[x]", "http://www.example.com/a?b=1&c=[x]"],
    ["https%3A%2F%2Fwww.example.com%2Fa%3Fb", "https://www.example.com/a?b"],
    ["www.example.com/a?b=%25%22%3C%3E%26+%23%7C", "www.example.com/a?b=%25%22%3C%3E%26+%23%7C"],
    [
      "www.example.com/a?b=c&type=xml&vhost=other&c=%E6%B0%B4",
      "www.example.com/a?b=c&type=xml&vhost=other&c=%E6%B0%B4",
    ],
    [
      "http%3A%2F%2Fwww.example.com%2Fa%3Fb%3D%2525%2522%2B%26c%3D%253C%20",
      "http://www.example.com/a?b=%25%22+&c=%3C ",
    ],
  ])("REG-267 STAT-93 CFG-29 hands on url=%s as %s", async (sent, expected) => {
    const { text } = await scene.ask(`/monitoring/fileinfo.json?url=${sent}`);
    expect(scene.control.asked).toEqual([expected]);
    expect(JSON.parse(text)).toMatchObject({ status: "OK", result: [{ URI: "/sample.dat", Size: 1000 }] });
  });

  it("REG-272 STAT-94 STAT-A9 says NOT_CACHED with 200 when nothing is stored", async () => {
    scene.control.files = [];
    const { status, text } = await scene.ask("/monitoring/fileinfo?url=www.example.com/none");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ status: "NOT_CACHED", result: [] });
  });
});

describe("reload", () => {
  it.each(["/conf/reload", "/conf/reloadall", "/conf/reloadserver", "/conf/reloadvhosts"])(
    "REG-151 CFG-31 puts the configuration in service at %s",
    async (path) => {
      const { status, text } = await scene.ask(path);
      expect(status).toBe(200);
      expect(JSON.parse(text)).toMatchObject({
        method: "reload",
        status: "OK",
        result: { Generation: 2, Changes: 1, NeedRestart: [], Warnings: [] },
      });
    },
  );

  it("CFG-31 answers 500 with file, line and element when the configuration is refused", async () => {
    scene.control.reloadOutcome = { kind: "refused", problems: [PROBLEM] };
    const { status, text } = await scene.ask("/conf/reload");
    expect(status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      status: "Fail",
      result: { Problems: [{ line: 3, text: "server.xml:3:7: error: <Server/Host/Nmae> Unknown element." }] },
    });
  });

  it("REG-150 CFG-31 follows a changed manager port without dropping the connections of the old one", async () => {
    const oldPort = scene.port;
    const probe = await openScene();
    const freePort = probe.port;
    await probe.close();
    let finishFileInfo: (() => void) | undefined;
    const asked = new Promise<void>((isAsked) => {
      scene.control.fileInfo = () =>
        new Promise((resolve) => {
          finishFileInfo = () => resolve([]);
          isAsked();
        });
    });
    const underWay = scene.ask("/monitoring/fileinfo?url=a/b");
    await asked;
    scene.settings = { ...scene.settings, port: freePort };
    await scene.server.applySettings();
    expect(scene.port).toBe(freePort);
    expect(freePort).not.toBe(oldPort);
    finishFileInfo?.();
    expect((await underWay).status).toBe(200);
    expect((await scene.ask("/version")).status).toBe(200);
  });

  it("does not start, and leaves nothing open, when its port is taken", async () => {
    const path = `${scene.socketPath}.second`;
    const second = createManagementServer({
      control: scene.control,
      settings: () => ({ ...scene.settings, port: scene.port }),
      productVersion: "2.5.16",
      log: createInfoLog("/dev/null", systemClock),
      socketPath: path,
      address: "127.0.0.1",
    });
    await expect(second.start()).rejects.toThrow(/EADDRINUSE/);
    expect(existsSync(path)).toBe(false);
  });

  it("keeps the port it has when the new one is taken", async () => {
    const other = await openScene();
    const { port } = scene;
    scene.settings = { ...scene.settings, port: other.port };
    await expect(scene.server.applySettings()).rejects.toThrow(/EADDRINUSE/);
    expect(scene.port).toBe(port);
    expect((await scene.ask("/version")).status).toBe(200);
    await other.close();
  });
});

describe("restart and stop", () => {
  it("AWS-28 says whether clients may be sent here", async () => {
    const ready = async () => {
      const { status, text } = await scene.ask("/monitoring/ready");
      return [status, text];
    };
    expect(await ready()).toEqual([200, "ready\n"]);
    scene.control.isReady = false;
    expect(await ready()).toEqual([503, "leaving\n"]);
  });

  it.each([
    ["drain=60", "terminate leave=0 drain=60"],
    ["leave=20&drain=0", "terminate leave=20 drain=0"],
    ["leave=20", "terminate leave=20 drain=undefined"],
  ])("AWS-28 stops by plan: %s", async (plan, asked) => {
    expect((await scene.ask(`/command/terminate?${plan}`)).text).toContain(
      `${plan.replace("&", "&amp;").split("&")[0]}`,
    );
    expect((await scene.ask(`/command/terminate?key=JUSTDOIT&${plan}`)).status).toBe(200);
    await expect.poll(() => scene.control.asked).toEqual([asked]);
  });

  it.each(["drain=-1", "drain=3601", "leave=soon", "drain="])("AWS-28 refuses %s", async (plan) => {
    expect((await scene.ask(`/command/terminate?key=JUSTDOIT&${plan}`)).status).toBe(400);
    expect(scene.control.terminated).toBe(0);
  });

  it.each(["restart", "terminate"])("CFG-25 CFG-26 asks for confirmation of %s without the key", async (command) => {
    const { status, headers, text } = await scene.ask(`/command/${command}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(text).toContain(`href="/command/${command}?key=JUSTDOIT"`);
    expect((await scene.ask(`/command/${command}?key=justdoit`)).headers["content-type"]).toMatch(/html/);
    expect([scene.control.restarts, scene.control.terminated]).toEqual([[], 0]);
  });

  it.each([
    ["/command/restart?key=JUSTDOIT", "rolling"],
    ["/command/restart?full=1&key=JUSTDOIT", "full"],
  ])("CFG-25 runs %s at once as a %s restart", async (path, how) => {
    expect(JSON.parse((await scene.ask(path)).text)).toMatchObject({ method: "restart", status: "OK" });
    await expect.poll(() => scene.control.restarts).toEqual([how]);
  });

  it("CFG-26 stops after the answer has been sent", async () => {
    const { status } = await scene.ask("/command/terminate?key=JUSTDOIT");
    expect(status).toBe(200);
    await expect.poll(() => scene.control.terminated).toBe(1);
  });
});

describe("the Unix socket", () => {
  it("CFG-18 offers every function to the command line", async () => {
    expect((await scene.askSocket("/version")).status).toBe(200);
    expect((await scene.askSocket("/monitoring/vhostslist")).status).toBe(200);
  });

  it("reports the status of all processes", async () => {
    const { result } = JSON.parse((await scene.askSocket("/control/status")).text);
    expect(result).toMatchObject({ pid: 4710, workers: [{ slot: 0, state: "serving" }], transform: { pid: 4712 } });
  });

  it("OPT-68 OPT-77 reports the state of the server and of each disk", async () => {
    const { result } = JSON.parse((await scene.askSocket("/control/status")).text);
    expect(result).toMatchObject({
      state: "Healthy",
      disks: [{ path: "/cache1", state: "Normal", usedBytes: 900, quotaBytes: null, availableBytes: 1_000_000 }],
    });
  });

  it.each([
    ["/control/scale?workers=4", 200],
    ["/control/scale?workers=0", 400],
    ["/control/scale?workers=99999", 400],
    ["/control/scale", 400],
    ["/control/restart?how=rolling", 200],
    ["/control/restart?how=sideways", 400],
    ["/control/stop", 200],
    ["/control/clock?advance=1000", 404],
  ])("answers %s with %i", async (path, expected) => {
    expect((await scene.askSocket(path)).status).toBe(expected);
  });

  it("moves the clock only where the control can", async () => {
    const moved: number[] = [];
    class TestModeControl extends FakeControl {
      advanceClock(milliseconds: number): Promise<void> {
        moved.push(milliseconds);
        return Promise.resolve();
      }
    }
    const testScene = await openScene(new TestModeControl());
    expect((await testScene.askSocket("/control/clock?advance=60000")).status).toBe(200);
    expect((await testScene.askSocket("/control/clock?advance=-1")).status).toBe(400);
    await testScene.close();
    expect(moved).toEqual([60_000]);
  });
});
