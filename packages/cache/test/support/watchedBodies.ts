import type { BodyReader, BodyStore, GrowingFile, ObjectLocation } from "@basalt/store";
import { EdgeError } from "@basalt/types";

const diskFull = (): EdgeError => new EdgeError("STORE_UNAVAILABLE", { detail: "no space left on the disk" });

/** A body store whose failures and delays a test chooses, and which counts what is left open. */
export class WatchedBodies implements BodyStore {
  readonly #inner: BodyStore;
  failsToCreate = false;
  failsToWrite = false;
  failsToAppend = false;
  /** Awaited before each write to a growing file, each load, and before a body is opened. */
  beforeWrite: Promise<void> = Promise.resolve();
  beforeLoad: Promise<void> = Promise.resolve();
  beforeOpen: Promise<void> = Promise.resolve();
  /** Files being made, and files neither complete nor abandoned. */
  creating = 0;
  openFiles = 0;
  openReaders = 0;
  loads = 0;

  constructor(inner: BodyStore) {
    this.#inner = inner;
  }

  async append(head: Buffer, body: Buffer): Promise<ObjectLocation> {
    if (this.failsToAppend) throw diskFull();
    return await this.#inner.append(head, body);
  }

  replaceHead(location: ObjectLocation, head: Buffer): Promise<ObjectLocation> {
    return this.#inner.replaceHead(location, head);
  }

  async createFile(): Promise<GrowingFile> {
    this.creating++;
    let inner: GrowingFile;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.failsToCreate) throw diskFull();
      inner = await this.#inner.createFile();
    } finally {
      this.creating--;
    }
    this.openFiles++;
    return {
      disk: inner.disk,
      file: inner.file,
      get length() {
        return inner.length;
      },
      write: async (chunk) => {
        await this.beforeWrite;
        if (this.failsToWrite) throw diskFull();
        await inner.write(chunk);
      },
      complete: (head) => {
        this.openFiles--;
        return inner.complete(head);
      },
      abandon: () => {
        this.openFiles--;
        return inner.abandon();
      },
    };
  }

  async load(location: ObjectLocation): ReturnType<BodyStore["load"]> {
    this.loads++;
    const loaded = await this.#inner.load(location);
    await this.beforeLoad;
    return loaded;
  }

  loadNow(location: ObjectLocation): ReturnType<BodyStore["loadNow"]> {
    return this.#inner.loadNow(location);
  }

  async openBody(location: ObjectLocation): Promise<BodyReader | undefined> {
    await this.beforeOpen;
    return this.#counted(await this.#inner.openBody(location));
  }

  async openGrowing(disk: number, file: number): Promise<BodyReader | undefined> {
    return this.#counted(await this.#inner.openGrowing(disk, file));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #counted(reader: BodyReader | undefined): BodyReader | undefined {
    if (reader === undefined) return undefined;
    this.openReaders++;
    return {
      read: (target, targetOffset, length, position) => reader.read(target, targetOffset, length, position),
      release: () => {
        this.openReaders--;
        reader.release();
      },
    };
  }
}
