import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFtp, type TestFtp, type TestFtpOptions } from "@basalt/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { FtpAccess } from "../../src/upload/contract.ts";
import { uploadByFtp } from "../../src/upload/ftpUpload.ts";

const CONTENT = randomBytes(300_000);
let folder: string;
let localPath: string;
let ftp: TestFtp | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "basalt-ftp-"));
  localPath = join(folder, "access_20140423_1700.log");
  await writeFile(localPath, CONTENT);
});
afterEach(async () => {
  await ftp?.close();
  ftp = undefined;
});
afterAll(() => rm(folder, { recursive: true }));

const accessTo = (port: number, changed: Partial<FtpAccess> = {}): FtpAccess => ({
  mode: "Passive",
  host: "127.0.0.1",
  port,
  user: "log",
  password: "secret",
  connectTimeoutSeconds: 20,
  transferTimeoutSeconds: 20,
  trafficCapKilobytes: 0,
  ...changed,
});

const start = async (options: TestFtpOptions = {}): Promise<TestFtp> => {
  ftp = await startFtp(options);
  return ftp;
};

describe("upload of a file by FTP", { timeout: 60_000 }, () => {
  it.each([
    ["LOG-176 passive", { mode: "Passive" }, "EPSV"],
    ["REG-295 LOG-176 active", { mode: "Active" }, "PORT"],
    ["LOG-182 capped", { mode: "Active", trafficCapKilobytes: 2_000 }, "PORT"],
  ] as const)("%s: folders are made, the file arrives whole", async (_, changed, command) => {
    const server = await start();
    const path = "/log_backup/example.com/deep/down/20140722_0000.access.log";
    const outcome = await uploadByFtp({ access: accessTo(server.port, changed), localPath, remotePath: path });
    expect(outcome).toMatchObject({ kind: "sent", bytes: CONTENT.length });
    expect(server.files.get(path)?.equals(CONTENT)).toBe(true);
    expect(server.commands.some((line) => line.startsWith(command))).toBe(true);
  });

  it("REG-295 LOG-186 long paths", async () => {
    const server = await start();
    const path = `/${Array.from({ length: 12 }, (_, level) => `${level}${"x".repeat(100)}`).join("/")}/a.log`;
    const outcome = await uploadByFtp({ access: accessTo(server.port), localPath, remotePath: path });
    expect(outcome).toMatchObject({ kind: "sent" });
    expect(server.files.has(path)).toBe(true);
  });

  it("LOG-178 a wrong password fails at the server, and its message does not name it", async () => {
    const server = await start();
    const access = accessTo(server.port, { password: "qwerty" });
    const outcome = await uploadByFtp({ access, localPath, remotePath: "/a.log" });
    expect(outcome).toMatchObject({ kind: "failed", at: "server", bytes: CONTENT.length });
    expect(JSON.stringify(outcome)).toContain("530");
    expect(JSON.stringify(outcome)).not.toContain("qwerty");
  });

  it("says that nobody listens", async () => {
    const server = await start();
    const { port } = server;
    await server.close();
    ftp = undefined;
    const outcome = await uploadByFtp({ access: accessTo(port), localPath, remotePath: "/a.log" });
    expect(outcome).toMatchObject({ kind: "failed", at: "server", message: expect.stringContaining("ECONNREFUSED") });
  });

  it.each(["Passive", "Active"] as const)("a file that the server refuses fails alone (%s)", async (mode) => {
    const server = await start({
      answer: (command) => (command.startsWith("STOR") ? "553 name not allowed" : undefined),
    });
    const outcome = await uploadByFtp({ access: accessTo(server.port, { mode }), localPath, remotePath: "/a.log" });
    expect(outcome).toMatchObject({ kind: "failed", at: "file", message: expect.stringContaining("553") });
  });

  it("LOG-180 a server that says nothing is given up", async () => {
    const server = await start({ answer: (command) => (command.startsWith("USER") ? "" : undefined) });
    const access = accessTo(server.port, { connectTimeoutSeconds: 1 });
    const outcome = await uploadByFtp({ access, localPath, remotePath: "/a.log" });
    expect(outcome).toMatchObject({ at: "server", message: "the connection took longer than 1 s" });
  });

  it.each(["Passive", "Active"] as const)("LOG-181 a transfer that does not end is given up (%s)", async (mode) => {
    const server = await start({ answer: (command) => (command.startsWith("STOR") ? "150 wait" : undefined) });
    const access = accessTo(server.port, { mode, transferTimeoutSeconds: 1 });
    const outcome = await uploadByFtp({ access, localPath, remotePath: "/a.log" });
    expect(outcome).toMatchObject({ kind: "failed", at: "file" });
  });

  it("a file that is gone is told apart", async () => {
    const outcome = await uploadByFtp({ access: accessTo(1), localPath: join(folder, "no"), remotePath: "/a.log" });
    expect(outcome).toEqual({ kind: "missing" });
  });
});
