import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const asked = async (path: string, body?: string) => {
  const reply = await scene.ask(path, body === undefined ? {} : { method: "POST", body });
  return { status: reply.status, envelope: JSON.parse(reply.text) };
};

describe("/command/cleanup", () => {
  it.each([
    ["", "cleanup undefined"],
    ["?age=0", "cleanup 0"],
    ["?age=10", "cleanup 10"],
  ])("CFG-52 runs at once: cleanup%s", async (query, expected) => {
    const { status, envelope } = await asked(`/command/cleanup${query}`);
    expect(status).toBe(200);
    expect(envelope).toMatchObject({
      method: "cleanup",
      status: "OK",
      result: { Count: 7, Size: 7_000, Segments: 2, Folders: 1, Time: 12 },
    });
    expect(scene.control.asked).toEqual([expected]);
    expect(scene.logged).toEqual(["NOTICE cleanup: 7 objects, 7000 bytes, 2 segments, 1 folders removed."]);
  });

  it("CFG-52 takes the age from the body of a POST too", async () => {
    expect((await asked("/command/cleanup", "age=3\r\n")).status).toBe(200);
    expect(scene.control.asked).toEqual(["cleanup 3"]);
  });

  it.each(["", "-1", "1.5", "ten", "1e3", "0x10", "1000001", "9".repeat(400), "%00", "10%20"])(
    "CFG-52 refuses age=%s and cleans nothing",
    async (age) => {
      const { status, envelope } = await asked(`/command/cleanup?age=${age}`);
      expect(status).toBe(400);
      expect(envelope).toMatchObject({ method: "cleanup", status: "Fail" });
      expect(scene.control.asked).toEqual([]);
    },
  );
});

describe("disks", () => {
  it.each([
    ["OPT-75", "/command/unmount?disk=/cache1", "unmount /cache1", "unmount"],
    ["OPT-75", "/command/umount?disk=/cache1/", "unmount /cache1/", "unmount"],
    ["OPT-76", "/command/mount?disk=/cache1", "mount /cache1", "mount"],
    ["OPT-76", "/command/mount?disk=%2Fmy%20disk", "mount /my disk", "mount"],
    ["OPT-76", "/command/mount?disk=/c++/1", "mount /c++/1", "mount"],
  ])("%s hands on %s", async (_, path, expected, method) => {
    const { status, envelope } = await asked(path);
    expect(status).toBe(200);
    expect(envelope).toMatchObject({ method, status: "OK", result: expected.slice(method.length + 1) });
    expect(scene.control.asked).toEqual([expected]);
    expect(scene.logged).toEqual([`NOTICE ${expected.replace(" ", " of ")} by the management API.`]);
  });

  it.each(["mount", "unmount", "umount"])(
    "OPT-78 answers 400 to a path that is not configured: %s",
    async (command) => {
      scene.control.diskOutcome = { kind: "unknownDisk" };
      const { status, envelope } = await asked(`/command/${command}?disk=/elsewhere%0A`);
      expect(status).toBe(400);
      expect(envelope).toMatchObject({ status: "Fail", result: "No disk is configured with this path." });
      expect(scene.logged).toEqual([]);
    },
  );

  it.each(["mount", "unmount", "mount?disk=", "unmount?disc=/cache1"])(
    "OPT-78 answers 400 without a path and asks nobody: %s",
    async (call) => {
      expect((await asked(`/command/${call}`)).status).toBe(400);
      expect(scene.control.asked).toEqual([]);
    },
  );

  it("OPT-76 says why a disk cannot be used", async () => {
    scene.control.diskOutcome = { kind: "failed", reason: "/cache1 is not a folder" };
    const { status, envelope } = await asked("/command/mount?disk=/cache1");
    expect(status).toBe(500);
    expect(envelope).toMatchObject({ status: "Fail", result: "/cache1 is not a folder" });
    expect(scene.logged).toEqual(["ERROR mount of /cache1 failed: /cache1 is not a folder"]);
  });
});

describe("clearing the cache", () => {
  it.each(["", "?key=justdoit", "?key="])("CFG-27 asks for confirmation of cacheclear%s", async (query) => {
    const { status, headers, text } = await scene.ask(`/command/cacheclear${query}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(text).toContain('href="/command/cacheclear?key=JUSTDOIT"');
    expect(scene.control.asked).toEqual([]);
  });

  it("CFG-27 answers when everything is gone", async () => {
    let finish: (() => void) | undefined;
    const begun = new Promise<void>((hasBegun) => {
      scene.control.clearCache = () =>
        new Promise((resolve) => {
          finish = resolve;
          hasBegun();
        });
    });
    let isAnswered = false;
    const answer = asked("/command/cacheclear?key=JUSTDOIT").finally(() => {
      isAnswered = true;
    });
    await begun;
    expect((await scene.ask("/version")).status).toBe(200);
    expect(isAnswered).toBe(false);
    finish?.();
    expect((await answer).envelope).toMatchObject({ method: "cacheclear", status: "OK", result: "cleared" });
  });

  it.each([
    ["/reset", 200, ["clearCache"]],
    ["/reset/site1.com", 200, ["clearVhost site1.com"]],
    ["/reset/site1%2Ecom", 200, ["clearVhost site1.com"]],
    ["/reset/unknown.example", 400, []],
    ["/reset/", 400, []],
    ["/reset/%ff", 400, []],
    ["/reset/..%2f..", 400, []],
    ["/resetting", 404, []],
  ])("CFG-28 clears by the command line: %s", async (path, expected, clearings) => {
    const { status, text } = await scene.askSocket(path);
    expect(status).toBe(expected);
    expect(JSON.parse(text).status).toBe(expected === 200 ? "OK" : "Fail");
    expect(scene.control.asked).toEqual(clearings);
  });

  it("CFG-28 is a function of the shell, unknown to the network", async () => {
    expect((await scene.ask("/reset")).status).toBe(404);
    expect((await scene.ask("/reset/site1.com")).status).toBe(404);
    expect(scene.control.asked).toEqual([]);
  });
});

describe("access", () => {
  const CALLS = ["cleanup", "mount?disk=/a", "unmount?disk=/a", "umount?disk=/a", "cacheclear?key=JUSTDOIT"];

  it.each(["User", "Looker"] as const)("CFG-36 keeps the functions of the store from %s", async (role) => {
    scene.allow(["127.0.0.1", role]);
    for (const call of CALLS) expect((await scene.ask(`/command/${call}`)).status).toBe(401);
    expect(scene.control.asked).toEqual([]);
  });

  it("CFG-23 lists them in the help", async () => {
    const { text } = await scene.ask("/help");
    for (const call of ["cleanup", "mount", "unmount", "cacheclear"]) expect(text).toContain(`/command/${call} `);
    expect(text).not.toContain("/reset ");
    expect((await scene.askSocket("/help")).text).toContain("/reset ");
  });
});
