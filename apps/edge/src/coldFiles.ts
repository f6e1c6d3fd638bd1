import { COLD_FILE_BOUNDS_SECONDS, type ColdFileReport } from "@basalt/management";
import type { IndexRow } from "@basalt/store";

export interface ColdFileParts {
  /** Visits every row, of one virtual host or of all, without holding the event loop. */
  readonly scan: (filter: { readonly vhost?: string }, visit: (row: IndexRow) => void) => Promise<void>;
  readonly nowMs: () => number;
}

/** What was found is told again for so long: a look at millions of rows takes seconds. */
const KEPT_MS = 10_000;

interface Look {
  readonly report: Promise<ColdFileReport>;
  /** Undefined while it goes on. */
  endedMs: number | undefined;
}

/** Which objects lie unused, and for how long. Calls for the same hosts share one look at the index. */
export class ColdFiles {
  readonly #parts: ColdFileParts;
  readonly #looks = new Map<string, Look>();

  constructor(parts: ColdFileParts) {
    this.#parts = parts;
  }

  report(vhost: string | undefined): Promise<ColdFileReport> {
    const nowMs = this.#parts.nowMs();
    for (const [name, { endedMs }] of this.#looks) {
      if (endedMs !== undefined && Math.abs(nowMs - endedMs) >= KEPT_MS) this.#looks.delete(name);
    }
    const name = vhost ?? "";
    const known = this.#looks.get(name);
    if (known !== undefined) return known.report;
    const look: Look = { report: this.#look(vhost, nowMs), endedMs: undefined };
    this.#looks.set(name, look);
    look.report.then(
      () => {
        look.endedMs = this.#parts.nowMs();
      },
      () => this.#looks.delete(name),
    );
    return look.report;
  }

  async #look(vhost: string | undefined, nowMs: number): Promise<ColdFileReport> {
    const classes = Array.from({ length: COLD_FILE_BOUNDS_SECONDS.length + 1 }, () => ({ objects: 0, bytes: 0 }));
    let objects = 0;
    let bytes = 0;
    await this.#parts.scan(vhost === undefined ? {} : { vhost }, ({ lastAccess, location, missingBytes }) => {
      const idleSeconds = Math.max(0, nowMs - lastAccess) / 1000;
      const found = COLD_FILE_BOUNDS_SECONDS.findIndex((boundSeconds) => idleSeconds <= boundSeconds);
      const one = classes[found < 0 ? classes.length - 1 : found];
      const storedBytes = location.bodyBytes - missingBytes;
      if (one !== undefined) {
        one.objects += 1;
        one.bytes += storedBytes;
      }
      objects += 1;
      bytes += storedBytes;
    });
    return { objects, bytes, classes };
  }
}
