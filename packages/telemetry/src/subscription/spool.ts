import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LogEvent, ReadingPosition } from "./contract.ts";

const STATE_FILE = "state.json";
const SEGMENT = /^events_(\d+)\.jsonl$/;
/** A segment that has grown to this is closed; what is dropped, is dropped by segments. */
const MOST_SEGMENT_BYTES = 512 * 1024;
const SEGMENT_MODE = 0o640;

/** What is known beside the segments. */
interface State {
  /** Counts positions, so that the later one of two is known. */
  readonly revision: number;
  readonly position: ReadingPosition | undefined;
  /** Where the subscription has begun: older lines of these files are not its. */
  readonly begun: { readonly sinceMs: number; readonly files: readonly string[] };
  /** Id of the last event that the receiver has taken; empty: none. */
  readonly taken: string;
  /** Id of the last event of all. */
  readonly last: string;
}

interface Segment {
  readonly name: string;
  bytes: number;
}

const EMPTY: State = { revision: 0, position: undefined, begun: { sinceMs: 0, files: [] }, taken: "", last: "" };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const positionIn = (value: unknown): ReadingPosition | undefined => {
  if (!isRecord(value)) return undefined;
  const { file, inode, offset } = value;
  if (typeof file !== "string" || typeof inode !== "number" || typeof offset !== "number") return undefined;
  return { file, inode, offset };
};

const stateIn = (text: string): State | undefined => {
  const value = readJson(text);
  if (!isRecord(value) || !isRecord(value.begun)) return undefined;
  const { revision, taken, last, begun } = value;
  if (typeof revision !== "number" || typeof taken !== "string" || typeof last !== "string") return undefined;
  const files = Array.isArray(begun.files) ? begun.files.filter((file) => typeof file === "string") : [];
  const sinceMs = typeof begun.sinceMs === "number" ? begun.sinceMs : 0;
  return { revision, taken, last, position: positionIn(value.position), begun: { sinceMs, files } };
};

const eventIn = (line: string): LogEvent | undefined => {
  const value = readJson(line);
  if (!isRecord(value)) return undefined;
  const { id, timestamp, message, extractedFields } = value;
  if (typeof id !== "string" || typeof timestamp !== "number" || typeof message !== "string") return undefined;
  const event = { id, timestamp, message };
  if (!isRecord(extractedFields)) return event;
  return {
    ...event,
    extractedFields: Object.fromEntries(
      Object.entries(extractedFields).flatMap(([name, text]) => (typeof text === "string" ? [[name, text]] : [])),
    ),
  };
};

/** The line behind the events of one write: up to here the log had been read. */
const markIn = (line: string): { readonly revision: number; readonly position: ReadingPosition } | undefined => {
  const value = line.startsWith('{"revision"') ? readJson(line) : undefined;
  if (!isRecord(value) || typeof value.revision !== "number") return undefined;
  const position = positionIn(value.position);
  return position === undefined ? undefined : { revision: value.revision, position };
};

const isAbsent = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** Nothing where somebody has deleted the file. */
const textOf = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (isAbsent(cause)) return "";
    throw cause;
  }
};

/** Where the last complete write ends. */
const soundEnd = (text: string): { readonly end: number; readonly mark: ReturnType<typeof markIn> } => {
  for (let end = text.lastIndexOf("\n"); end >= 0; end = text.lastIndexOf("\n", end - 1)) {
    const start = end === 0 ? 0 : text.lastIndexOf("\n", end - 1) + 1;
    const mark = markIn(text.slice(start, end));
    if (mark !== undefined) return { end: Buffer.byteLength(text.slice(0, end + 1)), mark };
    if (end === 0) break;
  }
  return { end: 0, mark: undefined };
};

/**
 * Events of one subscription that a receiver has not taken, in files of one folder, with the position in the log that
 * they were read up to: both are written at once, so that whatever process ends when, no line is left out and none is
 * taken twice. One process at a time may have it open.
 */
export class Spool {
  readonly #folder: string;
  readonly #mostBytes: number;
  #state: State;
  #segments: Segment[] = [];
  #bytes = 0;
  #isStateOld = false;
  #work: Promise<unknown> = Promise.resolve();

  /** Undefined without one of an earlier time. */
  static async open(folder: string, mostBytes: number): Promise<Spool | undefined> {
    const text = await readFile(join(folder, STATE_FILE), "utf8").catch(() => undefined);
    const state = text === undefined ? undefined : stateIn(text);
    // A power cut may leave an empty state: what is in the segments is enough to go on, and is sent again.
    const spool = new Spool(folder, mostBytes, state ?? EMPTY);
    if (state === undefined && (await spool.#segmentNames()).length === 0) return undefined;
    await spool.#load();
    return state === undefined && spool.position === undefined ? undefined : spool;
  }

  /** Begins with what is written from now on: older lines of `files` do not count. */
  static async create(
    folder: string,
    mostBytes: number,
    begun: State["begun"],
    position?: ReadingPosition,
  ): Promise<Spool> {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) if (SEGMENT.test(name)) await rm(join(folder, name), { force: true });
    const spool = new Spool(folder, mostBytes, { ...EMPTY, begun, position });
    await spool.#writeState();
    return spool;
  }

  private constructor(folder: string, mostBytes: number, state: State) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    this.#state = state;
  }

  get position(): ReadingPosition | undefined {
    return this.#state.position;
  }

  get begun(): State["begun"] {
    return this.#state.begun;
  }

  get lastId(): string {
    return this.#state.last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#state.taken === this.#state.last;
  }

  /** Events in the order of their ids, and the position behind their lines. Returns how many old ones had to go. */
  append(events: readonly LogEvent[], position: ReadingPosition): Promise<number> {
    return this.#do(async () => {
      const revision = this.#state.revision + 1;
      const next = { ...this.#state, revision, position };
      const last = events.at(-1)?.id;
      if (last === undefined) {
        this.#state = next;
        this.#isStateOld = true;
        return 0;
      }
      const lines = [...events, { revision, position }].map((line) => `${JSON.stringify(line)}\n`);
      await this.#write(events[0]?.id ?? last, Buffer.from(lines.join("")));
      this.#state = { ...next, last };
      return this.#makeRoom();
    });
  }

  /** The oldest events, whole ones up to about these limits. */
  peek(mostEvents: number, mostBytes: number): Promise<readonly LogEvent[]> {
    return this.#do(async () => {
      const found: LogEvent[] = [];
      let bytes = 0;
      for (const { name } of this.#segments) {
        for (const line of (await textOf(join(this.#folder, name))).split("\n")) {
          const event = eventIn(line);
          if (event === undefined || event.id <= this.#state.taken) continue;
          bytes += line.length;
          if (found.length === mostEvents || (found.length > 0 && bytes > mostBytes)) return found;
          found.push(event);
        }
      }
      return found;
    });
  }

  /** The receiver has taken all events up to this one. */
  take(id: string): Promise<void> {
    return this.#do(async () => {
      if (id > this.#state.taken) this.#state = { ...this.#state, taken: id };
      await this.#writeState();
      await this.#forgetTaken();
    });
  }

  /** Writes down a position that no event came with. */
  keep(): Promise<void> {
    return this.#do(async () => {
      if (this.#isStateOld) await this.#writeState();
    });
  }

  async #segmentNames(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch((cause: unknown) => {
      if (isAbsent(cause)) return [];
      throw cause;
    });
    return names.filter((name) => SEGMENT.test(name)).sort();
  }

  async #load(): Promise<void> {
    const names = await this.#segmentNames();
    const segments: Segment[] = [];
    // The newest first: the last write may have been cut off.
    for (const name of names.toReversed()) {
      const path = join(this.#folder, name);
      const text = await readFile(path, "utf8");
      const isLast = segments.length === 0;
      const { end, mark } = isLast ? soundEnd(text) : { end: Buffer.byteLength(text), mark: undefined };
      if (end === 0) {
        await rm(path, { force: true });
        continue;
      }
      if (isLast && end < Buffer.byteLength(text)) await truncate(path, end);
      if (mark !== undefined && mark.revision > this.#state.revision) this.#state = { ...this.#state, ...mark };
      if (isLast) this.#learnLast(Buffer.from(text).subarray(0, end).toString());
      segments.unshift({ name, bytes: end });
      this.#bytes += end;
    }
    this.#segments = segments;
    if (this.#segments.length === 0) this.#state = { ...this.#state, taken: this.#state.last };
    await this.#forgetTaken();
  }

  #learnLast(text: string): void {
    const ids = text.split("\n").map((line) => eventIn(line)?.id ?? "");
    const last = [...ids, this.#state.last].toSorted().at(-1) ?? "";
    this.#state = { ...this.#state, last };
  }

  async #write(firstId: string, bytes: Buffer): Promise<void> {
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.bytes >= MOST_SEGMENT_BYTES) {
      segment = { name: `events_${firstId}.jsonl`, bytes: 0 };
      this.#segments.push(segment);
    }
    const file = await this.#openSegment(segment);
    try {
      await file.appendFile(bytes);
      segment.bytes += bytes.length;
      this.#bytes += bytes.length;
    } catch (cause) {
      // What the disk took of them is no whole write.
      await file.truncate(segment.bytes).catch(() => undefined);
      throw cause;
    } finally {
      await file.close();
    }
  }

  /** Somebody may have deleted the folder: then what was in it is gone, and it is made again. */
  async #openSegment(segment: Segment): Promise<FileHandle> {
    const path = join(this.#folder, segment.name);
    const file = await open(path, "a", SEGMENT_MODE).catch(async (cause: unknown) => {
      if (!isAbsent(cause)) throw cause;
      await this.#writeState();
      return open(path, "a", SEGMENT_MODE);
    });
    const { size } = await file.stat();
    if (size === 0) {
      this.#bytes -= segment.bytes;
      segment.bytes = 0;
    }
    return file;
  }

  async #makeRoom(): Promise<number> {
    let dropped = 0;
    while (this.#bytes > this.#mostBytes && this.#segments.length > 1) {
      const [oldest] = this.#segments;
      if (oldest === undefined) break;
      const text = await readFile(join(this.#folder, oldest.name), "utf8").catch(() => "");
      const ids = text.split("\n").flatMap((line) => eventIn(line)?.id ?? []);
      dropped += ids.filter((id) => id > this.#state.taken).length;
      const last = ids.at(-1) ?? "";
      if (last > this.#state.taken) this.#state = { ...this.#state, taken: last };
      await this.#remove(oldest);
    }
    if (dropped > 0) await this.#writeState();
    return dropped;
  }

  /** Segments of which the receiver has all. */
  async #forgetTaken(): Promise<void> {
    for (let [oldest, next] = this.#segments; oldest !== undefined; [oldest, next] = this.#segments) {
      const { taken, last } = this.#state;
      const firstOfNext = next === undefined ? undefined : SEGMENT.exec(next.name)?.[1];
      const isTaken = firstOfNext === undefined ? taken === last : firstOfNext <= taken;
      if (!isTaken) return;
      await this.#remove(oldest);
    }
  }

  async #remove(segment: Segment): Promise<void> {
    await rm(join(this.#folder, segment.name), { force: true });
    this.#segments = this.#segments.filter((one) => one !== segment);
    this.#bytes -= segment.bytes;
  }

  async #writeState(): Promise<void> {
    const path = join(this.#folder, STATE_FILE);
    const text = JSON.stringify(this.#state);
    await writeFile(`${path}.tmp`, text).catch(async (cause: unknown) => {
      if (!isAbsent(cause)) throw cause;
      await mkdir(this.#folder, { recursive: true });
      await writeFile(`${path}.tmp`, text);
    });
    await rename(`${path}.tmp`, path);
    this.#isStateOld = false;
  }

  /** One after the other. */
  #do<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(job);
    this.#work = result.catch(() => undefined);
    return result;
  }
}
