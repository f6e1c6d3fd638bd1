import { constants, openSync, writevSync } from "node:fs";
import { createPollingHandle, lastRead, type PollingHandle } from "./runtime.ts";

const DEVICE = "/dev/fuse";

/** A message is at most a write of 4 KB, which never comes, or a rename of two names. The kernel wants more room than 8 KB. */
const MESSAGE_BYTES = 64 * 1024;

export interface DeviceEvents {
  /** One message; valid during the call only. */
  readonly onMessage: (message: Buffer) => void;
  /** The mount is gone, or cannot be read: nothing follows. */
  readonly onEnd: () => void;
}

/** One connection with the kernel. A mount exists as long as the descriptor is open, whoever has it. */
export class FuseDevice {
  readonly descriptor: number;
  #handle: PollingHandle | undefined;
  #isClosed = false;

  constructor() {
    this.descriptor = openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** To be called when it is mounted: before, there is nothing to read from. */
  start({ onMessage, onEnd }: DeviceEvents): void {
    const handle = createPollingHandle();
    if (handle.open(this.descriptor) !== 0) {
      onEnd();
      return;
    }
    const buffer = Buffer.allocUnsafeSlow(MESSAGE_BYTES);
    this.#handle = handle;
    handle.useUserBuffer(buffer);
    handle.onread = () => {
      const byteCount = lastRead();
      if (byteCount > 0) onMessage(buffer.subarray(0, byteCount));
      else if (byteCount < 0) {
        this.close();
        onEnd();
      }
    };
    handle.readStart();
  }

  /** One answer in one write. What the kernel does not wait for any more, it refuses. */
  answer(...pieces: Buffer[]): void {
    if (this.#isClosed) return;
    try {
      writevSync(this.descriptor, pieces);
    } catch {
      // The caller is gone (ENOENT), or the mount is (ENODEV), which the next read tells.
    }
  }

  /** Ends the connection: the kernel fails all that waits, and all that comes. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handle?.readStop();
    this.#handle?.close();
  }
}
