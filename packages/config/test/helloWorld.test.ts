import { describe, expect, it } from "vitest";
import { parseConfig } from "../src/index.ts";
import { accept, CONTEXT, HELLO_SERVER, HELLO_VHOSTS, load, onlyVhost } from "./support.ts";

describe("the hello world of the guide", () => {
  it("CFG-09 CFG-10 loads as printed and listens on *:80", () => {
    const host = onlyVhost(accept());
    expect(host.name).toBe("www.example.com");
    expect(host.status).toBe("Active");
    expect(host.listen).toEqual([{ address: undefined, port: 80 }]);
    expect(host.origin).toEqual({
      addresses: [
        {
          text: "hello.winesoft.co.kr",
          scheme: "http",
          host: "hello.winesoft.co.kr",
          port: 80,
          isIp: false,
          pathPrefix: "",
          weight: 1,
          countries: [],
          hostField: "hello.winesoft.co.kr",
        },
      ],
      standby: [],
      healthCheckers: [],
    });
    expect(host.portBypass).toEqual([]);
  });

  it("CFG-09 says nothing about a configuration without mistakes", () => {
    const outcome = load();
    expect(outcome.ok && outcome.warnings).toEqual([]);
  });

  it("CFG-39 reads the disks in their order, without quota", () => {
    expect(accept().server.cache.storage.disks).toEqual([
      { path: "/cache1/", quotaBytes: undefined },
      { path: "/cache2/", quotaBytes: undefined },
    ]);
  });

  it("takes generation, cores and host name from its surroundings", () => {
    const config = accept();
    expect(config.generation).toBe(7);
    expect(config.server.cache.workers).toBe(4);
    expect(config.server.cache.transformThreads).toBe(4);
    expect(config.server.host.name).toBe("edge-01");
  });

  it.each([1, 0])("REG-358 has a worker and a thread where the machine has %i cores to show", (cores) => {
    const outcome = parseConfig(
      new Map([
        ["server.xml", HELLO_SERVER],
        ["vhosts.xml", HELLO_VHOSTS],
      ]),
      { ...CONTEXT, cores },
    );
    const cache = outcome.ok ? outcome.config.server.cache : undefined;
    expect([cache?.workers, cache?.transformThreads]).toEqual([1, 1]);
  });

  it("is frozen all the way down", () => {
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const part of Object.values(value)) visit(part);
    };
    visit(accept());
  });

  it("crosses process boundaries by structured clone", () => {
    expect(structuredClone(accept())).toEqual(accept());
  });
});

describe("files", () => {
  it.each([
    ["server.xml", "vhosts.xml", HELLO_VHOSTS],
    ["vhosts.xml", "server.xml", HELLO_SERVER],
  ])("CFG-06 CFG-30 refuses to start when %s is absent", (missing, present, content) => {
    const outcome = parseConfig(new Map([[present, content]]), CONTEXT);
    expect(outcome).toMatchObject({
      ok: false,
      problems: [{ severity: "error", file: missing, line: 0, message: "The file is missing." }],
    });
  });

  it.each(["server.xml", "vhosts.xml"])("CFG-06 refuses to start when %s is not well-formed", (file) => {
    expect(load({ [file]: "<Server>" }).ok).toBe(false);
  });

  it("CFG-06 ignores license.xml", () => {
    expect(load({ "license.xml": "<not xml" }).ok).toBe(true);
  });

  it("accepts a byte order mark and an XML declaration", () => {
    expect(load({ "server.xml": '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<Server/>' }).ok).toBe(true);
  });

  it("CFG-08 selects memory only with an empty <Storage/> and with none", () => {
    for (const content of ["<Server><Cache><Storage/></Cache></Server>", "<Server/>"]) {
      expect(accept({ "server.xml": content }).server.cache.storage.disks).toEqual([]);
    }
  });

  it("CFG-08 gives every home folder its own folder in memory, always the same", () => {
    const pathOf = (home: string) => accept({}, { home }).server.cache.memoryPath;
    expect(pathOf("/opt/a")).toMatch(/^\/dev\/shm\/basalt-[0-9a-f]{12}$/);
    expect(pathOf("/opt/a")).toBe(pathOf("/opt/a/"));
    expect(pathOf("/opt/a")).not.toBe(pathOf("/opt/b"));
  });

  it("takes relative folders from the home folder", () => {
    const config = accept({
      "server.xml":
        "<Server><Cache><Storage><Disk>disk</Disk></Storage><MemoryPath>memory</MemoryPath></Cache></Server>",
    });
    expect(config.server.cache.storage.disks[0]?.path).toBe("/opt/edge/disk");
    expect(config.server.cache.memoryPath).toBe("/opt/edge/memory");
  });

  it("CFG-54 loads 2,000 virtual hosts with rules of their own", () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `www${index}.example.com`);
    const rules = Object.fromEntries(names.map((name) => [`svc/${name}/ttl.txt`, "*.jsp, 10\n/img/*, 6 hours"]));
    const hosts = names.map(
      (name) =>
        `<Vhost Name="${name}"><Alias>*.${name}</Alias><Origin><Address>10.0.0.1</Address></Origin>
         <Options><TTL><Res2xx Ratio="5">10min</Res2xx></TTL></Options></Vhost>`,
    );
    const config = accept({ "vhosts.xml": `<Vhosts>${hosts.join("\n")}</Vhosts>`, ...rules });
    expect(config.vhosts).toHaveLength(2_000);
    expect(config.vhosts[1_999]?.conditions.ttl).toHaveLength(2);
    expect(config.vhosts[0]?.originOptions).toBe(config.vhosts[1]?.originOptions);
  });
});
