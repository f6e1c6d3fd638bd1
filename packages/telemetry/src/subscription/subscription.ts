import { join } from "node:path";
import { EdgeError } from "@basalt/types";
import { FileForm } from "../reading/fileForm.ts";
import { readLogLines } from "../reading/logLines.ts";
import type { DeliveryReports, LogEvent, ReadingPosition } from "./contract.ts";
import { Delivery, type DeliveryTerms, type PostEvents } from "./delivery.ts";
import { EventIds } from "./eventIds.ts";
import { beginningSince, readTail } from "./logTail.ts";
import { Spool } from "./spool.ts";

/** Fields that the pattern names; undefined for a line that does not match. */
export type MatchLine = (line: string) => Readonly<Record<string, string>> | undefined;

/** What a subscription does; may change while it runs. */
export interface SubscriptionTerms {
  readonly match: MatchLine;
  readonly delivery: DeliveryTerms;
}

export interface SubscriptionParts {
  readonly folder: string;
  readonly kind: string;
  /** As `LogPlan` has it. */
  readonly form: string;
  readonly spoolFolder: string;
  readonly spoolBytes: number;
  /** Since when it is configured. */
  readonly sinceMs: number;
  readonly now: () => number;
  readonly mayGrow: (path: string) => Promise<boolean>;
  readonly post: PostEvents;
  readonly reports: DeliveryReports;
}

/** A new subscription looks at so much of a file for lines since its beginning. */
const MOST_BEGINNING_BYTES = 16 * 1024 * 1024;
/** Until a file is closed behind which there is a newer one. */
const BLOCKED_MS = 500;
const RETRY_MS = 5_000;
const MOST_ABSENCES = 3;
const HEAD_BYTES = 256 * 1024;

/** The lines of one log that match, on their way to one receiver (AWS-86, AWS-87). */
export class Subscription {
  readonly #parts: SubscriptionParts;
  #terms: SubscriptionTerms;
  readonly #ids = new EventIds();
  #open: { readonly spool: Spool; readonly delivery: Delivery } | undefined;
  #reading: Promise<void> | undefined;
  #isAgain = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #form: { readonly file: string; readonly form: FileForm } | undefined;
  #hasFailed = false;
  /** Looks in a row that ended at a file which was gone. */
  #absences = 0;

  constructor(parts: SubscriptionParts, terms: SubscriptionTerms) {
    this.#parts = parts;
    this.#terms = terms;
  }

  /** Disk space of what the receiver has not taken. */
  get spoolBytes(): number {
    return this.#open?.spool.bytes ?? 0;
  }

  setTerms(terms: SubscriptionTerms): void {
    this.#terms = terms;
    this.#open?.delivery.setTerms(terms.delivery);
  }

  /** There may be new lines. Resolves when they are read. */
  wake(): Promise<void> {
    this.#isAgain = true;
    clearTimeout(this.#timer);
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#reading;
    clearTimeout(this.#timer);
    await this.#open?.delivery.close();
    await this.#open?.spool.keep().catch(() => undefined);
  }

  /** Never rejects. */
  async #readAll(): Promise<void> {
    while (this.#isAgain && !this.#isClosed) {
      this.#isAgain = false;
      try {
        if ((await this.#readOnce()) === "blocked") this.#later(BLOCKED_MS);
        this.#hasFailed = false;
        this.#absences = 0;
      } catch (cause) {
        // A file that was listed may be compressed or deleted before it is opened: the next look finds it so.
        const isMoved = isAbsent(cause) && ++this.#absences <= MOST_ABSENCES;
        if (!this.#hasFailed && !isMoved) this.#parts.reports.onProblem(EdgeError.from(cause).detail);
        this.#hasFailed ||= !isMoved;
        this.#later(isMoved ? BLOCKED_MS : RETRY_MS);
        return;
      }
    }
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.wake(), ms);
  }

  async #readOnce(): Promise<"caughtUp" | "blocked"> {
    this.#open ??= await this.#begin();
    const { spool } = this.#open;
    const { folder, kind, mayGrow, reports } = this.#parts;
    const onLost = (file: string): void =>
      reports.onProblem(`${file} was deleted before it was read; its last lines are lost`);
    const onDamaged = (file: string): void => reports.onProblem(`${file} is damaged; the rest of its lines is lost`);
    const tail = readTail({ folder, kind, mayGrow, onLost, onDamaged }, spool.position);
    for (let step = await tail.next(); ; step = await tail.next()) {
      if (step.done === true) {
        await spool.keep();
        return step.value;
      }
      const { lines, tooLong, position } = step.value;
      if (tooLong > 0) reports.onDropped(tooLong);
      await this.#keep(await this.#eventsOf(lines, position), position);
      if (!this.#isClosed) continue;
      await tail.return("caughtUp");
      return "caughtUp";
    }
  }

  async #keep(events: readonly LogEvent[], position: ReadingPosition): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const dropped = await open.spool.append(events, position);
    if (dropped > 0) this.#parts.reports.onDropped(dropped);
    if (events.length > 0) open.delivery.noteAdded(events.length);
  }

  async #begin(): Promise<{ readonly spool: Spool; readonly delivery: Delivery }> {
    const { spoolFolder, spoolBytes, post, reports, sinceMs, folder, kind } = this.#parts;
    let spool = await Spool.open(spoolFolder, spoolBytes);
    if (spool === undefined) {
      const { position, files } = await beginningSince({ folder, kind }, sinceMs, MOST_BEGINNING_BYTES);
      spool = await Spool.create(spoolFolder, spoolBytes, { sinceMs, files }, position);
    }
    this.#ids.learn(spool.lastId);
    const delivery = new Delivery({ spool, post, reports }, this.#terms.delivery);
    if (!spool.isEmpty) delivery.noteAdded(0);
    return { spool, delivery };
  }

  async #eventsOf(lines: readonly string[], position: ReadingPosition): Promise<readonly LogEvent[]> {
    if (lines.length === 0) return [];
    const form = await this.#formOf(position.file);
    const begun = this.#open?.spool.begun;
    // Moments of lines are whole seconds in most forms.
    const sinceMs = begun?.files.includes(position.file) === true ? Math.floor(begun.sinceMs / 1000) * 1000 : 0;
    const nowMs = this.#parts.now();
    const events: LogEvent[] = [];
    for (const message of lines) {
      // Only what describes the file is read whether it matches or not: most lines do not.
      if (message.startsWith("#") && form.read(message) === undefined) continue;
      const extractedFields = this.#terms.match(message);
      if (extractedFields === undefined) continue;
      const timestamp = form.read(message)?.timestampMs ?? nowMs;
      if (timestamp < sinceMs) continue;
      const event = { id: this.#ids.next(nowMs), timestamp, message };
      events.push(Object.keys(extractedFields).length === 0 ? event : { ...event, extractedFields });
    }
    return events;
  }

  /** How the lines of a file are read, which stands at its beginning. */
  async #formOf(file: string): Promise<FileForm> {
    if (this.#form?.file === file) return this.#form.form;
    const form = new FileForm(this.#parts.form);
    const path = join(this.#parts.folder, file);
    for (const one of [path, `${path}.gz`]) {
      const head = await headOf(one);
      if (head === undefined) continue;
      for (const line of head) if (line.startsWith("#")) form.read(line);
      break;
    }
    this.#form = { file, form };
    return form;
  }
}

const isAbsent = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** The lines in front of the first that is no description; undefined without a file. */
const headOf = async (path: string): Promise<readonly string[] | undefined> => {
  try {
    for await (const { lines, endBytes } of readLogLines(path)) {
      if (lines.length > 0 || endBytes > HEAD_BYTES) return lines.slice(0, 16);
    }
    return [];
  } catch {
    return undefined;
  }
};
