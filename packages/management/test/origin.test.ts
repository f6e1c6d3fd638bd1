import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ORIGINS, openScene, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

const NO_SUCH_HOST = { status: "Fail", result: "No virtual host has this name." };

describe("/monitoring/origin", () => {
  it.each(["/monitoring/origin", "/monitoring/origin.json", "/monitoring/origin?vhost="])(
    "ORG-26 %s shows all hosts without an envelope, byte by byte as the guide prints it",
    async (path) => {
      const { status, headers, text } = await scene.ask(path);
      expect(status).toBe(200);
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(text).toBe(JSON.stringify(ORIGINS));
    },
  );

  it("ORG-26 CFG-20 names JSON as its type when the caller asks for it", async () => {
    const { headers } = await scene.ask("/monitoring/origin", { headers: { accept: "application/json" } });
    expect(headers["content-type"]).toBe("application/json");
  });

  it("ORG-26 shows one host", async () => {
    const { text } = await scene.ask("/monitoring/origin?vhost=foobar.com");
    expect(JSON.parse(text)).toEqual({ origin: [ORIGINS.origin[1]] });
    expect(scene.control.asked).toEqual(["origin foobar.com"]);
  });

  it.each(["nobody.com", "%00", "FOOBAR.COM", "a".repeat(5_000)])(
    "ORG-26 answers 404 and Fail for the unknown host %s (OPEN 7)",
    async (vhost) => {
      const { status, text } = await scene.ask(`/monitoring/origin?vhost=${vhost}`);
      expect(status).toBe(404);
      expect(JSON.parse(text)).toMatchObject({ method: "origin", ...NO_SUCH_HOST });
    },
  );
});

describe("/command/resetorigin", () => {
  it.each([
    ["/command/resetorigin", "resetOrigin undefined", "all virtual hosts"],
    ["/command/resetorigin?vhost=site1.com", "resetOrigin site1.com", "site1.com"],
  ])("ORG-27 %s resets and is logged", async (path, expected, who) => {
    const { status, text } = await scene.ask(path);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ method: "resetorigin", status: "OK" });
    expect(scene.control.asked).toEqual([expected]);
    expect(scene.logged).toEqual([`NOTICE The origin servers of ${who} were reset by the management API.`]);
  });

  it("ORG-27 answers 404 and Fail for an unknown host (OPEN 7)", async () => {
    const { status, text } = await scene.ask("/command/resetorigin?vhost=nobody.com");
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({ method: "resetorigin", ...NO_SUCH_HOST });
    expect(scene.logged).toEqual([]);
  });

  it("ORG-27 needs the role Admin", async () => {
    scene.allow(["127.0.0.1", "User"]);
    expect((await scene.ask("/command/resetorigin")).status).toBe(401);
    expect(scene.control.asked).toEqual([]);
    expect((await scene.ask("/monitoring/origin")).status).toBe(200);
  });
});

describe("/monitoring/dnslist", () => {
  it("ORG-57 OPEN-S13 lists what domains resolve to", async () => {
    const { status, text } = await scene.ask("/monitoring/dnslist");
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      method: "dnslist",
      status: "OK",
      result: [{ vhost: "foobar.com", domain: "origin.foobar.com", ttl: 21, ip: ["5.5.5.5", "5.5.5.6"] }],
    });
  });
});

describe("AWS-31 /command/origins", () => {
  const FILE = '<Vhosts><Vhost Name="a.test"><Origin><Address>1.1.1.1</Address></Origin></Vhost></Vhosts>';
  const ask = async (query: string) => {
    const { status, text } = await scene.ask(`/command/origins?${query}`);
    const { result } = JSON.parse(text);
    return [status, result];
  };
  const uploaded = (): readonly string[] => scene.control.configuration.uploads.map(([, bytes]) => String(bytes));
  beforeEach(() => {
    scene.control.configuration.files.set("vhosts.xml", FILE);
  });

  it("puts another vhosts.xml in service, and none where nothing changes", async () => {
    expect(await ask("vhost=a.test&add=10.0.0.5:32768&add=10.0.0.5:32769&remove=1.1.1.1&weight=2")).toEqual([
      200,
      ["10.0.0.5:32768 (Weight 2)", "10.0.0.5:32769 (Weight 2)"],
    ]);
    expect(uploaded()).toEqual([
      FILE.replace(
        "<Address>1.1.1.1</Address>",
        '<Address Weight="2">10.0.0.5:32768</Address><Address Weight="2">10.0.0.5:32769</Address>',
      ),
    ]);
    expect(await ask("vhost=a.test&add=1.1.1.1")).toEqual([200, ["1.1.1.1"]]);
    expect(uploaded()).toHaveLength(1);
  });

  it.each([
    ["add=1.1.1.2", 400],
    ["vhost=a.test", 400],
    ["vhost=a.test&add=1.1.1.2&weight=0", 400],
    ["vhost=a.test&add=no%20address", 400],
    ["vhost=a.test&remove=9.9.9.9", 400],
    ["vhost=b.test&add=1.1.1.2", 404],
  ])("refuses %s with %d", async (query, status) => {
    expect((await ask(query))[0]).toBe(status);
    expect(uploaded()).toEqual([]);
  });

  it("tells why a configuration would be refused", async () => {
    scene.control.configuration.uploadOutcome = { code: "E0004", notes: ["No server is left."], problems: [] };
    expect(await ask("vhost=a.test&remove=1.1.1.1")).toEqual([500, ["No server is left."]]);
  });
});
