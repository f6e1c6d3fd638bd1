import { unlink } from "node:fs/promises";
import type {
  ArrivedChecksums,
  BodyReader,
  GrowingFile,
  ObjectLocation,
  PartedFile,
  PartWriter,
  RowImage,
} from "../contract.ts";
import { BODY_FILE_LIMIT_BYTES } from "../limits.ts";
import { describeCause } from "../storeProblem.ts";
import { encodeMapHeader, entryOffsetOf, fileBytesOf, MAP_ENTRY_BYTES, mapOffsetOf } from "./blockMap.ts";
import { readBlockMap, refreshBlocks } from "./blockMapFile.ts";
import { BlockReader, type BlockReaderContext } from "./blockReader.ts";
import { BlockWriter } from "./blockWriter.ts";
import { BodyBlocks } from "./bodyBlocks.ts";
import { GrowingBodyReader } from "./bodyReaders.ts";
import type { PooledFile } from "./descriptorPool.ts";
import { NotInUseError } from "./diskFaults.ts";
import { bodyFileFolders, bodyFilePath } from "./diskPaths.ts";
import { unavailable } from "./diskReports.ts";
import type { Disk } from "./diskSet.ts";
import { closeFile, setFileLength, writeFully } from "./fileAccess.ts";
import { BodyFileWriter } from "./growingFile.ts";
import { createNumberedFile, type NewFile } from "./newFiles.ts";
import { PartedBody } from "./partedBody.ts";
import type { StoreParts } from "./storeParts.ts";

/** Stores the record of an object whose body is in that file. */
export type AppendFileRecord = (
  disk: Disk,
  image: RowImage,
  head: Buffer,
  bodyBytes: number,
  file: number,
) => Promise<ObjectLocation>;

/** Bodies with a file of their own. */
export class BodyFiles {
  readonly #parts: StoreParts;
  readonly #allocate: (disk: number) => Promise<number>;
  readonly #appendRecord: AppendFileRecord;
  readonly #growing = new Map<BodyFileWriter, Disk>();
  #isSealed = false;

  constructor(parts: StoreParts, allocate: (disk: number) => Promise<number>, appendRecord: AppendFileRecord) {
    this.#parts = parts;
    this.#allocate = allocate;
    this.#appendRecord = appendRecord;
  }

  async createGrowing(disk: Disk, isTransient = false): Promise<GrowingFile> {
    const { id, path, descriptor } = await this.#create(disk);
    const growing = new BodyFileWriter({
      disk: disk.number,
      file: id,
      path,
      descriptor,
      limitBytes: Math.min(BODY_FILE_LIMIT_BYTES, disk.limitBytes),
      appendRecord: (image, head, bodyBytes) => this.#appendRecord(disk, image, head, bodyBytes, id),
      onWritten: isTransient ? () => {} : () => this.#parts.unsynced.note(path, disk),
      onWriteFailure: (cause) => this.#parts.reports.unwritable(disk, cause),
      onEnd: (ended) => this.#growing.delete(ended),
    });
    this.#growing.set(growing, disk);
    return growing;
  }

  async createParted(disk: Disk, image: RowImage, head: Buffer, bodyBytes: number): Promise<PartedFile> {
    if (!Number.isSafeInteger(bodyBytes) || bodyBytes < 0 || bodyBytes > BODY_FILE_LIMIT_BYTES) {
      throw unavailable(`no file can hold ${bodyBytes} bytes`);
    }
    const { id, path, descriptor } = await this.#create(disk);
    try {
      await this.#writeEmptyMap(disk, descriptor, id, path, bodyBytes);
      const location = await this.#appendRecord(disk, image, head, bodyBytes, id);
      const file = this.#parts.readable.hold(path);
      const blocks = new BodyBlocks(id, bodyBytes);
      file.blocks = Promise.resolve(blocks);
      return this.#partedBody(disk, file, blocks, location);
    } catch (cause) {
      await unlink(path).catch(() => undefined);
      throw cause;
    }
  }

  /** Undefined when the file is gone, damaged or not complete. */
  async openComplete(disk: Disk, location: ObjectLocation): Promise<BodyReader | undefined> {
    const opened = await this.#open(disk, location);
    if (opened === undefined) return undefined;
    const { file, blocks } = opened;
    if (blocks.missingBytes > 0) await this.#refresh(disk, file, blocks, 0, blocks.blockCount).catch(() => undefined);
    if (blocks.missingBytes === 0) return new BlockReader(this.#readerContext(disk, file, blocks));
    this.#parts.readable.release(file);
    return undefined;
  }

  async openParted(disk: Disk, location: ObjectLocation): Promise<PartedFile | undefined> {
    const opened = await this.#open(disk, location);
    return opened === undefined ? undefined : this.#partedBody(disk, opened.file, opened.blocks, location);
  }

  async openGrowing(disk: Disk, id: number, checksums: ArrivedChecksums): Promise<BodyReader | undefined> {
    const { readable, reports } = this.#parts;
    const file = readable.hold(bodyFilePath(disk.root, id));
    try {
      await readable.use(file, () => Promise.resolve());
      return new GrowingBodyReader({ pool: readable, reports, disk, file }, checksums);
    } catch (cause) {
      readable.release(file);
      reports.unreadable(disk, file.path, cause);
      return undefined;
    }
  }

  /** By the map in the file as it is now. */
  async presentBytesOf(disk: Disk, location: ObjectLocation): Promise<number | undefined> {
    const opened = await this.#open(disk, location);
    if (opened === undefined) return undefined;
    const { file, blocks } = opened;
    try {
      await this.#refresh(disk, file, blocks, 0, blocks.blockCount);
      return blocks.bodyBytes - blocks.missingBytes;
    } catch {
      return undefined;
    } finally {
      this.#parts.readable.release(file);
    }
  }

  /** The disk left: what was being written to it is lost. */
  async drop(disk: Disk): Promise<void> {
    const files = [...this.#growing.entries()].filter(([, place]) => place === disk);
    await Promise.all(files.map(([file]) => file.drop()));
  }

  /** Nothing is written any more, nor deleted; what is there can be read. Resolves when the writes under way have ended. */
  async seal(): Promise<void> {
    this.#isSealed = true;
    await Promise.all([...this.#growing.keys()].map((file) => file.drop()));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#growing.keys()].map((file) => file.abandon()));
  }

  async #create(disk: Disk): Promise<NewFile> {
    try {
      if (this.#isSealed) throw new NotInUseError(disk.root);
      await disk.prepare();
      const created = await createNumberedFile({
        allocate: () => this.#allocate(disk.number),
        pathOf: (file) => bodyFilePath(disk.root, file),
        foldersOf: (file) => bodyFileFolders(disk.root, file),
      });
      if (disk.isInUse && !this.#isSealed) return created;
      await closeFile(created.descriptor);
      throw new NotInUseError(disk.root);
    } catch (cause) {
      throw this.#parts.reports.unwritable(disk, cause);
    }
  }

  async #writeEmptyMap(disk: Disk, descriptor: number, id: number, path: string, bodyBytes: number): Promise<void> {
    try {
      await setFileLength(descriptor, fileBytesOf(bodyBytes));
      await writeFully(descriptor, [encodeMapHeader(id, bodyBytes)], mapOffsetOf(bodyBytes));
      this.#parts.unsynced.note(path, disk);
    } catch (cause) {
      throw this.#parts.reports.unwritable(disk, cause);
    } finally {
      await closeFile(descriptor);
    }
  }

  /** Holds the file; its blocks are shared by all who hold it. */
  async #open(
    disk: Disk,
    location: ObjectLocation,
  ): Promise<{ readonly file: PooledFile; readonly blocks: BodyBlocks } | undefined> {
    const file = this.#parts.readable.hold(bodyFilePath(disk.root, location.file));
    file.blocks ??= this.#readBlocks(disk, file, location);
    const blocks = await file.blocks;
    if (blocks === undefined) file.blocks = undefined;
    else if (blocks.bodyBytes === location.bodyBytes) return { file, blocks };
    else this.#parts.reports.damaged(file.path, "the index names another length of the body");
    this.#parts.readable.release(file);
    return undefined;
  }

  async #readBlocks(disk: Disk, file: PooledFile, location: ObjectLocation): Promise<BodyBlocks | undefined> {
    const { readable, reports } = this.#parts;
    try {
      const reading = await readable.use(file, (descriptor) =>
        readBlockMap(descriptor, location.file, location.bodyBytes),
      );
      if (reading.kind === "damaged") {
        reports.damaged(file.path, reading.reason);
        return undefined;
      }
      if (reading.damagedEntries > 0) reports.damaged(file.path, `${reading.damagedEntries} entries of its map`);
      return reading.blocks;
    } catch (cause) {
      reports.unreadable(disk, file.path, cause);
      return undefined;
    }
  }

  async #refresh(disk: Disk, file: PooledFile, blocks: BodyBlocks, first: number, end: number): Promise<void> {
    const { readable, reports } = this.#parts;
    try {
      const read = await readable.use(file, (descriptor) => refreshBlocks(descriptor, blocks, first, end));
      if (read !== undefined) return;
    } catch (cause) {
      reports.unreadable(disk, file.path, cause);
      throw unavailable(`${file.path}: ${describeCause(cause)}`, cause);
    }
    file.blocks = undefined;
    reports.damaged(file.path, "the file became shorter");
    throw unavailable(`${file.path}: short read`);
  }

  #readerContext(disk: Disk, file: PooledFile, blocks: BodyBlocks): BlockReaderContext {
    const { readable: pool, reports } = this.#parts;
    return {
      pool,
      reports,
      disk,
      file,
      blocks,
      clearEntry: (block) => this.#clearEntry(disk, file.path, blocks, block),
    };
  }

  #partedBody(disk: Disk, file: PooledFile, blocks: BodyBlocks, location: ObjectLocation): PartedFile {
    return new PartedBody({
      ...this.#readerContext(disk, file, blocks),
      location,
      startPart: (block) => this.#startPart(disk, file.path, blocks, block),
      refresh: (first, end) => this.#refresh(disk, file, blocks, first, end),
    });
  }

  /** Holds both descriptors: the one to write with, and the one that the blocks belong to. */
  #startPart(disk: Disk, path: string, blocks: BodyBlocks, block: number): PartWriter {
    const { readable, writable } = this.#parts;
    const file = writable.hold(path);
    const shared = readable.hold(path);
    return new BlockWriter(
      {
        path,
        blocks,
        limitBytes: () => disk.limitBytes,
        writeAt: (buffers, position) => this.#writeAt(disk, file, buffers, position),
        onEnd: () => {
          writable.release(file);
          readable.release(shared);
        },
      },
      block,
    );
  }

  async #writeAt(disk: Disk, file: PooledFile, buffers: readonly Buffer[], position: number): Promise<void> {
    // The file stays: what is in it is still served.
    if (this.#isSealed) throw unavailable(`${file.path}: nothing is written any more`);
    try {
      // A file that was not open when its disk left is not barred.
      if (!disk.isInUse) throw new NotInUseError(disk.root);
      await this.#parts.writable.use(file, (descriptor) => writeFully(descriptor, buffers, position));
    } catch (cause) {
      this.#parts.reports.unfillable(disk, file.path, cause);
      throw unavailable(`${file.path}: ${describeCause(cause)}`, cause);
    }
    this.#parts.unsynced.note(file.path, disk);
  }

  async #clearEntry(disk: Disk, path: string, blocks: BodyBlocks, block: number): Promise<void> {
    const file = this.#parts.writable.hold(path);
    try {
      await this.#writeAt(disk, file, [Buffer.alloc(MAP_ENTRY_BYTES)], entryOffsetOf(blocks.bodyBytes, block));
    } catch {
      // The next process to read the block finds the damage again.
    } finally {
      this.#parts.writable.release(file);
    }
  }
}
