import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePort } from "../../infra/lib/ports.ts";
import { print, printError } from "../../infra/lib/print.ts";
import { startProcess, stopProcess } from "../../infra/lib/processes.ts";
import type { FtpAccess } from "../../packages/telemetry/src/upload/contract.ts";
import { uploadByFtp } from "../../packages/telemetry/src/upload/ftpUpload.ts";

const VSFTPD = "/usr/sbin/vsftpd";
const FILE_BYTES = 5_000_000;
const CAP_KILOBYTES = 2_500;
const START_LIMIT_MS = 10_000;

const settingsOf = (port: number, home: string): string =>
  Object.entries({
    listen: "YES",
    listen_ipv6: "NO",
    listen_address: "127.0.0.1",
    listen_port: port,
    background: "NO",
    run_as_launching_user: "YES",
    anonymous_enable: "YES",
    local_enable: "NO",
    write_enable: "YES",
    anon_upload_enable: "YES",
    anon_mkdir_write_enable: "YES",
    anon_other_write_enable: "YES",
    secure_chroot_dir: join(home, "empty"),
    connect_from_port_20: "NO",
    seccomp_sandbox: "NO",
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");

const accessTo = (port: number, changed: Partial<FtpAccess>): FtpAccess => ({
  mode: "Passive",
  host: "127.0.0.1",
  port,
  user: "",
  password: "",
  connectTimeoutSeconds: 10,
  transferTimeoutSeconds: 60,
  trafficCapKilobytes: 0,
  ...changed,
});

/** The first upload waits until the server listens. */
const uploadSoon = async (...[request]: Parameters<typeof uploadByFtp>): ReturnType<typeof uploadByFtp> => {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const outcome = await uploadByFtp(request);
    const isRefused = outcome.kind === "failed" && outcome.message.includes("ECONNREFUSED");
    if (!isRefused || Date.now() > deadline) return outcome;
    await delay(100);
  }
};

if (!existsSync(VSFTPD)) {
  print("skipped: vsftpd is not installed");
  process.exit(0);
}

const home = await mkdtemp(join(tmpdir(), "basalt-ftp-"));
const port = await findFreePort();
const localPath = join(home, "access_20140423_1700.log");
const content = randomBytes(FILE_BYTES);
await mkdir(join(home, "served"));
await mkdir(join(home, "empty"));
await writeFile(localPath, content);
await writeFile(join(home, "vsftpd.conf"), settingsOf(port, home));
const server = startProcess(VSFTPD, [join(home, "vsftpd.conf")], {});
let failures = 0;
for (const [name, changed] of Object.entries({
  passive: { mode: "Passive" },
  active: { mode: "Active" },
  capped: { mode: "Active", trafficCapKilobytes: CAP_KILOBYTES },
} as const)) {
  // Run by a user of its own, vsftpd shuts nobody up in a folder.
  const remotePath = join(home, "served", "example.com", name, "20140722_0000.access.log");
  const outcome = await uploadSoon({ access: accessTo(port, changed), localPath, remotePath });
  const arrived = await readFile(remotePath).catch(() => undefined);
  const isWhole = outcome.kind === "sent" && arrived?.equals(content) === true;
  if (!isWhole) failures++;
  const said = outcome.kind === "sent" ? `${Math.round(outcome.tookMs)} ms` : JSON.stringify(outcome);
  print(`${isWhole ? "ok  " : "FAIL"}  ${name}: ${arrived?.length ?? 0} of ${FILE_BYTES} bytes, ${said}`);
}
if (failures > 0) printError(server.output().slice(-2000));
await stopProcess(server);
await rm(home, { recursive: true, force: true });
print(failures === 0 ? "holds" : `does not hold: ${failures} findings`);
process.exit(failures === 0 ? 0 : 1);
