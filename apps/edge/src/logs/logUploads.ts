import { hostname } from "node:os";
import { join } from "node:path";
import type { EdgeConfig, FtpClient } from "@basalt/config";
import type { InfoLogFile } from "@basalt/telemetry";
import type { RotatedLog } from "@basalt/telemetry/logs";
import { type UploadFile, Uploader, UploadLog, type UploadOutcome, UploadQueue } from "@basalt/telemetry/upload";
import { type Clock, EdgeError } from "@basalt/types";
import { decryptPassword } from "../passwords.ts";
import { UploadProcess } from "./uploadProcess.ts";

const INFO_LOG = "info";

export interface LogUploadsParts {
  readonly home: string;
  readonly clock: Clock;
  readonly log: InfoLogFile;
}

const fileOf = ({ plan: { kind, vhost }, path, startMs, endMs }: RotatedLog): UploadFile => ({
  path,
  kind,
  vhost,
  startMs,
  endMs,
});

/** Upload of rotated logs (LOG-174): the queue is in `sys/stonb` of the home folder, the work in another process. */
export class LogUploads {
  readonly #home: string;
  readonly #process: UploadProcess;
  readonly #uploader: Uploader;
  #infoClients: readonly string[] = [];

  static async open(parts: LogUploadsParts): Promise<LogUploads> {
    const warn = (text: string): void => parts.log.warning(`uploads: ${text}`);
    const folder = join(parts.home, "sys", "stonb");
    return new LogUploads(parts, warn, {
      queue: await UploadQueue.open(join(folder, "queue.json"), warn),
      uploadLog: new UploadLog(join(folder, "stonb.log"), warn),
    });
  }

  private constructor(
    { home, clock, log }: LogUploadsParts,
    warn: (text: string) => void,
    { queue, uploadLog }: { readonly queue: UploadQueue; readonly uploadLog: UploadLog },
  ) {
    this.#home = home;
    this.#process = new UploadProcess(warn);
    this.#uploader = new Uploader({
      queue,
      log: uploadLog,
      now: () => clock.now(),
      machine: hostname(),
      backupFolder: join(home, "stonb", "backup"),
      send: async ({ name, ...access }, file) => {
        const password = await this.#passwordOf(access);
        if (password !== undefined) return this.#process.send({ access: { ...access, password }, ...file });
        return { ...UNREADABLE, message: `the password of ${name} cannot be decrypted` };
      },
      onIdle: () => this.#process.end(),
      onProblem: warn,
    });
    log.onRotated((path, startMs, endMs) => {
      if (this.#infoClients.length === 0) return;
      this.#uploader.add(INFO_LOG, { path, kind: INFO_LOG, vhost: "", startMs, endMs }, this.#infoClients);
    });
  }

  configure({ server }: EdgeConfig): void {
    this.#infoClients = server.cache.infoLog.ftp;
    this.#uploader.configure(server.ftp);
  }

  /** A file has its last name and gets no more lines. */
  noteRotated(file: RotatedLog): void {
    if (file.plan.ftp.length > 0) this.#uploader.add(file.plan.id, fileOf(file), file.plan.ftp);
  }

  /** `files`: what is there of all logs that are uploaded, of each the oldest first. */
  catchUp(files: readonly RotatedLog[], config: EdgeConfig): void {
    for (const [id, { plan, own }] of this.#byLog(files)) this.#uploader.catchUp(id, own.map(fileOf), plan.ftp);
    void config;
  }

  async close(): Promise<void> {
    const closing = this.#uploader.close();
    this.#process.end();
    await closing;
  }
}
