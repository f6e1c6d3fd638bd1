import { join } from "node:path";
import { epochMs, type Problem, systemClock } from "@basalt/types";
import { recordBytesOf } from "../../src/bodies/recordFormat.ts";
import {
  BLOCK_BYTES,
  type BodyStore,
  type BodyUpkeep,
  type DiskIndex,
  type IndexRow,
  openBodyStore,
  openDiskIndexReader,
  openDiskIndexWriter,
  recoverTails,
} from "../../src/index.ts";
import type { CrashWay } from "./crashEvents.ts";
import type { Ledger } from "./ledger.ts";
import { bodyOf, disksOf, headOf, INDEX_FILE, imageOf, keyOf, type ObjectState, parseHead, rowOf } from "./objects.ts";

/** What was found in a home after a crash. */
export interface HomeFindings {
  /** Complete objects, objects with some of their blocks, and URLs of which nothing is left. */
  readonly whole: number;
  readonly partial: number;
  readonly absent: number;
  /** Objects that tail recovery entered. */
  readonly recovered: number;
  readonly found: readonly ObjectState[];
  /** Empty when the store kept its promises. */
  readonly violations: readonly string[];
}

export interface OpenHome {
  readonly index: DiskIndex;
  readonly bodies: BodyStore & BodyUpkeep;
  readonly problems: Problem[];
  readonly recovered: number;
  close(): Promise<void>;
}

/** Everything as the primary has it after a start, with the tails recovered. */
export const openHome = async (home: string): Promise<OpenHome> => {
  const problems: Problem[] = [];
  const onProblem = (problem: Problem): void => void problems.push(problem);
  const index = openDiskIndexWriter(join(home, INDEX_FILE), { clock: systemClock, onProblem });
  const bodies = openBodyStore({
    disks: disksOf(home, index.disks()),
    allocateSegment: () => Promise.resolve(index.nextSegmentId()),
    allocateFile: () => Promise.resolve(index.nextFileId()),
    onProblem,
    maxOpenFiles: 64,
  });
  const { objects } = await recoverTails({ index, bodies, isOwnSegment: () => true, hasVhost: () => true });
  return {
    index,
    bodies,
    problems,
    recovered: objects,
    close: async () => {
      await bodies.close();
      index.close();
    },
  };
};

const rowsOf = async (index: DiskIndex): Promise<IndexRow[]> => {
  const rows: IndexRow[] = [];
  await index.scan({}, (row) => rows.push(row));
  return rows;
};

/** An object as a client would get it. */
interface Served {
  readonly state: ObjectState;
  /** Blocks of a body of its own that are present. */
  readonly blocks: ReadonlySet<number>;
  readonly isWhole: boolean;
}

const ABSENT = "absent";

/** Bodies that were made for a point are looked at again at most of the next. */
const KEPT_BODIES_BYTES = 64 * 1024 * 1024;
const madeBodies = new Map<string, Buffer>();
let keptBytes = 0;

const expectedBody = (seed: number, bodyBytes: number): Buffer => {
  const key = `${seed} ${bodyBytes}`;
  const kept = madeBodies.get(key);
  if (kept !== undefined) return kept;
  if (keptBytes > KEPT_BODIES_BYTES) {
    madeBodies.clear();
    keptBytes = 0;
  }
  const body = bodyOf(seed, bodyBytes);
  madeBodies.set(key, body);
  keptBytes += bodyBytes;
  return body;
};

const spareTargets: Buffer[] = [];

/** A sentence when something wrong was served. */
const serve = async ({ bodies }: OpenHome, row: IndexRow): Promise<Served | typeof ABSENT | { wrong: string }> => {
  const { location, url } = row;
  const loaded = await bodies.load(location);
  if (loaded === undefined) return ABSENT;
  const state = parseHead(loaded.head);
  const isRight = state?.url === url && state.version === row.version && state.bodyBytes === location.bodyBytes;
  if (state === undefined || !isRight) return { wrong: `${url} has the head "${loaded.head}"` };
  const expected = expectedBody(state.seed, state.bodyBytes);
  if (loaded.body !== undefined) {
    if (!loaded.body.equals(expected)) return { wrong: `${url} has another body` };
    return { state, blocks: new Set(), isWhole: true };
  }
  const file = await bodies.openParted(location);
  if (file === undefined) return ABSENT;
  const blocks = new Set<number>();
  const target = spareTargets.pop() ?? Buffer.alloc(BLOCK_BYTES);
  try {
    for (let block = 0; block < file.blockCount; block += 1) {
      if (!file.has(block)) continue;
      const start = block * BLOCK_BYTES;
      const count = await file.read(target, 0, BLOCK_BYTES, start).catch(() => undefined);
      if (count === undefined) continue;
      if (!target.subarray(0, count).equals(expected.subarray(start, start + BLOCK_BYTES))) {
        return { wrong: `block ${block} of ${url} has other bytes` };
      }
      blocks.add(block);
    }
    return { state, blocks, isWhole: blocks.size === file.blockCount };
  } finally {
    spareTargets.push(target);
    file.release();
  }
};

const checkAccounts = (index: DiskIndex, rows: readonly IndexRow[], violations: string[]): void => {
  const segments = new Map<number, { liveBytes: number; liveObjects: number }>();
  const files = new Map<number, { liveBytes: number; liveObjects: number }>();
  let bytes = 0;
  for (const { location, missingBytes } of rows) {
    bytes += location.bodyBytes;
    const segment = segments.get(location.segment) ?? { liveBytes: 0, liveObjects: 0 };
    segment.liveBytes += recordBytesOf(location);
    segment.liveObjects += 1;
    segments.set(location.segment, segment);
    if (location.file === 0) continue;
    const use = files.get(location.disk) ?? { liveBytes: 0, liveObjects: 0 };
    use.liveBytes += location.bodyBytes - missingBytes;
    use.liveObjects += 1;
    files.set(location.disk, use);
  }
  const compare = (what: string, counted: object, told: object): void => {
    if (JSON.stringify(counted) !== JSON.stringify(told)) {
      violations.push(`${what}: counted ${JSON.stringify(counted)}, told ${JSON.stringify(told)}`);
    }
  };
  compare("totals", { objects: rows.length, bytes }, index.totals);
  for (const { segment, liveBytes, liveObjects } of index.segmentUse()) {
    const counted = segments.get(segment) ?? { liveBytes: 0, liveObjects: 0 };
    compare(`segment ${segment}`, counted, { liveBytes, liveObjects });
    segments.delete(segment);
  }
  if (segments.size > 0) violations.push(`no account of the segments ${[...segments.keys()].join(", ")}`);
  for (const { number } of index.disks()) {
    compare(`files of disk ${number}`, files.get(number) ?? { liveBytes: 0, liveObjects: 0 }, index.fileUse(number));
  }
};

const checkPromises = (
  ledger: Ledger,
  way: CrashWay,
  served: ReadonlyMap<string, Served>,
  rows: readonly IndexRow[],
  violations: string[],
): void => {
  const { held, removedTo } = ledger.promisesAfter(way);
  for (const [url, promised] of held) {
    if (promised.blocks?.size === 0) continue;
    const found = served.get(url);
    if (found === undefined || found.state.version < promised.version) {
      violations.push(`${url} version ${promised.version} is gone, found ${found?.state.version ?? "nothing"}`);
    } else if (found.state.seed === promised.seed) {
      const lacking =
        promised.blocks === undefined ? [] : [...promised.blocks].filter((block) => !found.blocks.has(block));
      if (lacking.length > 0) violations.push(`${url} lacks the blocks ${lacking.join(", ")}`);
      if (promised.blocks === undefined && !found.isWhole) violations.push(`${url} is not whole`);
    }
  }
  for (const { url, version } of rows) {
    const limit = removedTo.get(url);
    if (limit !== undefined && version <= limit) violations.push(`${url} version ${version} came back`);
  }
};

/** The store goes on after the crash: new objects harm none that is there, and only orphans are swept. */
const liveOn = async (home: OpenHome, seed: number, rows: readonly IndexRow[], violations: string[]): Promise<void> => {
  const { index, bodies } = home;
  const now = epochMs(Date.now());
  const states: ObjectState[] = [];
  for (const [position, bodyBytes] of [700, 60_000, BLOCK_BYTES + 17, 700, BLOCK_BYTES + 17].entries()) {
    const state = { url: `/after/${position}`, version: index.highestVersion + 1, seed: seed + position, bodyBytes };
    const image = imageOf(state, now);
    states.push(state);
    const body = bodyOf(state.seed, bodyBytes);
    if (bodyBytes < BLOCK_BYTES) {
      index.put(rowOf(image, await bodies.append(image, headOf(state), body)));
      continue;
    }
    const file = await bodies.createParted(image, headOf(state), bodyBytes);
    const part = await file.startPart(0);
    await part.write(body);
    await part.close();
    index.put(rowOf(image, file.location, file.missingBytes));
    file.release();
  }
  await index.flush();
  const isLive = await index.collectLiveFiles();
  await bodies.removeOrphanFiles(isLive, { modifiedBefore: epochMs(now + 3_600_000), filesPerSecond: 1e9 });
  for (const { url } of states) {
    const row = index.find(keyOf(url));
    const served = row === undefined ? ABSENT : await serve(home, row);
    if (served === ABSENT || "wrong" in served || !served.isWhole)
      violations.push(`${url} was not stored after the crash`);
  }
  for (const row of rows.slice(-8)) {
    const served = await serve(home, row);
    if (served === ABSENT || "wrong" in served) violations.push(`${row.url} was harmed after the crash`);
  }
};

export interface HomeCheck {
  readonly home: string;
  readonly way: CrashWay;
  readonly ledger: Ledger;
  /** Whether new objects are stored after the check; the home is not used again then. */
  readonly livesOn: boolean;
}

/** Reopens everything as after a restart and compares with what was promised. */
export const checkHome = async ({ home, way, ledger, livesOn }: HomeCheck): Promise<HomeFindings> => {
  const violations = ledger.takeWrongs();
  const opened = await openHome(home);
  const { index, problems } = opened;
  const reader = openDiskIndexReader(join(home, INDEX_FILE));
  try {
    const rows = await rowsOf(index);
    const served = new Map<string, Served>();
    const servedRows: IndexRow[] = [];
    const lost: IndexRow[] = [];
    let whole = 0;
    for (const row of rows) {
      if (reader.find(row.key)?.version !== row.version) violations.push(`a worker does not find ${row.url}`);
      const result = await serve(opened, row);
      if (result === ABSENT) {
        lost.push(row);
        continue;
      }
      if ("wrong" in result) {
        violations.push(result.wrong);
        continue;
      }
      if (!ledger.wasBegun(result.state)) violations.push(`${row.url} version ${row.version} was never stored`);
      served.set(row.url, result);
      servedRows.push(row);
      if (result.isWhole) whole += 1;
    }
    checkPromises(ledger, way, served, rows, violations);
    checkAccounts(index, rows, violations);
    for (const { file, message } of problems) {
      const isRecord = file.includes(".seg");
      const mayBeDamaged = isRecord ? way !== "kill" || ledger.hadPowerCut : file.includes(".body");
      if (!mayBeDamaged) violations.push(`reported: ${file}: ${message}`);
    }
    const ids = [`segment ${index.nextSegmentId()}`, `file ${index.nextFileId()}`];
    for (const id of ids) if (way === "kill" && ledger.ids.has(id)) violations.push(`${id} was given again`);
    if (livesOn) await liveOn(opened, 1_000_000_000, servedRows, violations);
    else {
      for (const { key } of lost) index.remove(key);
      await index.sync();
    }
    return {
      whole,
      partial: served.size - whole,
      absent: ledger.urls.size - served.size,
      recovered: opened.recovered,
      found: [...served.values()].map(({ state }) => state),
      violations,
    };
  } finally {
    reader.close();
    await opened.close();
  }
};

/** Rows after one more restart: what was recovered once is not lost again, and nothing else appears. */
export const countRowsAfterRestart = async (
  home: string,
): Promise<{ readonly rows: number; readonly recovered: number }> => {
  const opened = await openHome(home);
  try {
    return { rows: (await rowsOf(opened.index)).length, recovered: opened.recovered };
  } finally {
    await opened.close();
  }
};
