import { spawn } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import {
  type EdgeOptions,
  isEdgeBuilt,
  patternBytes,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
  type VhostSpec,
} from "../../src/index.ts";
import {
  fileSystemLines,
  isMounted,
  makeMountPoint,
  mountObstacle,
  removeMountPoint,
  told,
  tool,
} from "./support/mounting.ts";
import { until } from "./support/originState.ts";

/** Scenes of a mount whose processes come and go: each has an origin and an edge of its own. */

const HOST = "files.test";
const KEPT = { "Cache-Control": "max-age=600" };
const BODY = patternBytes(3, 0, 2_000_000);
const ACTIVE = '<Options><FileSystem Status="Active"/></Options>';

const obstacle = mountObstacle();
const canPlay = obstacle === undefined && (isEdgeBuilt() || process.env.CI !== undefined);

interface Stage {
  readonly origin: TestOrigin;
  readonly edge: TestEdge;
  readonly mount: string;
  readonly file: string;
}

let closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  const steps = closing.reverse();
  closing = [];
  for (const step of steps) await step();
});

const begin = async (
  attributes = "",
  vhostsOf = (address: string): readonly VhostSpec[] => [{ name: HOST, origin: address, xml: ACTIVE }],
  options: Partial<EdgeOptions> = {},
): Promise<Stage> => {
  const mount = await makeMountPoint();
  closing.push(() => removeMountPoint(mount));
  const origin = await startOrigin();
  closing.push(() => origin.close());
  origin.on(() => true).reply(404, KEPT, "nothing");
  origin.on("/dir").reply(403, KEPT, "");
  for (const path of ["/file.bin", "/dir/file.bin"]) origin.on(path).file(BODY, { etag: '"1"', fields: KEPT });
  const edge = await startEdge({
    workers: 2,
    serverXml: `<FileSystem Mount="${mount}" ${attributes}>ON</FileSystem>`,
    vhosts: vhostsOf(origin.address),
    ...options,
  });
  closing.push(() => edge.close());
  await until("the cache is mounted", () => isMounted(mount));
  return { origin, edge, mount, file: `${mount}/${HOST}/file.bin` };
};

/** Processes that were told to hold the mount, in their order. */
const holders = async (edge: TestEdge): Promise<number[]> =>
  [...(await edge.log()).matchAll(/is mounted at \S+ by the worker with pid (\d+)/g)].map((found) => Number(found[1]));

/** The files of a new mount, as soon as there is one. */
const readAgain = (file: string): Promise<void> =>
  until("the file can be read", async () => (await tool("cat", file)).output.equals(BODY));

/** A program that has read the beginning of a file, and keeps it open. */
const holdOpen = async (file: string): Promise<{ readonly end: () => void }> => {
  const script = `const file = require("node:fs").openSync(process.argv[1], "r");
    require("node:fs").readSync(file, Buffer.alloc(10));
    process.stdout.write("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
  closing.push(async () => void child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return { end: () => void child.kill("SIGKILL") };
};

interface FileSystemFigures {
  readonly Host: {
    readonly VirtualHost: readonly {
      readonly ClientReqCount: number;
      readonly FileSystem: { readonly RequestHitRatio: number; readonly Outbound: number };
      readonly ClientTraffic: {
        readonly Traffic: readonly {
          readonly HttpReqCountSum: number;
          readonly FileSystem: {
            readonly GetAttr: Readonly<Record<string, number>>;
            readonly Open: Readonly<Record<string, number>>;
            readonly Read: Readonly<Record<string, number>>;
            readonly RequestHitSum: Readonly<Record<string, number>>;
          };
        }[];
      };
    }[];
  };
}

describe.skipIf(!canPlay)(`the life of a mount${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  it("FS-03 FS-31 with DotDir for all, a path without a dot is a folder, whatever the host is", async () => {
    const { origin, mount } = await begin('DotDir="ON"');
    expect((await told("cat", `${mount}/${HOST}/dir/file.bin`)).equals(BODY)).toBe(true);
    const targets = origin.requests.map(({ target }) => target);
    expect(new Set(targets)).toEqual(new Set(["/dir/file.bin"]));
    expect((await told("stat", "--format", "%F", `${mount}/${HOST}/nothing/there`)).toString()).toBe("directory\n");
  });

  it("FS-45 REG-253 a stop takes the mount away at once, though a file is open", async () => {
    const { edge, mount, file } = await begin();
    const reader = await holdOpen(file);
    await edge.stop();
    expect(await isMounted(mount)).toBe(false);
    expect((await told("ls", "-A", mount)).toString()).toBe("");
    reader.end();
  });

  it("FS-45 a worker that is killed leaves nobody hanging, and another one mounts the cache", async () => {
    const { edge, file } = await begin();
    await readAgain(file);
    await holdOpen(file);
    const [holder = 0] = await holders(edge);
    edge.signal(holder, "SIGKILL");
    await until("another worker has it", async () => (await holders(edge)).length === 2);
    await readAgain(file);
    expect((await holders(edge))[1]).not.toBe(holder);
  });

  it("FS-45 the mount goes on over a rolling restart, a full one and a crash of everything", async () => {
    const { edge, mount, file } = await begin("", undefined, { start: "detached" });
    await edge.restart();
    await readAgain(file);
    const before = (await holders(edge)).length;
    await edge.command("restart");
    await until("the next primary has mounted it", async () => (await holders(edge)).length > before);
    await readAgain(file);
    await edge.crash();
    expect((await tool("cat", file)).complaint).toContain("not connected");
    await edge.start();
    await readAgain(file);
    await edge.stop();
    expect(await isMounted(mount)).toBe(false);
  });

  it("FS-45 a file that is being read is read to its end over a rolling restart", async () => {
    const { edge, file } = await begin();
    const script = `const { openSync, readSync } = require("node:fs");
      const file = openSync(process.argv[1], "r");
      const piece = Buffer.alloc(50000);
      const next = () => {
        const length = readSync(file, piece, 0, piece.length);
        process.stdout.write(piece.subarray(0, length));
        if (length > 0) setTimeout(next, 100);
      };
      next();`;
    const reading = told(process.execPath, "-e", script, file);
    const restarting = edge.restart();
    expect((await reading).equals(BODY)).toBe(true);
    await restarting;
    await until("another worker has it", async () => (await holders(edge)).length > 1);
    await readAgain(file);
  });

  it("FS-19 a web server serves the folder of a host", async () => {
    const { mount, origin } = await begin();
    const script = `const { createReadStream } = require("node:fs");
      require("node:http").createServer((request, response) =>
        createReadStream(process.argv[1] + request.url).on("error", () => response.writeHead(404).end()).pipe(response),
      ).listen(0, "127.0.0.1", function () { process.stdout.write(String(this.address().port)); });`;
    const child = spawn(process.execPath, ["-e", script, `${mount}/${HOST}`], { stdio: ["ignore", "pipe", "inherit"] });
    closing.push(async () => void child.kill("SIGKILL"));
    const port = await new Promise((resolve) => child.stdout.once("data", resolve));
    const fetched = async (path: string) => await fetch(`http://127.0.0.1:${String(port)}${path}`);
    const [first, second] = [await fetched("/file.bin"), await fetched("/file.bin")];
    expect([first.status, second.status, (await fetched("/none.bin")).status]).toEqual([200, 200, 404]);
    expect(Buffer.from(await first.arrayBuffer()).equals(BODY)).toBe(true);
    expect(Buffer.from(await second.arrayBuffer()).equals(BODY)).toBe(true);
    expect(origin.requests.map(({ target }) => target).filter((target) => target === "/file.bin")).toHaveLength(1);
  });

  it("FS-01 a mount that somebody has taken away comes back", async () => {
    const { edge, mount, file } = await begin();
    await told("umount", "-c", "-i", mount);
    await until("it is mounted again", async () => (await holders(edge)).length === 2);
    await readAgain(file);
  });

  it("FS-01 FS-05 REG-342 without being asked for nothing is mounted, and no host is a part of it", async () => {
    const { origin, edge, mount } = await begin();
    await edge.addVhost({ name: "added.test", origin: origin.address });
    await edge.reload();
    await edge.get("/file.bin", { host: "added.test" }).expect(200);
    expect((await tool("stat", `${mount}/added.test`)).complaint).toContain("No such file");
    const other = await startEdge({ vhosts: [{ name: HOST, origin: origin.address, xml: ACTIVE }] });
    closing.push(() => other.close());
    expect(await holders(other)).toEqual([]);
  });

  it("FS-45 calls of getattr without end take no memory", async () => {
    const { edge, mount } = await begin();
    const script = `const { statSync } = require("node:fs");
      for (let count = 0; count < 5000; count++) statSync(process.argv[1] + "/" + (count % 2 ? "file.bin" : "absent" + count % 50), { throwIfNoEntry: false });`;
    const residentKilobytes = async (): Promise<number> => {
      const [pid = 0] = await holders(edge);
      return Number((await told("ps", "-o", "rss=", "-p", String(pid))).toString());
    };
    const often = async (): Promise<void> => void (await told(process.execPath, "-e", script, `${mount}/${HOST}`));
    await often();
    const before = await residentKilobytes();
    for (let round = 0; round < 4; round++) await often();
    expect((await residentKilobytes()) - before).toBeLessThan(60_000);
  });

  it("FS-40 FS-41 STAT-26 calls are counted, and change no figure of HTTP", async () => {
    const { edge, file } = await begin("", (address) => [
      { name: HOST, origin: address, xml: `${ACTIVE}<Log><FileSystem>ON</FileSystem></Log>` },
    ]);
    const figures = async (): Promise<FileSystemFigures> =>
      JSON.parse((await edge.api(`/monitoring/average.json?min=60&vhost=${HOST}`)).text);
    const closedIn = ({ Host }: FileSystemFigures): number => {
      const sums = Host.VirtualHost[0]?.ClientTraffic.Traffic[0]?.FileSystem.RequestHitSum ?? {};
      return Object.values(sums).reduce((sum, count) => sum + count, 0);
    };
    await told("cat", file);
    await until("it is stored", async () =>
      (await edge.api(`/monitoring/fileinfo?url=${HOST}/file.bin`)).text.includes("UpdateTime"),
    );
    await told("cat", file);
    const isClosed = (line: string): boolean => / (READ|OPEN) \/file.bin 200 /.test(line);
    await until("both are closed", async () => (await fileSystemLines(edge.home, HOST)).filter(isClosed).length === 2);
    await edge.clock.advance(300);
    await until("the minute has ended", async () => closedIn(await figures()) === 2);
    const { Host } = await figures();
    const [host] = Host.VirtualHost;
    const [traffic] = host?.ClientTraffic.Traffic ?? [];
    expect(traffic?.FileSystem.RequestHitSum).toMatchObject({ TCP_MISS: 1, TCP_HIT: 1 });
    expect(traffic?.HttpReqCountSum).toBe(0);
    expect(host?.ClientReqCount).toBe(0);
    expect(host?.FileSystem.RequestHitRatio).toBe(5000);
  });
});
