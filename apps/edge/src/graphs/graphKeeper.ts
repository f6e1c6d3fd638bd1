import { setImmediate as nextTurn } from "node:timers/promises";
import type { GraphOutcome } from "@basalt/management";
import { type GraphQuestion, hasActivity, levelsOf, readHost, readServer } from "@basalt/management/graphs";
import {
  type Figures,
  type HostFacts,
  type InfoLog,
  type KeptFigures,
  type Statistics,
  type StoredFileFacts,
  sumOfFiles,
  VHOST_SLOT_COUNT,
  type VhostSubject,
} from "@basalt/telemetry";
import { type Clock, EdgeError } from "@basalt/types";
import { withinTime } from "../withinTime.ts";
import type { GraphWindow, HostValues } from "./graphProtocol.ts";
import type { GraphWork } from "./graphWork.ts";
import { PictureCache } from "./pictureCache.ts";

/** Hosts between two turns of the event loop. */
const HOSTS_AT_ONCE = 50;
/** GRAPH-05: pictures that may wait, each for as many as ask for it. */
const MOST_WAITING = 64;
const DRAWING_LIMIT_MS = 20_000;
/** Nobody waits longer for a disk that hangs. */
const CLOSE_LIMIT_MS = 3_000;
/** A window ends a little after its time, and is then to be written: the point of it is shown when that has been done. */
const SETTLING_MS = 10_000;
const DAY_MS = 86_400_000;
const MOST_MINUTES = 60;
/** Windows that may wait for a disk that hangs. */
const MOST_UNWRITTEN = 3;

export interface GraphKeeperParts {
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<InfoLog, "error">;
  readonly work: GraphWork;
  readonly vhostNames: () => readonly string[];
  readonly vhost: (name: string) => VhostSubject | undefined;
}

/** Of one window, taken when it ended. */
interface EndedWindow {
  readonly endedAtMs: number;
  readonly kept: KeptFigures;
  readonly server: HostFacts;
}

const isSame = (left: Float32Array, right: Float32Array | undefined): boolean =>
  left.every((value, at) => Object.is(value, right?.[at] ?? 0));

const isNothing = (values: Float32Array): boolean => values.every((value) => value === 0 || Number.isNaN(value));

/** Gives each window of five minutes to the history of the graphs, and has its pictures drawn (spec 11). */
export class GraphKeeper {
  readonly #parts: GraphKeeperParts;
  readonly #pictures = new PictureCache();
  readonly #drawing = new Map<string, Promise<Uint8Array | undefined>>();
  /** Of hosts that have any: levels as the last row of the host has them. */
  readonly #levels = new Map<string, Float32Array>();
  #minutesRecorded = 0;
  #dayRecorded = -1;
  #unwritten = 0;
  #recording: Promise<void> = Promise.resolve();

  constructor(parts: GraphKeeperParts) {
    this.#parts = parts;
  }

  /** A window has ended, also one of which only a part was seen. */
  windowEnded({ windows, minutesEnded }: Pick<Statistics, "windows" | "minutesEnded">): void {
    const minutes = Math.min(MOST_MINUTES, minutesEnded - this.#minutesRecorded);
    this.#minutesRecorded = minutesEnded;
    if (minutes <= 0) return;
    if (this.#unwritten >= MOST_UNWRITTEN) {
      this.#parts.log.error(
        "graphs: what was counted in five minutes is left out, as the disk has not taken earlier ones",
      );
      return;
    }
    this.#unwritten += 1;
    const kept = windows.kept(minutes);
    const window = { endedAtMs: this.#parts.clock.now(), kept, server: windows.host(minutes) };
    this.#recording = this.#recording
      .then(() => this.#record(window))
      .catch((cause: unknown) => this.#parts.log.error(`graphs: ${EdgeError.from(cause).detail}`))
      .finally(() => {
        this.#unwritten -= 1;
      });
  }

  async picture(question: GraphQuestion): Promise<GraphOutcome> {
    const { vhost, scope, resource, type } = question;
    if (vhost !== undefined && this.#parts.vhost(vhost) === undefined) return { kind: "unknownVhost" };
    const key = `${scope}/${resource}_${type} ${vhost ?? ""}`;
    const known = this.#pictures.find(key);
    if (known !== undefined) return { kind: "picture", png: known };
    let drawing = this.#drawing.get(key);
    if (drawing === undefined) {
      if (this.#drawing.size >= MOST_WAITING) return { kind: "busy" };
      drawing = this.#draw(key, question).finally(() => this.#drawing.delete(key));
      this.#drawing.set(key, drawing);
    }
    let png: Uint8Array | undefined;
    const waiting = drawing.then((drawn) => {
      png = drawn;
    });
    await withinTime(DRAWING_LIMIT_MS, waiting);
    return png === undefined ? { kind: "busy" } : { kind: "picture", png };
  }

  /** Resolves when every window so far is written. */
  settled(): Promise<void> {
    return this.#recording;
  }

  /** Keeps what the window that runs has in whole minutes. */
  async close(statistics: Pick<Statistics, "windows" | "minutesEnded">): Promise<void> {
    this.windowEnded(statistics);
    await withinTime(
      CLOSE_LIMIT_MS,
      this.#recording.then(() => this.#parts.work.close()),
    );
  }

  async #draw(key: string, question: GraphQuestion): Promise<Uint8Array | undefined> {
    const keep = this.#pictures.beginDrawing(key);
    const png = await this.#parts.work.draw(question, this.#parts.clock.now() - SETTLING_MS);
    if (png !== undefined) keep(png);
    return png;
  }

  async #record({ endedAtMs, kept, server }: EndedWindow): Promise<void> {
    const { work, vhostNames, vhost } = this.#parts;
    const span = { endedAtMs, seconds: kept.seconds };
    // At least one row a day of every host that has anything, so that what an idle one has is known.
    const day = Math.floor(endedAtMs / DAY_MS);
    const isFirstOfDay = day !== this.#dayRecorded;
    this.#dayRecorded = day;
    const names = vhostNames();
    this.#forgetOthers(names);
    const sum = new Float64Array(VHOST_SLOT_COUNT);
    let files = sumOfFiles([]);
    for (let from = 0; from < names.length; from += HOSTS_AT_ONCE) {
      await nextTurn();
      const hosts: HostValues[] = [];
      const stored: StoredFileFacts[] = [files];
      for (const name of names.slice(from, from + HOSTS_AT_ONCE)) {
        const subject = vhost(name);
        if (subject === undefined) continue;
        const figures = kept.vhost(subject);
        add(sum, figures);
        stored.push(subject.files);
        const values = readHost({ figures, files: subject.files });
        if (this.#isDue(name, values, isFirstOfDay)) hosts.push({ name, values });
      }
      files = sumOfFiles(stored);
      if (hosts.length > 0) await work.recordHosts({ ...span, hosts });
    }
    const figures: Figures = { values: sum, seconds: span.seconds, samples: span.seconds, isAverage: true };
    const all = readHost({ figures, files });
    const window: GraphWindow = { ...span, all, server: readServer(server) };
    await work.record(window);
    this.#pictures.clear();
    await work.tidy(endedAtMs);
  }

  /** Whether it is to be written: of a host to which nothing happens there is nothing to write. */
  #isDue(name: string, values: Float32Array, isFirstOfDay: boolean): boolean {
    const levels = levelsOf(values);
    const isDue =
      hasActivity(values) || !isSame(levels, this.#levels.get(name)) || (isFirstOfDay && !isNothing(values));
    if (!isDue) return false;
    if (isNothing(levels)) this.#levels.delete(name);
    else this.#levels.set(name, levels);
    return true;
  }

  #forgetOthers(names: readonly string[]): void {
    const known = new Set(names);
    for (const name of this.#levels.keys()) if (!known.has(name)) this.#levels.delete(name);
  }
}

const add = (sum: Float64Array, { values }: Figures): void => {
  for (let slot = 0; slot < sum.length; slot++) sum[slot] = (sum[slot] ?? 0) + (values[slot] ?? 0);
};
