import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  isEdgeBuilt,
  type OriginRequestRecord,
  patternBytes,
  startEdge,
  startOrigin,
  type TestEdge,
  type TestOrigin,
} from "../../src/index.ts";
import { corpusFile, hasFfmpeg } from "../../src/media/index.ts";
import { useShared } from "../../src/scenario/index.ts";
import {
  fileSystemLines,
  isMounted,
  makeMountPoint,
  mountObstacle,
  NOBODY,
  removeMountPoint,
  type ToolOutcome,
  told,
  tool,
} from "./support/mounting.ts";
import { until } from "./support/originState.ts";

/** Scenes of the mounted cache: origin, edge with two workers, and programs of the system that read files. */

const HOST = "files.test";
const DOTTED = "dotted.test";
const OWN_RULES = "rules.test";
const HIDDEN = "hidden.test";
const MADE = "made.test";
const COUNTED = "counted.test";

const KEPT = { "Cache-Control": "max-age=600" };
const MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT";
const SMALL = patternBytes(1, 0, 5_000);
/** Above what comes in one piece: it arrives in parts. */
const LONG = patternBytes(2, 0, 3_000_000);
const FOLDERS = ["/one", "/one/two", "/one/two/three"];
const DEEP = "/one/two/three/ston.jpg";

const obstacle = mountObstacle();
const canPlay = obstacle === undefined && (isEdgeBuilt() || process.env.CI !== undefined);

let origin: TestOrigin;
let edge: TestEdge;
let mount: string;

const fileSystem = (attributes = "", inner = "", options = ""): string =>
  `<Options><FileSystem Status="Active" ${attributes}>${inner}</FileSystem>${options}</Options>`;

const at = (path: string, host = HOST): string => `${mount}/${host}${path}`;
const asked = (from = 0): string[] => origin.requests.slice(from).map(({ method, target }) => `${method} ${target}`);
const reads = (path: string, host = HOST): Promise<Buffer> => told("cat", at(path, host));
const stat = async (format: string, path: string, host = HOST): Promise<string> =>
  (await told("stat", "--format", format, at(path, host))).toString().trim();

const isConditional = (request: OriginRequestRecord | undefined): boolean =>
  (request?.field("if-none-match") ?? request?.field("if-modified-since")) !== undefined;

const expectRefused = ({ code, complaint }: ToolOutcome, words: string): void => {
  expect(code).not.toBe(0);
  expect(complaint).toContain(words);
};

const open = async (): Promise<void> => {
  if (!canPlay) return;
  mount = await makeMountPoint();
  origin = await startOrigin();
  origin.on(() => true).reply(404, KEPT, "nothing");
  for (const folder of FOLDERS) origin.on(folder).reply(403, KEPT, "no listing");
  const small = { etag: '"1"', lastModified: MODIFIED, fields: KEPT };
  for (const path of [DEEP, "/small.bin", "/again.bin", "/gone.bin", "/mine.bin"]) origin.on(path).file(SMALL, small);
  origin.on("/plain.bin").reply(200, KEPT, SMALL);
  origin.on("/long.bin").file(LONG, small);
  origin.on("/broken").reply(500, KEPT, "failed");
  origin.on("/moved").reply(302, { ...KEPT, Location: "/elsewhere" }, "");
  origin
    .on("/chunked.bin")
    .reply(200, { ...KEPT, ETag: '"c"' }, LONG)
    .chunked();
  for (const folder of ["/v1.2", "/v1.2/dir", "/old"]) origin.on(folder).reply(403, KEPT, "");
  origin.on("/a%20b.txt").reply(200, KEPT, "with a blank");
  origin.on("/silent.bin").reply(200).silent();
  origin.on("/denied.bin").file(SMALL, small);
  origin.on("/passed.bin").file(SMALL, small);
  const address = origin.address;
  edge = await startEdge({
    workers: 2,
    readyLimitMs: 60_000,
    serverXml: `<FileSystem Mount="${mount}" Separator="^">ON</FileSystem>`,
    defaultVhost: HOST,
    vhostsXml: "<URLRewrite><Pattern>^files.test/old/(.*)</Pattern><Replace>files.test/#1</Replace></URLRewrite>",
    vhosts: [
      {
        name: HOST,
        origin: address,
        xml: `<Alias>*.files.test</Alias>${fileSystem("", "", "<AccessControl>ON</AccessControl>")}<Log><FileSystem>ON</FileSystem><Access>ON</Access></Log>`,
        conditions: { "acl.txt": "$URL[/denied.bin], deny", "bypass.txt": "/passed.bin, bypass" },
      },
      { name: DOTTED, origin: address, xml: fileSystem('DotDir="ON"') },
      {
        name: OWN_RULES,
        origin: address,
        xml: fileSystem(
          "",
          "<FileTime>local</FileTime><FileStatus>200, 404</FileStatus><DirStatus>500</DirStatus><Unlink>expire</Unlink>",
        ),
      },
      { name: HIDDEN, origin: address },
      {
        name: MADE,
        origin: address,
        xml: `${fileSystem("", "", '<Dims Status="Active" Keyword="12AB"/>')}<Media><MP4Trimming>ON</MP4Trimming><MP4HLS Status="Active" Keyword="mp4hls"/></Media>`,
      },
      { name: COUNTED, origin: address, xml: fileSystem() },
    ],
  });
  await until("the cache is mounted", () => isMounted(mount));
};

useShared(open, async () => {
  await edge?.close();
  await origin?.close();
  if (mount !== undefined) await removeMountPoint(mount);
});

describe.skipIf(!canPlay)(`the mounted cache${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  it("FS-15 FS-20 FS-30 FS-40 reads what the origin has, each folder asked for once, and HTTP finds it", async () => {
    const before = origin.requests.length;
    expect((await reads(DEEP)).equals(SMALL)).toBe(true);
    expect(asked(before)).toEqual([...FOLDERS, DEEP].map((path) => `GET ${path}`));
    await edge.get(DEEP, { host: HOST }).expect(200);
    expect((await reads(DEEP)).equals(SMALL)).toBe(true);
    expect(asked(before)).toHaveLength(4);
  });

  it("FS-40 what HTTP has brought is there", async () => {
    await edge.get("/small.bin", { host: HOST }).expect(200);
    const before = origin.requests.length;
    expect((await reads("/small.bin")).equals(SMALL)).toBe(true);
    expect(asked(before)).toEqual([]);
  });

  it("FS-16 aliases are the same host; unknown names do not exist, whatever the default host is", async () => {
    expect((await reads("/small.bin", "img.files.test")).equals(SMALL)).toBe(true);
    expectRefused(await tool("cat", at("/small.bin", "unknown.test")), "No such file");
    expectRefused(await tool("stat", at("", "unknown.test")), "No such file");
  });

  it("FS-18 FS-23 the folder of a host is there without the host being asked", async () => {
    const before = origin.requests.length;
    expect(await stat("%F %a %h %s %Y", "")).toBe("directory 755 2 0 0");
    expect(asked(before)).toEqual([]);
    expect(await stat("%F %a %h %s %Y", "/small.bin")).toBe(
      `regular file 444 1 ${SMALL.length} ${Date.parse(MODIFIED) / 1000}`,
    );
  });

  it("FS-07 without Last-Modified a file is of 1970; Local: of when it was stored", async () => {
    expect(await stat("%Y", "/plain.bin")).toBe("0");
    const storedSeconds = Number(await stat("%Y", "/small.bin", OWN_RULES));
    expect(Math.abs(storedSeconds - Date.now() / 1000)).toBeLessThan(300);
  });

  it("FS-08 FS-09 FS-10 the status of the origin says what a path is", async () => {
    expect(await stat("%F", "/one")).toBe("directory");
    expect(await stat("%F", "/moved")).toBe("directory");
    expectRefused(await tool("stat", at("/missing.txt")), "No such file");
    expectRefused(await tool("stat", at("/broken")), "No such file");
    expect((await reads("/missing.txt", OWN_RULES)).toString()).toBe("nothing");
    expect(await stat("%F", "/broken", OWN_RULES)).toBe("directory");
    expectRefused(await tool("stat", at("/one", OWN_RULES)), "No such file");
  });

  it("FS-05 FS-43 an inactive host is not there, and HTTP has it", async () => {
    expectRefused(await tool("cat", at("/small.bin", HIDDEN)), "No such file");
    await edge.get("/small.bin", { host: HIDDEN }).expect(200);
  });

  it("FS-11 FS-24 deleting with Expire: the next access asks whether it is still so", async () => {
    await reads("/again.bin", OWN_RULES);
    await until("it is stored", async () => (await tool("cat", at("/again.bin", OWN_RULES))).code === 0);
    const before = origin.requests.length;
    await told("rm", at("/again.bin", OWN_RULES));
    expect((await reads("/again.bin", OWN_RULES)).equals(SMALL)).toBe(true);
    expect(asked(before)).toEqual(["GET /again.bin"]);
    expect(isConditional(origin.requests.at(-1))).toBe(true);
  });

  it("FS-11 FS-24 deleting with Purge: it is fetched anew", async () => {
    await reads("/gone.bin");
    const before = origin.requests.length;
    await told("rm", at("/gone.bin"));
    expect((await reads("/gone.bin")).equals(SMALL)).toBe(true);
    expect(asked(before)).toEqual(["GET /gone.bin"]);
    expect(isConditional(origin.requests.at(-1))).toBe(false);
  });

  it("FS-24 others than root may read, and not delete", async () => {
    expect((await told(...NOBODY, "cat", at("/mine.bin"))).equals(SMALL)).toBe(true);
    expectRefused(await tool(...NOBODY, "rm", "-f", at("/mine.bin")), "Permission denied");
  });

  it("FS-20 FS-25 nothing can be written, and folders show nothing", async () => {
    for (const script of ["echo x > $0", "echo x >> $0", "truncate -s 0 $0", "chmod 777 $0", "mv $0 $0.b"]) {
      expectRefused(await tool("sh", "-c", script, at("/small.bin")), "Read-only file system");
    }
    for (const script of ["echo x > $0/new.txt", "mkdir $0/new", "rmdir $0/one", "ln -s a $0/link"]) {
      expectRefused(await tool("sh", "-c", script, at("")), "Read-only file system");
    }
    expect((await told("ls", "-A", at(""))).toString()).toBe("");
    expect((await told("ls", "-A", mount)).toString()).toBe("");
    expect((await reads("/small.bin")).equals(SMALL)).toBe(true);
    expect((await told("stat", "--file-system", "--format", "%l", mount)).toString().trim()).toBe("1024");
  });

  it("FS-22 reads of 1 KB at any position are those of the body, and are few for the cache", async () => {
    const script = `
      const { openSync, readSync } = require("node:fs");
      const file = openSync(process.argv[1], "r");
      const piece = Buffer.alloc(1024);
      for (let count = 0, at = 1; count < 2000; count++, at = (at * 48271) % 2147483647) {
        const from = at % ${LONG.length};
        const length = readSync(file, piece, 0, 1024, from);
        process.stdout.write(from + " " + length + " " + piece.subarray(0, length).toString("base64") + "\\n");
      }`;
    const lines = (await told(process.execPath, "-e", script, at("/long.bin"))).toString().trim().split("\n");
    expect(lines).toHaveLength(2000);
    for (const line of lines) {
      const [from = 0, length = 0] = line.split(" ").map(Number);
      const piece = Buffer.from(line.split(" ")[2] ?? "", "base64");
      expect(length).toBe(Math.min(1024, LONG.length - from));
      expect(piece.equals(LONG.subarray(from, from + length))).toBe(true);
    }
  });

  it("FS-22 the end of a long body can be read first, and the whole is the same", async () => {
    const path = at("/long.bin", COUNTED);
    expect((await told("tail", "-c", "1000", path)).equals(LONG.subarray(-1000))).toBe(true);
    expect((await told("cat", path)).equals(LONG)).toBe(true);
    const copy = `${edge.home}/copy.bin`;
    await told("cp", path, copy);
    await told("cmp", path, copy);
    expect((await told("dd", `if=${path}`, "bs=1000", "status=none")).equals(LONG)).toBe(true);
  });

  it("FS-23 a body whose origin does not say its length has one", async () => {
    expect(await stat("%s", "/chunked.bin")).toBe(String(LONG.length));
    expect((await reads("/chunked.bin")).equals(LONG)).toBe(true);
  });

  it("FS-06 FS-32 FS-33 with DotDir the origin is asked for what has a dot", async () => {
    const before = origin.requests.length;
    expect((await reads(DEEP, DOTTED)).equals(SMALL)).toBe(true);
    expect(asked(before)).toEqual([`GET ${DEEP}`]);
    expect(await stat("%F", "/v1.2/dir", DOTTED)).toBe("directory");
    expect(asked(before)).toContain("GET /v1.2/dir");
  });

  it("FS-17 VHT-02 rewriting of URLs holds for files", async () => {
    expect((await reads("/old/small.bin")).equals(SMALL)).toBe(true);
  });

  it("FS-15 names with blanks are escaped as in a URL", async () => {
    expect((await reads("/a b.txt")).toString()).toBe("with a blank");
  });

  it("FS-43 what is denied, passed by or unreachable fails with a reason of its own", async () => {
    expectRefused(await tool("cat", at("/denied.bin")), "Permission denied");
    expectRefused(await tool("cat", at("/passed.bin")), "Input/output error");
  });

  it("FS-45 a program that waits for the origin can be ended", async () => {
    const ended = await Promise.all(
      ["INT", "KILL"].map((signal) => tool("timeout", "--signal", signal, "1", "cat", at("/silent.bin"))),
    );
    expect(ended.map(({ complaint }) => complaint)).toEqual(["", ""]);
    expect(ended[0]?.code).toBe(124);
    expect(ended[1]?.code).not.toBe(0);
  });

  it("FS-53 FS-54 REG-254 FS-51 FS-52 pictures by the separator are those of HTTP", async () => {
    const picture = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#336699" } })
      .jpeg()
      .toBuffer();
    origin.on("/dir/img.jpg").file(picture, { etag: '"p"', type: "image/jpeg", fields: KEPT });
    const before = origin.requests.length;
    const made = await reads("/dir^img.jpg^12AB^resize^30x20^", MADE);
    expect(asked(before)).toEqual(["GET /dir/img.jpg"]);
    const { width, height } = await sharp(made).metadata();
    expect([width, height]).toEqual([30, 20]);
    const byHttp = await edge.get("/dir/img.jpg/12AB/resize/30x20/", { host: MADE });
    expect(made.equals(byHttp.body)).toBe(true);
  });

  it.skipIf(!hasFfmpeg())("FS-50 FS-53 FS-54 MEDIA-105 REG-254 parts of films are those of HTTP", async () => {
    const film = await readFile((await corpusFile("main.mp4")).path);
    origin.on("/film.mp4").file(film, { etag: '"film"', type: "video/mp4", fields: KEPT });
    const trimmed = await reads("/film.mp4?start=0&end=4", MADE);
    const byHttp = await edge.get("/film.mp4?start=0&end=4", { host: MADE });
    expect(trimmed.length).toBeLessThan(film.length);
    expect(trimmed.equals(byHttp.body)).toBe(true);
    const playlist = await reads("/film.mp4^mp4hls^index.m3u8", MADE);
    expect(playlist.equals((await edge.get("/film.mp4/mp4hls/index.m3u8", { host: MADE })).body)).toBe(true);
  });

  it("FS-42 FS-44 LOG-148 LOG-150 LOG-152 each call has its line", async () => {
    const lines = () => fileSystemLines(edge.home, HOST);
    for (const path of ["/one", "/denied.bin", "/passed.bin"]) await tool("stat", at(path));
    await reads("/mine.bin");
    await until("the lines are written", async () => (await lines()).some((line) => line.includes("READ /mine.bin")));
    const all = await lines();
    expect(all.join("\n")).toMatch(/ READ \/mine\.bin 200 5000 \d+ \d+ TCP_(HIT|MISS) FILE \d+$/m);
    expect(all.join("\n")).toMatch(/ ATTR \/one 200 0 \d+ \d+ TCP_(HIT|MISS|NEGATIVE_HIT) FOLDER \d+$/m);
    expect(all.join("\n")).toMatch(/ ATTR \/denied\.bin 302 0 \d+ \d+ TCP_DENIED FILE \d+$/m);
    expect(all.join("\n")).toMatch(/ ATTR \/passed\.bin 301 0 /m);
    const ids = all.flatMap((line) => / (\d+)$/.exec(line)?.slice(1) ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
