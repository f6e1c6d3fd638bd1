import type { BodyStore, FileRun, GrowingFile, PartedFile, PartWriter } from "@basalt/store";
import { type CounterBlock, VHOST_SLOT } from "@basalt/telemetry";

/** What a virtual host reads from the disks and writes to them, for its counters (STAT-64). */
export class DiskUse {
  readonly #counters: CounterBlock;
  readonly #offset: number;

  constructor(counters: CounterBlock, { counters: offset }: { readonly counters: number }) {
    this.#counters = counters;
    this.#offset = offset;
  }

  read(byteCount: number): void {
    this.#counters.add(this.#offset + VHOST_SLOT.diskReads, 1);
    this.#counters.add(this.#offset + VHOST_SLOT.diskReadBytes, byteCount);
  }

  wrote(byteCount: number): void {
    this.#counters.add(this.#offset + VHOST_SLOT.diskWrites, 1);
    this.#counters.add(this.#offset + VHOST_SLOT.diskWrittenBytes, byteCount);
  }

  created(): void {
    this.#counters.add(this.#offset + VHOST_SLOT.filesCreated, 1);
  }

  opened(): void {
    this.#counters.add(this.#offset + VHOST_SLOT.filesOpened, 1);
    this.#changeOpen(1);
  }

  closed(): void {
    this.#changeOpen(-1);
  }

  #changeOpen(change: number): void {
    this.#counters.add(this.#offset + VHOST_SLOT.filesOpen, change);
  }
}

export type FillStore = Pick<BodyStore, "append" | "createFile" | "openGrowing">;

const lengthOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** The store for the fills of one virtual host. */
export const countedStore = (bodies: FillStore, use: DiskUse): FillStore => ({
  append: async (image, head, body) => {
    const location = await bodies.append(image, head, body);
    use.wrote(head.length + body.length);
    return location;
  },
  createFile: async () => {
    const file = await bodies.createFile();
    use.created();
    return new CountedGrowingFile(file, use);
  },
  openGrowing: (disk, file, checksums) => bodies.openGrowing(disk, file, checksums),
});

class CountedGrowingFile implements GrowingFile {
  readonly #file: GrowingFile;
  readonly #use: DiskUse;

  constructor(file: GrowingFile, use: DiskUse) {
    this.#file = file;
    this.#use = use;
  }

  get disk(): number {
    return this.#file.disk;
  }

  get file(): number {
    return this.#file.file;
  }

  get length(): number {
    return this.#file.length;
  }

  get checksums(): GrowingFile["checksums"] {
    return this.#file.checksums;
  }

  async write(...chunks: readonly Buffer[]): Promise<void> {
    await this.#file.write(...chunks);
    this.#use.wrote(lengthOf(chunks));
  }

  async complete(...given: Parameters<GrowingFile["complete"]>): ReturnType<GrowingFile["complete"]> {
    const [, head] = given;
    const location = await this.#file.complete(...given);
    this.#use.wrote(head.length);
    return location;
  }

  abandon(): Promise<void> {
    return this.#file.abandon();
  }
}

/** A long body that counts what is read and written of it, and as an open file until it is released. */
export class CountedPartedFile implements PartedFile {
  readonly #file: PartedFile;
  readonly #use: DiskUse;
  #isReleased = false;

  constructor(file: PartedFile, use: DiskUse) {
    this.#file = file;
    this.#use = use;
    use.opened();
  }

  get location(): PartedFile["location"] {
    return this.#file.location;
  }

  get blockCount(): number {
    return this.#file.blockCount;
  }

  get missingBytes(): number {
    return this.#file.missingBytes;
  }

  has(block: number): boolean {
    return this.#file.has(block);
  }

  refresh(first: number, end: number): Promise<void> {
    return this.#file.refresh(first, end);
  }

  async startPart(block: number): Promise<PartWriter> {
    return new CountedPartWriter(await this.#file.startPart(block), this.#use);
  }

  noteWritten(position: number, tailChecksum: number): void {
    this.#file.noteWritten(position, tailChecksum);
  }

  async read(target: Buffer, targetOffset: number, length: number, position: number): Promise<number> {
    const byteCount = await this.#file.read(target, targetOffset, length, position);
    this.#use.read(byteCount);
    return byteCount;
  }

  fileRun(position: number, end: number): FileRun | "later" | undefined {
    const run = this.#file.fileRun(position, end);
    if (run === undefined || run === "later") return run;
    return { ...run, sent: (byteCount) => this.#use.read(byteCount) };
  }

  release(): void {
    this.#file.release();
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#use.closed();
  }
}

class CountedPartWriter implements PartWriter {
  readonly #writer: PartWriter;
  readonly #use: DiskUse;

  constructor(writer: PartWriter, use: DiskUse) {
    this.#writer = writer;
    this.#use = use;
  }

  get position(): number {
    return this.#writer.position;
  }

  get tailChecksum(): number {
    return this.#writer.tailChecksum;
  }

  async write(...chunks: readonly Buffer[]): Promise<void> {
    await this.#writer.write(...chunks);
    this.#use.wrote(lengthOf(chunks));
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
