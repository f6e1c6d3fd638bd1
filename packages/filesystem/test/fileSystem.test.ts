import { describe, expect, it } from "vitest";
import type { FileCounting } from "../src/contract.ts";
import { FileSystem } from "../src/fileSystem.ts";
import { ERRNO, OPCODE, OPEN_KEEP_CACHE, OUT_HEADER_BYTES } from "../src/protocol/words.ts";
import { FakeSource } from "./fakeSource.ts";
import { handleBody, message, nameBody, readBody, words32 } from "./messages.ts";

interface Answer {
  /** 0, or the errno. */
  readonly errno: number;
  readonly body: Buffer;
}

const FLAGS_READ = 0o100_000;

/** The kernel's side: calls and their answers, and what was counted and logged of them. */
const begin = (settings: { readonly dotDir?: boolean } = {}) => {
  const source = new FakeSource();
  const answers = new Map<bigint, Answer>();
  const counted: string[] = [];
  const logged: string[] = [];
  const defects: unknown[] = [];
  const clock = { nowMs: 1_000_000 };
  let session = 0n;
  let running = 0;
  let isUsable: boolean | undefined;
  const counting: FileCounting = {
    running: (_, change) => {
      running += change;
    },
    attributes: (_, kind) => counted.push(`getattr ${kind}`),
    opened: () => counted.push("open"),
    read: (_, askedBytes, givenBytes) => counted.push(`read ${askedBytes} ${givenBytes}`),
    closed: (_, result) => counted.push(`closed ${result}`),
  };
  const fileSystem = new FileSystem({
    settings: { dotDir: settings.dotDir ?? false, separator: "^" },
    source,
    counting,
    transactions: {
      monotonicMs: () => clock.nowMs,
      nextSession: () => ++session,
      log: (vhost, { method, path, status, bytes, kind, sessionId }) =>
        logged.push(`${vhost} ${method} ${path} ${status} ${bytes} ${kind} ${sessionId}`),
    },
    answer: (...pieces) => {
      const bytes = Buffer.concat(pieces);
      const unique = bytes.readBigUInt64LE(8);
      if (answers.has(unique)) throw new Error(`${unique} was answered twice`);
      if (bytes.readUInt32LE(0) !== bytes.length) throw new Error("the length is wrong");
      answers.set(unique, { errno: Math.abs(bytes.readInt32LE(4)), body: bytes.subarray(OUT_HEADER_BYTES) });
    },
    onReady: (usable) => {
      isUsable = usable;
    },
    ownUid: 500,
    onDefect: (error) => defects.push(error),
  });
  let unique = 0n;
  const send = (opcode: number, node: number, body?: Buffer, uid = 0): bigint => {
    fileSystem.accept(message(opcode, { unique: ++unique, node, uid }, body));
    return unique;
  };
  const call = async (opcode: number, node: number, body?: Buffer, uid = 0): Promise<Answer> => {
    const sent = send(opcode, node, body, uid);
    for (let turn = 0; turn < 50 && !answers.has(sent); turn++) await Promise.resolve();
    const answer = answers.get(sent);
    if (answer === undefined) throw new Error("there is no answer");
    return answer;
  };
  /** Number of the node that a path of names leads to. */
  const walk = async (...names: readonly string[]): Promise<number> => {
    let node = 1;
    for (const name of names) {
      const { errno, body } = await call(OPCODE.LOOKUP, node, nameBody(name));
      if (errno !== 0) throw new Error(`${name}: ${errno}`);
      node = Number(body.readBigUInt64LE(0));
    }
    return node;
  };
  const open = async (node: number) => {
    const { errno, body } = await call(OPCODE.OPEN, node, words32(FLAGS_READ, 0));
    return {
      errno,
      handle: errno === 0 ? Number(body.readBigUInt64LE(0)) : 0,
      flags: errno === 0 ? body.readUInt32LE(8) : 0,
    };
  };
  const read = (handle: number, offset: number, size: number) =>
    call(OPCODE.READ, 1, readBody(handle, BigInt(offset), size));
  const state = () => ({ running, isUsable });
  return { fileSystem, source, answers, counted, logged, defects, clock, send, call, walk, open, read, state };
};

const BODY = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));

const withFile = (settings: { readonly dotDir?: boolean } = {}) => {
  const kernel = begin(settings);
  kernel.source.bodies.set("/one/file.bin", { data: BODY, version: "v1" });
  kernel.source.folders.add("/one");
  return kernel;
};

describe("the file system", () => {
  it("says what it can do, to kernels that can do as much", async () => {
    const kernel = begin();
    const { errno, body } = await kernel.call(OPCODE.INIT, 0, words32(7, 45, 131_072, 0xffff_ffff));
    expect([errno, body.length, body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt32LE(8)]).toEqual([
      0, 64, 7, 31, 131_072,
    ]);
    expect(kernel.state().isUsable).toBe(true);
    expect((await kernel.call(OPCODE.INIT, 0, words32(8, 0, 0, 0))).body.readUInt32LE(0)).toBe(7);
    const old = begin();
    expect((await old.call(OPCODE.INIT, 0, words32(7, 12, 0, 0))).errno).toBe(ERRNO.EPROTO);
    expect(old.state().isUsable).toBe(false);
  });

  it("FS-21 FS-23 FS-41 FS-42 FS-44 a file from its path to its end", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one", "file.bin");
    const { handle } = await kernel.open(node);
    const piece = await kernel.read(handle, 10, 1000);
    expect(piece.body.equals(BODY.subarray(10, 1010))).toBe(true);
    expect((await kernel.read(handle, BODY.length - 5, 4096)).body.equals(BODY.subarray(-5))).toBe(true);
    expect((await kernel.read(handle, BODY.length + 5, 4096)).body.length).toBe(0);
    await kernel.call(OPCODE.RELEASE, node, handleBody(handle));
    expect(kernel.source.described).toEqual(["/one", "/one/file.bin"]);
    expect(kernel.counted).toEqual([
      "getattr folder",
      "getattr file",
      "open",
      "read 1000 1000",
      "read 4096 5",
      "read 4096 0",
      "closed TCP_HIT",
    ]);
    expect(kernel.logged).toEqual([
      "a.com ATTR /one normal 0 FOLDER 1",
      "a.com ATTR /one/file.bin normal 0 FILE 2",
      "a.com READ /one/file.bin normal 1005 FILE 3",
    ]);
    expect((await kernel.read(handle, 0, 1)).errno).toBe(ERRNO.EBADF);
    expect(kernel.state().running).toBe(0);
    expect(kernel.defects).toEqual([]);
  });

  it("FS-22 small reads near each other ask the cache for a stretch, others for little", async () => {
    const kernel = withFile();
    const { handle } = await kernel.open(await kernel.walk("a.com", "one^file.bin"));
    for (let at = 0; at < 100_000; at += 1000) await kernel.read(handle, at, 1000);
    expect(kernel.source.ranges).toEqual([{ from: 0, to: 131_072 }]);
    await kernel.read(handle, 500_000, 1000);
    expect(kernel.source.ranges[1]).toEqual({ from: 491_520, to: 507_904 });
  });

  it("FS-22 reads of the same stretch at the same time ask once", async () => {
    const kernel = withFile();
    const { handle } = await kernel.open(await kernel.walk("a.com", "one^file.bin"));
    const reads = await Promise.all([0, 4096, 8192].map((at) => kernel.read(handle, at, 4096)));
    expect(reads.map(({ body }) => body.length)).toEqual([4096, 4096, 4096]);
    expect(kernel.source.ranges).toHaveLength(1);
  });

  it("FS-43 bytes of another version are not given", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one^file.bin");
    const { handle } = await kernel.open(node);
    kernel.source.bodies.set("/one/file.bin", { data: Buffer.alloc(BODY.length), version: "v2" });
    expect((await kernel.read(handle, 0, 10)).errno).toBe(ERRNO.EIO);
    await kernel.call(OPCODE.RELEASE, node, handleBody(handle));
    expect(kernel.logged.at(-1)).toContain("OPEN /one/file.bin regionFailed 0");
  });

  it("FS-22 the kernel keeps its pages as long as the version is the same", async () => {
    const kernel = withFile();
    const flags = async () => (await kernel.open(await kernel.walk("a.com", "one^file.bin"))).flags;
    expect([await flags(), await flags()]).toEqual([0, OPEN_KEEP_CACHE]);
    kernel.source.bodies.set("/one/file.bin", { data: BODY, version: "v2" });
    expect([await flags(), await flags()]).toEqual([0, OPEN_KEEP_CACHE]);
  });

  it("FS-20 an open long after the look-up asks anew", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one^file.bin");
    kernel.clock.nowMs += 5_000;
    await kernel.open(node);
    expect(kernel.source.described).toHaveLength(2);
  });

  it("FS-20 FS-25 what would write fails", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one^file.bin");
    for (const flags of [1, 2]) {
      expect((await kernel.call(OPCODE.OPEN, node, words32(flags, 0))).errno).toBe(ERRNO.EROFS);
    }
    for (const opcode of [OPCODE.MKDIR, OPCODE.SETATTR, OPCODE.CREATE, OPCODE.RMDIR]) {
      expect((await kernel.call(opcode, node)).errno).toBe(ERRNO.EROFS);
    }
    expect((await kernel.call(OPCODE.ACCESS, node, words32(2, 0))).errno).toBe(ERRNO.EROFS);
    expect((await kernel.call(OPCODE.ACCESS, node, words32(4, 0))).errno).toBe(0);
    expect((await kernel.call(22, node)).errno).toBe(ERRNO.ENOSYS);
    expect((await kernel.call(OPCODE.READDIR, node)).body.length).toBe(0);
  });

  it("FS-31 FS-32 DotDir spares the origin folders", async () => {
    const all = withFile({ dotDir: true });
    await all.walk("a.com", "one", "file.bin");
    expect(all.source.described).toEqual(["/one/file.bin"]);
    expect(all.counted).toEqual(["getattr file"]);
    const host = withFile();
    host.source.settings = { ...host.source.settings, dotDir: true };
    await host.walk("a.com", "one", "file.bin");
    expect(host.source.described).toEqual(["/one/file.bin"]);
    expect(host.counted).toEqual(["getattr folder", "getattr file"]);
  });

  it("FS-11 FS-24 deletes for root and for itself, and no pattern", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one");
    const unlink = async (name: string, uid: number) =>
      (await kernel.call(OPCODE.UNLINK, node, nameBody(name), uid)).errno;
    expect([await unlink("file.bin", 0), await unlink("file.bin", 500)]).toEqual([0, 0]);
    expect(await unlink("file.bin", 1000)).toBe(ERRNO.EACCES);
    expect(await unlink("*.bin", 0)).toBe(ERRNO.EINVAL);
    kernel.source.mayRemove = false;
    expect(await unlink("file.bin", 0)).toBe(ERRNO.EACCES);
    expect(new Set(kernel.source.removed)).toEqual(new Set(["Expire /one/file.bin"]));
    expect((await kernel.call(OPCODE.UNLINK, 1, nameBody("a.com"))).errno).toBe(ERRNO.EROFS);
  });

  it("FS-45 an interrupted call is answered at once, and once", async () => {
    const kernel = withFile();
    const letGo = kernel.source.hold();
    const sent = kernel.send(OPCODE.LOOKUP, await kernel.walk("a.com"), nameBody("one"));
    expect(kernel.fileSystem.runningCalls).toBe(1);
    kernel.send(OPCODE.INTERRUPT, 0, handleBody(Number(sent)));
    expect(kernel.answers.get(sent)?.errno).toBe(ERRNO.EINTR);
    letGo();
    await Promise.resolve();
    expect(kernel.fileSystem.nodeCount).toBe(1);
    expect(kernel.defects).toEqual([]);
  });

  it("FS-43 FS-45 nobody waits for longer than a minute", async () => {
    const kernel = withFile();
    kernel.source.hold();
    const sent = kernel.send(OPCODE.LOOKUP, await kernel.walk("a.com"), nameBody("one"));
    kernel.clock.nowMs += 59_000;
    kernel.fileSystem.sweep();
    expect(kernel.answers.get(sent)).toBeUndefined();
    kernel.clock.nowMs += 1_000;
    kernel.fileSystem.sweep();
    expect(kernel.answers.get(sent)?.errno).toBe(ERRNO.ETIMEDOUT);
  });

  it("FS-45 closing answers who waits and ends what is open", async () => {
    const kernel = withFile();
    const node = await kernel.walk("a.com", "one^file.bin");
    const { handle } = await kernel.open(node);
    kernel.source.hold();
    const sent = kernel.send(OPCODE.READ, node, readBody(handle, 0n, 10));
    kernel.fileSystem.close();
    expect(kernel.answers.get(sent)?.errno).toBe(ERRNO.EINTR);
    expect([kernel.fileSystem.openFiles, kernel.fileSystem.runningCalls]).toEqual([0, 0]);
    expect(kernel.counted.at(-1)).toBe("closed TCP_HIT");
  });

  it("FS-45 nodes that the kernel forgets take no memory", async () => {
    const kernel = withFile();
    for (let count = 0; count < 3; count++) await kernel.walk("a.com", "one", "file.bin");
    const node = await kernel.walk("a.com", "one", "file.bin");
    expect(kernel.fileSystem.nodeCount).toBe(3);
    kernel.send(OPCODE.FORGET, node, words32(3, 0));
    expect(kernel.fileSystem.nodeCount).toBe(3);
    kernel.send(OPCODE.FORGET, node, words32(1, 0));
    expect(kernel.fileSystem.nodeCount).toBe(2);
    expect((await kernel.call(OPCODE.GETATTR, node, Buffer.alloc(16))).errno).toBe(ERRNO.ENOENT);
  });

  it("FS-10 FS-16 what is not there does not exist", async () => {
    const kernel = withFile();
    expect((await kernel.call(OPCODE.LOOKUP, 1, nameBody("b.com"))).errno).toBe(ERRNO.ENOENT);
    const host = await kernel.walk("a.com");
    expect((await kernel.call(OPCODE.LOOKUP, host, nameBody("none"))).errno).toBe(ERRNO.ENOENT);
    expect((await kernel.call(OPCODE.LOOKUP, 4711, nameBody("one"))).errno).toBe(ERRNO.ENOENT);
    expect(kernel.logged).toEqual(["a.com ATTR /none originFailed 0 FILE 1"]);
  });
});
