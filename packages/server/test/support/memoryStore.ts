import type { CoordinatorParts, ObjectCacheParts, TierEntry } from "@basalt/cache";
import { EdgeError } from "@basalt/types";

type BodyStore = ObjectCacheParts["bodies"];
type Location = Parameters<BodyStore["openBody"]>[0];
type GrowingFile = Awaited<ReturnType<BodyStore["createFile"]>>;
type PartedFile = Awaited<ReturnType<BodyStore["createParted"]>>;
type Image = Parameters<BodyStore["append"]>[0];
type BodyReader = NonNullable<Awaited<ReturnType<BodyStore["openBody"]>>>;
type Tier = ObjectCacheParts["tier"];
type Index = CoordinatorParts["index"];
type Row = NonNullable<ReturnType<Index["find"]>>;

const DISK = 1;
/** Blocks of a body with a file of its own. */
const BLOCK_BYTES = 64 * 1024;

/** A disk answers in a later turn of the event loop. */
const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));

/** Objects in memory without a limit. */
export class MapTier implements Tier {
  readonly #spaces = new Map<number, Map<string, TierEntry>>();
  readonly limitBytes = Number.POSITIVE_INFINITY;
  readonly bytes = 0;

  get count(): number {
    return [...this.#spaces.values()].reduce((sum, space) => sum + space.size, 0);
  }

  useOf() {
    return { bytes: 0, evictedEntries: 0, evictedBytes: 0 };
  }

  find(space: number, url: string): TierEntry | undefined {
    return this.#spaces.get(space)?.get(url);
  }

  peek(space: number, url: string): TierEntry | undefined {
    return this.find(space, url);
  }

  insert(space: number, url: string, entry: TierEntry): boolean {
    const entries = this.#spaces.get(space) ?? new Map<string, TierEntry>();
    this.#spaces.set(space, entries);
    entries.set(url, entry);
    return true;
  }

  remove(space: number, url: string): TierEntry | undefined {
    const entry = this.find(space, url);
    this.#spaces.get(space)?.delete(url);
    return entry;
  }

  removeSpace(space: number): number {
    const count = this.#spaces.get(space)?.size ?? 0;
    this.#spaces.delete(space);
    return count;
  }

  forEach(visit: (entry: TierEntry, url: string, space: number) => void): void {
    for (const [space, entries] of this.#spaces) for (const [url, entry] of [...entries]) visit(entry, url, space);
  }

  setLimit(): void {}

  clear(): void {
    this.#spaces.clear();
  }
}

/** A body with a file of its own, and which blocks of it are there. */
interface BodyFile {
  readonly location: Location;
  readonly body: Buffer;
  readonly present: Set<number>;
}

/** Bodies as a disk would hold them, in memory; a test may have them lost. */
export class MemoryBodies implements BodyStore {
  readonly #records = new Map<number, { readonly head: Buffer; readonly body: Buffer | undefined }>();
  readonly #files = new Map<number, BodyFile>();
  #next = 1;
  openReaders = 0;
  isLost = false;
  failsToWrite = false;
  failsToRead = false;
  /** What of a body with a file of its own may be sent from the file itself. */
  onFileRun: PartedFile["fileRun"] = () => undefined;
  /** Small records are given at once. */
  isQuick = false;

  setDisks(): void {}

  hasDisk(): boolean {
    return true;
  }

  append(_image: Image, head: Buffer, body: Buffer): Promise<Location> {
    return later(this.#keep(head, Buffer.from(body)));
  }

  replaceHead(): Promise<Location> {
    return Promise.reject(new EdgeError("STORE_UNAVAILABLE"));
  }

  createFile(): Promise<GrowingFile> {
    const file = this.#next++;
    const chunks: Buffer[] = [];
    const checksums = { bytes: 0, of: () => undefined, from: () => [] };
    const whole = (): Buffer => Buffer.concat(chunks);
    return Promise.resolve({
      disk: DISK,
      file,
      get length() {
        return whole().length;
      },
      checksums,
      write: async (...written) => {
        await later(undefined);
        if (this.failsToWrite) throw new EdgeError("STORE_UNAVAILABLE");
        for (const chunk of written) {
          chunks.push(Buffer.from(chunk));
          checksums.bytes += chunk.length;
        }
      },
      complete: (_image, head) => {
        const kept = this.#keepFile(file, head, whole());
        for (let block = 0; block * BLOCK_BYTES < kept.body.length; block++) kept.present.add(block);
        return later(kept.location);
      },
      abandon: () => Promise.resolve(),
    });
  }

  createParted(_image: Image, head: Buffer, bodyBytes: number): Promise<PartedFile> {
    return later(this.#parted(this.#keepFile(this.#next++, head, Buffer.alloc(bodyBytes))));
  }

  openParted(location: Location): Promise<PartedFile | undefined> {
    const file = this.isLost ? undefined : this.#files.get(location.file);
    return Promise.resolve(file === undefined ? undefined : this.#parted(file));
  }

  load(location: Location): ReturnType<BodyStore["load"]> {
    const record = this.#find(location);
    return record === undefined ? Promise.resolve(undefined) : later(record);
  }

  loadNow(location: Location, scratch?: Buffer): ReturnType<BodyStore["loadNow"]> {
    const record = this.isQuick ? this.#find(location) : undefined;
    if (record?.body === undefined) return undefined;
    const target = scratch ?? Buffer.alloc(record.body.length);
    record.body.copy(target);
    return { head: record.head, body: target.subarray(0, record.body.length) };
  }

  async openBody(location: Location): Promise<BodyReader | undefined> {
    const file = await this.openParted(location);
    if (file !== undefined) return file;
    const body = this.#find(location)?.body;
    return body === undefined ? undefined : this.#reader(body);
  }

  openGrowing(): Promise<BodyReader | undefined> {
    return Promise.resolve(undefined);
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #find(location: Location): { readonly head: Buffer; readonly body: Buffer | undefined } | undefined {
    return this.isLost ? undefined : this.#records.get(location.offset);
  }

  #keep(head: Buffer, body: Buffer): Location {
    const offset = this.#next++;
    this.#records.set(offset, { head: Buffer.from(head), body });
    return { disk: DISK, segment: 1, offset, headBytes: head.length, bodyBytes: body.length, file: 0 };
  }

  #keepFile(file: number, head: Buffer, body: Buffer): BodyFile {
    const offset = this.#next++;
    this.#records.set(offset, { head: Buffer.from(head), body: undefined });
    const location = { disk: DISK, segment: 1, offset, headBytes: head.length, bodyBytes: body.length, file };
    const kept = { location, body, present: new Set<number>() };
    this.#files.set(file, kept);
    return kept;
  }

  #reader(body: Buffer): BodyReader {
    this.openReaders++;
    return {
      read: async (target, targetOffset, length, position) => {
        await later(undefined);
        if (this.failsToRead) throw new EdgeError("STORE_UNAVAILABLE");
        return body.copy(target, targetOffset, position, position + length);
      },
      release: () => {
        this.openReaders--;
      },
    };
  }

  #parted({ location, body, present }: BodyFile): PartedFile {
    const bytesOf = (block: number): number => Math.min(BLOCK_BYTES, body.length - block * BLOCK_BYTES);
    return {
      ...this.#reader(body),
      location,
      blockCount: Math.ceil(body.length / BLOCK_BYTES),
      get missingBytes() {
        let missing = body.length;
        for (const block of present) missing -= bytesOf(block);
        return missing;
      },
      has: (block) => present.has(block),
      noteWritten: () => {},
      fileRun: (position, end) => this.onFileRun(position, Math.min(end, body.length)),
      refresh: async () => {
        await later(undefined);
        if (this.failsToRead) throw new EdgeError("STORE_UNAVAILABLE");
      },
      startPart: (first) => {
        let position = first * BLOCK_BYTES;
        return later({
          get position() {
            return position;
          },
          tailChecksum: 0,
          write: (...chunks: readonly Buffer[]) => {
            for (const chunk of chunks) position += chunk.copy(body, position);
            for (let block = first; block * BLOCK_BYTES + bytesOf(block) <= position && bytesOf(block) > 0; block++) {
              present.add(block);
            }
            return later(undefined);
          },
          close: () => Promise.resolve(),
        });
      },
    };
  }
}

/** The index of a primary, and what its workers read of it. */
export class MapIndex implements Index {
  readonly #rows = new Map<string, Row>();
  readonly highestVersion = 0;
  readonly totals = { objects: 0, bytes: 0 };

  put(row: Row): void {
    this.#rows.set(row.key.toString("hex"), row);
  }

  update(key: Buffer, change: Parameters<Index["update"]>[1]): Row | undefined {
    const row = this.find(key);
    if (row !== undefined) this.put({ ...row, ...change });
    return this.find(key);
  }

  remove(key: Buffer): Row | undefined {
    const row = this.find(key);
    this.#rows.delete(key.toString("hex"));
    return row;
  }

  find(key: Buffer): Row | undefined {
    return this.#rows.get(key.toString("hex"));
  }

  passOver(): void {}

  findVariants(vhost: string, url: string): Row[] {
    return [...this.#rows.values()].filter((row) => row.vhost === vhost && row.url === url);
  }

  scan(filter: { readonly vhost?: string }, visit: (row: Row) => void): Promise<void> {
    for (const row of [...this.#rows.values()])
      if (filter.vhost === undefined || row.vhost === filter.vhost) visit(row);
    return Promise.resolve();
  }

  scanTagged(): Promise<void> {
    return Promise.resolve();
  }

  tallyByHost(): Promise<never> {
    return this.tally();
  }

  tagsOf(): string {
    return "";
  }

  tally(): Promise<never> {
    return Promise.reject(new Error("nothing is counted here"));
  }

  objectsOf() {
    return { objects: 0, bytes: 0, purgedObjects: 0, purgedBytes: 0 };
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  refresh(): void {}

  close(): void {}
}
