import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { Channel, portToChild } from "@basalt/ipc";
import type { UploadOutcome, UploadRequest } from "@basalt/telemetry/upload";
import { UPLOAD_ENTRY } from "../entries.ts";
import type { UploadOwner, UploadService } from "./uploadProtocol.ts";

const NICENESS = 10;

interface Running {
  readonly child: ChildProcess;
  readonly channel: Channel<UploadOwner, UploadService>;
}

/** The process that sends files: started with the first of them, ended when there is nothing to send. */
export class UploadProcess {
  readonly #onProblem: (text: string) => void;
  #running: Running | undefined;

  constructor(onProblem: (text: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Rejects when the process ends meanwhile. */
  send(request: UploadRequest): Promise<UploadOutcome> {
    const running = this.#running?.channel.isOpen === true ? this.#running : this.#start();
    return running.channel.call("upload", request);
  }

  end(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.child.kill("SIGKILL");
  }

  #start(): Running {
    const child = fork(UPLOAD_ENTRY, [], { serialization: "advanced" });
    const channel = new Channel<UploadOwner, UploadService>(portToChild(child), {}, {});
    child.on("error", (cause) => {
      this.#onProblem(`no process to send files: ${cause.message}`);
      channel.close();
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, NICENESS);
    } catch {
      // A host that forbids it only loses the preference.
    }
    const running = { child, channel };
    channel.onClose(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
