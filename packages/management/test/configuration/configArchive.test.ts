import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Header, pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { ARCHIVE_LIMITS, packConfig, unpackConfig } from "../../src/configuration/configArchive.ts";
import { type ConfigFiles, isConfigFileName } from "../../src/configuration/configFileNames.ts";
import { hashConfigFiles } from "../../src/configuration/configHash.ts";

const files = (content: Readonly<Record<string, string>>): ConfigFiles =>
  new Map(Object.entries(content).map(([path, text]) => [path, Buffer.from(text)]));

const COMPLETE = files({
  "server.xml": "<Server/>",
  "vhosts.xml": "<Vhosts/>",
  "svc/www.example.com/ttl.txt": "*.jpg, 10",
  "svc/www.example.com/postbody.txt": "/a",
});

type EntryHeader = Partial<Header> & Pick<Header, "name">;

const tgz = async (entries: readonly (readonly [header: EntryHeader, content?: string])[]): Promise<Buffer> => {
  const tar = pack();
  const packing = buffer(tar);
  for (const [header, content] of entries) tar.entry(header, content ?? "");
  tar.finalize();
  return gzipSync(await packing);
};

/** A tar header as a hostile hand writes it, which `pack` would not. */
const rawHeader = (name: string, size: number, type: string): Buffer => {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("ustar\u000000", 257);
  header.write(type, 156);
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
};

describe("the archive of a configuration", () => {
  it("CFG-72 gives back what was packed", async () => {
    const outcome = await unpackConfig(await packConfig(COMPLETE, new Date(0)));
    expect(outcome).toMatchObject({ ok: true, skipped: [] });
    if (outcome.ok) expect(hashConfigFiles(outcome.files)).toBe(hashConfigFiles(COMPLETE));
  });

  it("CFG-72 keeps any names and contents", async () => {
    const path = fc
      .tuple(fc.stringMatching(/^[a-zA-Z0-9.-]{1,120}$/), fc.constantFrom("ttl.txt", "acl.txt", "headers.txt"))
      .filter(([vhost]) => vhost !== "." && vhost !== "..")
      .map(([vhost, file]) => `svc/${vhost}/${file}`);
    const any = fc.dictionary(path, fc.uint8Array({ maxLength: 2_000 }), { minKeys: 1, maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(any, async (content) => {
        const given = new Map(Object.entries(content));
        const outcome = await unpackConfig(await packConfig(given, new Date(0)));
        expect(outcome.ok && hashConfigFiles(outcome.files)).toBe(hashConfigFiles(given));
      }),
      { numRuns: 50 },
    );
  });

  it("takes what tar makes of a folder, and leaves other plain files out", async () => {
    const outcome = await unpackConfig(
      await tgz([
        [{ name: "./", type: "directory" }],
        [{ name: "./server.xml" }, "<Server/>"],
        [{ name: "./svc/", type: "directory" }],
        [{ name: "./svc/a.com/", type: "directory" }],
        [{ name: "./svc/a.com/ttl.txt" }, "*, 1"],
        [{ name: "./svc/a.com/notes.md" }, "mine"],
        [{ name: "./license.xml" }, "<License/>"],
      ]),
    );
    if (!outcome.ok) throw new Error(outcome.reason);
    expect([...outcome.files.keys()]).toEqual(["server.xml", "svc/a.com/ttl.txt"]);
    expect(outcome.skipped).toEqual(["svc/a.com/notes.md", "license.xml"]);
  });

  it.each<readonly [string, EntryHeader, RegExp]>([
    ["a path upwards", { name: "../server.xml" }, /leads out/],
    ["a path upwards within", { name: "svc/../../server.xml" }, /leads out/],
    ["a path upwards behind a host", { name: "svc/a/../../../etc/passwd" }, /leads out/],
    ["an absolute path", { name: "/etc/passwd" }, /absolute/],
    ["a symbolic link", { name: "server.xml", type: "symlink", linkname: "/etc/passwd" }, /symlink/],
    ["a hard link", { name: "server.xml", type: "link", linkname: "vhosts.xml" }, /link/],
    ["a character device", { name: "server.xml", type: "character-device" }, /device/],
    ["a block device", { name: "svc/a/ttl.txt", type: "block-device" }, /device/],
    ["a pipe", { name: "svc/a/ttl.txt", type: "fifo" }, /fifo/],
    ["a link beside the files", { name: "notes", type: "symlink", linkname: "." }, /symlink/],
    ["a control character", { name: "svc/a\u0007/ttl.txt" }, /no name/],
    ["a backslash", { name: "svc\\..\\ttl.txt" }, /no name/],
  ])("CFG-79 E0002 refuses %s", async (_, header, reason) => {
    const outcome = await unpackConfig(await tgz([[{ name: "vhosts.xml" }, "<Vhosts/>"], [header]]));
    expect(outcome).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  it("CFG-79 E0002 refuses a file that stands in it twice, also under another spelling", async () => {
    const outcome = await unpackConfig(
      await tgz([
        [{ name: "server.xml" }, "a"],
        [{ name: "./server.xml" }, "b"],
      ]),
    );
    expect(outcome).toMatchObject({ ok: false, reason: expect.stringMatching(/twice/) });
  });

  it("CFG-79 E0002 refuses ten gigabytes of nothing in a small file", async () => {
    const megabyte = Buffer.alloc(1024 ** 2);
    const block = gzipSync(
      Buffer.concat([rawHeader("server.xml", 8 * 1024 ** 3 - 1, "0"), ...Array(64).fill(megabyte)]),
    );
    // Members of one gzip file: each unpacks to 64 MB.
    const bomb = Buffer.concat(Array<Buffer>(160).fill(block));
    expect(bomb.length).toBeLessThan(16 * 1024 ** 2);
    expect(await unpackConfig(bomb)).toMatchObject({ ok: false, reason: expect.stringMatching(/64 MB/) });
  });

  it("CFG-79 E0002 refuses a file whose head says more than it holds", async () => {
    const short = gzipSync(Buffer.concat([rawHeader("server.xml", 5_000, "0"), Buffer.alloc(512)]));
    expect(await unpackConfig(short)).toMatchObject({ ok: false });
    const large = gzipSync(
      Buffer.concat([rawHeader("server.xml", ARCHIVE_LIMITS.fileBytes + 1, "0"), Buffer.alloc(1024)]),
    );
    expect(await unpackConfig(large)).toMatchObject({ ok: false, reason: expect.stringMatching(/16 MB/) });
  });

  it("CFG-79 E0002 refuses more entries than a configuration can have", async () => {
    const entry = rawHeader("x", 0, "0");
    const many = gzipSync(Buffer.concat([...Array<Buffer>(251).fill(entry), Buffer.alloc(1024)]));
    expect(await unpackConfig(many, 250)).toMatchObject({ ok: false, reason: "it has more than 250 entries" });
    expect(await unpackConfig(many, 251)).toMatchObject({ ok: true });
    expect(ARCHIVE_LIMITS.entries).toBeLessThanOrEqual(100_000);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("<Server/>")],
    ["an empty gzip file", gzipSync("")],
    ["gzip of text", gzipSync("<Server/>")],
    ["an empty archive", gzipSync(Buffer.alloc(1024))],
    ["half an archive", gzipSync(Buffer.alloc(4096, 7)).subarray(0, 20)],
  ])("CFG-79 E0002 refuses %s", async (_, bytes) => {
    expect(await unpackConfig(bytes)).toMatchObject({ ok: false });
  });

  it("never rejects, whatever the bytes in the gzip are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.nat(600), async (bytes, at) => {
        const damaged = Buffer.concat([rawHeader("server.xml", 100, "0"), Buffer.from(bytes)]);
        damaged[at % damaged.length] = bytes[0] ?? 0;
        const outcome = await unpackConfig(gzipSync(damaged));
        if (outcome.ok) for (const path of outcome.files.keys()) expect(isConfigFileName(path)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("the names of a configuration", () => {
  it.each([
    ["server.xml", true],
    ["vhosts.xml", true],
    ["svc/www.example.com/ttl.txt", true],
    ["svc/*.example.com/compression.txt", true],
    ["license.xml", false],
    ["svc/ttl.txt", false],
    ["svc//ttl.txt", false],
    ["svc/./ttl.txt", false],
    ["svc/../ttl.txt", false],
    ["svc/a/b/ttl.txt", false],
    ["svc/a/ttl.txt/", false],
    ["svc/a/passwd", false],
    ["svc/a\u0000/ttl.txt", false],
    ["conf/server.xml", false],
    ["", false],
  ])("CFG-30 CFG-62 %j → %s", (path, expected) => {
    expect(isConfigFileName(path)).toBe(expected);
  });
});

describe("the hash of a configuration", () => {
  it("CFG-72 OPEN 14 is SHA-1 in upper-case digits, the same for the same content in any order", async () => {
    const reversed = new Map([...COMPLETE].reverse());
    expect(hashConfigFiles(COMPLETE)).toMatch(/^[0-9A-F]{40}$/);
    expect(hashConfigFiles(reversed)).toBe(hashConfigFiles(COMPLETE));
    const [one, other] = await Promise.all([
      packConfig(COMPLETE, new Date(0)),
      packConfig(reversed, new Date(86_400_000)),
    ]);
    const [first, second] = await Promise.all([unpackConfig(one), unpackConfig(other)]);
    expect(first.ok && second.ok && hashConfigFiles(first.files) === hashConfigFiles(second.files)).toBe(true);
  });

  it("CFG-72 differs for any two configurations, also where only the border between name and content moves", () => {
    const pairs: readonly (readonly [ConfigFiles, ConfigFiles])[] = [
      [files({ "server.xml": "a" }), files({ "server.xml": "b" })],
      [files({ "server.xml": "a" }), files({ "vhosts.xml": "a" })],
      [files({ "server.xml": "" }), files({})],
      [files({ "svc/a/ttl.txt": "b", "svc/a/acl.txt": "" }), files({ "svc/a/ttl.txt": "", "svc/a/acl.txt": "b" })],
    ];
    for (const [one, other] of pairs) expect(hashConfigFiles(one)).not.toBe(hashConfigFiles(other));
  });
});
