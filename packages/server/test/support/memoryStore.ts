import type { CoordinatorParts, ObjectCacheParts, TierEntry } from "@basalt/cache";
import { EdgeError } from "@basalt/types";

type BodyStore = ObjectCacheParts["bodies"];
type Location = Parameters<BodyStore["openBody"]>[0];
type GrowingFile = Awaited<ReturnType<BodyStore["createFile"]>>;
type BodyReader = NonNullable<Awaited<ReturnType<BodyStore["openBody"]>>>;
type Tier = ObjectCacheParts["tier"];
type Index = CoordinatorParts["index"];
type Row = NonNullable<ReturnType<Index["find"]>>;

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

  find(space: number, url: string): TierEntry | undefined {
    return this.#spaces.get(space)?.get(url);
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

/** Bodies as a disk would hold them, in memory; a test may have them lost. */
export class MemoryBodies implements BodyStore {
  readonly #records = new Map<number, { readonly head: Buffer; readonly body: Buffer }>();
  #next = 1;
  openReaders = 0;
  isLost = false;
  /** Small records are given at once. */
  isQuick = false;

  append(head: Buffer, body: Buffer): Promise<Location> {
    return later(this.#keep(head, Buffer.from(body), 0));
  }

  replaceHead(): Promise<Location> {
    return Promise.reject(new EdgeError("STORE_UNAVAILABLE"));
  }

  createFile(): Promise<GrowingFile> {
    const file = this.#next++;
    const chunks: Buffer[] = [];
    const whole = (): Buffer => Buffer.concat(chunks);
    return Promise.resolve({
      disk: 0,
      file,
      get length() {
        return whole().length;
      },
      write: (chunk) => {
        chunks.push(Buffer.from(chunk));
        return later(undefined);
      },
      complete: (head) => later(this.#keep(head, whole(), file)),
      abandon: () => Promise.resolve(),
    });
  }

  load(location: Location): ReturnType<BodyStore["load"]> {
    const record = this.#find(location);
    if (record === undefined) return Promise.resolve(undefined);
    return later({ head: record.head, body: location.file === 0 ? record.body : undefined });
  }

  loadNow(location: Location, scratch?: Buffer): ReturnType<BodyStore["loadNow"]> {
    const record = this.isQuick && location.file === 0 ? this.#find(location) : undefined;
    if (record === undefined) return undefined;
    const target = scratch ?? Buffer.alloc(record.body.length);
    record.body.copy(target);
    return { head: record.head, body: target.subarray(0, record.body.length) };
  }

  openBody(location: Location): Promise<BodyReader | undefined> {
    const record = this.#find(location);
    if (record === undefined) return Promise.resolve(undefined);
    this.openReaders++;
    return Promise.resolve({
      read: (target, targetOffset, length, position) =>
        later(record.body.copy(target, targetOffset, position, position + length)),
      release: () => {
        this.openReaders--;
      },
    });
  }

  openGrowing(): Promise<BodyReader | undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #find(location: Location): { readonly head: Buffer; readonly body: Buffer } | undefined {
    return this.isLost ? undefined : this.#records.get(location.offset);
  }

  #keep(head: Buffer, body: Buffer, file: number): Location {
    const offset = this.#next++;
    this.#records.set(offset, { head: Buffer.from(head), body });
    return { disk: 0, segment: 1, offset, headBytes: head.length, bodyBytes: body.length, file };
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

  findVariants(vhost: string, url: string): Row[] {
    return [...this.#rows.values()].filter((row) => row.vhost === vhost && row.url === url);
  }

  scan(filter: { readonly vhost?: string }, visit: (row: Row) => void): Promise<void> {
    for (const row of [...this.#rows.values()])
      if (filter.vhost === undefined || row.vhost === filter.vhost) visit(row);
    return Promise.resolve();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
