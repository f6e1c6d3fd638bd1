import { hostname } from "node:os";
import { join } from "node:path";
import { decryptPassword, type EdgeConfig } from "@basalt/config";
import type { InfoLogFile } from "@basalt/telemetry";
import type { LogPlan, RotatedFiles, RotatedLog } from "@basalt/telemetry/logs";
import { type UploadClient, Uploader, type UploadFile, UploadLog, UploadQueue } from "@basalt/telemetry/upload";
import { type Clock, EdgeError } from "@basalt/types";
import { UploadProcess } from "./uploadProcess.ts";

const INFO_LOG = "info";

export interface LogUploadsParts {
  readonly home: string;
  readonly clock: Clock;
  readonly log: InfoLogFile;
}

const fileOf = ({ kind, vhost }: LogPlan, { path, startMs, endMs }: Omit<RotatedLog, "plan">): UploadFile => ({
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
  /** Clients whose password is encrypted. */
  #encrypted: ReadonlySet<string> = new Set();

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
      send: async (client, file) => {
        let password: string;
        try {
          password = await this.#passwordOf(client);
        } catch (cause) {
          const message = `the password cannot be decrypted: ${EdgeError.from(cause).detail}`;
          return { kind: "failed", at: "server", bytes: 0, tookMs: 0, message };
        }
        return this.#process.send({ access: { ...client, password }, ...file });
      },
      onIdle: () => this.#process.end(),
      onProblem: warn,
    });
    log.onRotated(
      (path, startMs, endMs) => {
        if (this.#infoClients.length === 0) return;
        this.#uploader.add(INFO_LOG, { path, kind: INFO_LOG, vhost: "", startMs, endMs }, this.#infoClients);
      },
      (path) => queue.isWaitingFor(path),
    );
  }

  configure({ server }: EdgeConfig): void {
    this.#infoClients = server.cache.infoLog.ftp;
    this.#encrypted = new Set(server.ftp.filter(({ passwordType }) => passwordType === "enc").map(({ name }) => name));
    this.#uploader.configure(server.ftp);
  }

  /** A file has its last name and gets no more lines. */
  noteRotated(file: RotatedLog): void {
    const { plan } = file;
    if (plan.ftp.length > 0) this.#uploader.add(plan.id, fileOf(plan, file), plan.ftp);
  }

  /** Whether a rotated file has still to be sent. */
  awaits(plan: LogPlan, { path, startMs }: Pick<UploadFile, "path" | "startMs">): boolean {
    return plan.ftp.length > 0 && this.#uploader.awaits(plan.id, { path, kind: plan.kind, startMs });
  }

  /** What was rotated while nobody could note it, as at the end of the process, is queued now. */
  catchUp(logs: readonly RotatedFiles[]): void {
    for (const { plan, files } of logs) {
      this.#uploader.catchUp(
        plan.id,
        files.map((file) => fileOf(plan, file)),
        plan.ftp,
      );
    }
  }

  async close(): Promise<void> {
    const closing = this.#uploader.close();
    this.#process.end();
    await closing;
  }

  /** LOG-178. */
  async #passwordOf({ name, password }: UploadClient): Promise<string> {
    return this.#encrypted.has(name) ? decryptPassword(this.#home, password) : password;
  }
}
