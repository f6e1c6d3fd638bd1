import fs from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, type IndexRow, openDiskIndexReader } from "../../src/index.ts";
import { type OpenHome, openHome } from "./checkHome.ts";
import { copyHome } from "./crashPoints.ts";
import { buildHomes } from "./finishedHome.ts";
import { bodyOf, headOf, INDEX_FILE, keyOf, type ObjectState } from "./objects.ts";
import { withScratchFolder } from "./scratchFolder.ts";
import { seededRandom } from "./seededRandom.ts";

const DAMAGES = 100;
const KINDS = ["segment", "body", "map", "database", "log"] as const;
type Kind = (typeof KINDS)[number];

const filesOf = (home: string, kind: Kind): string[] => {
  if (kind === "database") return [join(home, INDEX_FILE)];
  if (kind === "log") return [join(home, `${INDEX_FILE}-wal`)].filter((path) => fs.existsSync(path));
  const suffix = kind === "segment" ? ".seg" : ".body";
  return fs
    .readdirSync(home, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(suffix))
    .toSorted()
    .map((name) => join(home, name));
};

/** Damages one file; returns what was done, for the message of a failure. */
const damage = (home: string, random: () => number): string => {
  const below = (limit: number): number => Math.floor(random() * limit);
  const kind = KINDS[below(KINDS.length)] ?? "segment";
  const files = filesOf(home, kind);
  const path = files[below(files.length)];
  const bytes = path === undefined ? 0 : fs.statSync(path).size;
  if (path === undefined || bytes === 0) return "nothing";
  const mapBytes = Math.min(bytes, 48);
  const position = kind === "map" ? bytes - mapBytes + below(mapBytes) : below(bytes);
  if (random() < 0.25) {
    fs.truncateSync(path, position);
    return `${path} cut at ${position}`;
  }
  const content = fs.readFileSync(path);
  const flip = 1 << below(8);
  content.writeUInt8(content.readUInt8(position) ^ flip, position);
  fs.writeFileSync(path, content);
  return `${path} flipped by ${flip} at ${position}`;
};

type Outcome = "whole" | "partial" | "absent" | "wrong";

const serveBlocks = async ({ bodies }: OpenHome, row: IndexRow, expected: Buffer): Promise<Outcome> => {
  const file = await bodies.openParted(row.location);
  if (file === undefined) return "absent";
  let present = 0;
  const target = Buffer.alloc(BLOCK_BYTES);
  for (let block = 0; block < file.blockCount; block += 1) {
    if (!file.has(block)) continue;
    const start = block * BLOCK_BYTES;
    const count = await file.read(target, 0, BLOCK_BYTES, start).catch(() => undefined);
    if (count === undefined) continue;
    if (!target.subarray(0, count).equals(expected.subarray(start, start + BLOCK_BYTES))) return "wrong";
    present += 1;
  }
  file.release();
  return present === file.blockCount ? "whole" : "partial";
};

/** What a client would get for that URL. The cache takes no row that names another one. */
const serve = async (home: OpenHome, row: IndexRow | undefined, state: ObjectState): Promise<Outcome> => {
  if (row?.url !== state.url) return "absent";
  const quick = home.bodies.loadNow(row.location);
  const loaded = await home.bodies.load(row.location);
  if (loaded === undefined) return quick === undefined ? "absent" : "wrong";
  const expected = bodyOf(state.seed, state.bodyBytes);
  for (const { head, body } of quick === undefined ? [loaded] : [loaded, quick]) {
    if (!head.equals(headOf(state)) || body?.equals(expected) === false) return "wrong";
  }
  return loaded.body === undefined ? serveBlocks(home, row, expected) : "whole";
};

describe("a store of which one byte is flipped, or one file cut", () => {
  it(`serves every object exactly or not at all: ${DAMAGES} damages`, async () => {
    const outcomes: Record<Outcome, number> = { whole: 0, partial: 0, absent: 0, wrong: 0 };
    const wrongs: string[] = [];
    await withScratchFolder(async (folder) => {
      const { states, homes } = await buildHomes(folder);
      for (let seed = 1; seed <= DAMAGES; seed += 1) {
        const home = join(folder, "damaged");
        copyHome(homes[seed % 2] ?? "", home);
        const what = damage(home, seededRandom(seed));
        const opened = await openHome(home);
        const reader = openDiskIndexReader(join(home, INDEX_FILE));
        for (const state of states) {
          const key = keyOf(state.url);
          const rows = [opened.index.find(key), reader.find(key)];
          if (isDeepStrictEqual(rows[0], rows[1])) rows.pop();
          for (const row of rows) {
            const outcome = await serve(opened, row, state);
            outcomes[outcome] += 1;
            if (outcome === "wrong") wrongs.push(`damage ${seed}, ${what}: ${state.url}`);
          }
        }
        reader.close();
        await opened.close();
        fs.rmSync(home, { recursive: true });
      }
    });
    process.stdout.write(`${DAMAGES} damages: ${JSON.stringify(outcomes)}\n`);
    expect(wrongs).toEqual([]);
    expect(outcomes.whole).toBeGreaterThan(DAMAGES * 50);
    expect(Math.min(outcomes.partial, outcomes.absent)).toBeGreaterThan(0);
  }, 600_000);
});
