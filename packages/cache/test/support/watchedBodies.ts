import type {
  ArrivedChecksums,
  BodyReader,
  BodyStore,
  DiskSetting,
  GrowingFile,
  ObjectLocation,
  PartedFile,
  RowImage,
} from "@basalt/store";
import { EdgeError } from "@basalt/types";

const diskFull = (): EdgeError => new EdgeError("STORE_UNAVAILABLE", { detail: "no space left on the disk" });

/** A body store whose failures and delays a test chooses, and which counts what is left open. */
export class WatchedBodies implements BodyStore {
  readonly #inner: BodyStore;
  failsToCreate = false;
  failsToWrite = false;
  failsToAppend = false;
  failsToRefresh = false;
  /** Awaited before each write to a growing file, each load, and before a body is opened. */
  beforeWrite: Promise<void> = Promise.resolve();
  beforeLoad: Promise<void> = Promise.resolve();
  beforeOpen: Promise<void> = Promise.resolve();
  beforeRefresh: Promise<void> = Promise.resolve();
  /** Files being made, and files neither complete nor abandoned. */
  creating = 0;
  openFiles = 0;
  openReaders = 0;
  loads = 0;

  constructor(inner: BodyStore) {
    this.#inner = inner;
  }

  setDisks(disks: readonly DiskSetting[]): void {
    this.#inner.setDisks(disks);
  }

  hasDisk(disk: number): boolean {
    return this.#inner.hasDisk(disk);
  }

  async append(image: RowImage, head: Buffer, body: Buffer): Promise<ObjectLocation> {
    if (this.failsToAppend) throw diskFull();
    return await this.#inner.append(image, head, body);
  }

  replaceHead(location: ObjectLocation, image: RowImage, head: Buffer): Promise<ObjectLocation> {
    return this.#inner.replaceHead(location, image, head);
  }

  async createParted(image: RowImage, head: Buffer, bodyBytes: number): Promise<PartedFile> {
    if (this.failsToCreate) throw diskFull();
    return this.#watched(await this.#inner.createParted(image, head, bodyBytes));
  }

  async openParted(location: ObjectLocation): Promise<PartedFile | undefined> {
    await this.beforeOpen;
    const file = await this.#inner.openParted(location);
    return file === undefined ? undefined : this.#watched(file);
  }

  sync(): Promise<void> {
    return this.#inner.sync();
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
      checksums: inner.checksums,
      write: async (...chunks) => {
        await this.beforeWrite;
        if (this.failsToWrite) throw diskFull();
        await inner.write(...chunks);
      },
      complete: (image, head) => {
        this.openFiles--;
        return inner.complete(image, head);
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

  loadNow(location: ObjectLocation, scratch?: Buffer): ReturnType<BodyStore["loadNow"]> {
    return this.#inner.loadNow(location, scratch);
  }

  async openBody(location: ObjectLocation): Promise<BodyReader | undefined> {
    await this.beforeOpen;
    return this.#counted(await this.#inner.openBody(location));
  }

  async openGrowing(disk: number, file: number, checksums: ArrivedChecksums): Promise<BodyReader | undefined> {
    return this.#counted(await this.#inner.openGrowing(disk, file, checksums));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #watched(file: PartedFile): PartedFile {
    this.openReaders++;
    return {
      location: file.location,
      blockCount: file.blockCount,
      get missingBytes() {
        return file.missingBytes;
      },
      has: (block) => file.has(block),
      fileRun: () => undefined,
      noteWritten: (position, tailChecksum) => file.noteWritten(position, tailChecksum),
      refresh: async (first, end) => {
        await this.beforeRefresh;
        if (this.failsToRefresh) throw diskFull();
        await file.refresh(first, end);
      },
      startPart: async (block) => {
        const writer = await file.startPart(block);
        this.openFiles++;
        return {
          get position() {
            return writer.position;
          },
          get tailChecksum() {
            return writer.tailChecksum;
          },
          write: async (...chunks) => {
            await this.beforeWrite;
            if (this.failsToWrite) throw diskFull();
            await writer.write(...chunks);
          },
          close: () => {
            this.openFiles--;
            return writer.close();
          },
        };
      },
      read: (target, targetOffset, length, position) => file.read(target, targetOffset, length, position),
      release: () => {
        this.openReaders--;
        file.release();
      },
    };
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
