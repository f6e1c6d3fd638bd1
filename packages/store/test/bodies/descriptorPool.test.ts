import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { DescriptorPool } from "../../src/bodies/descriptorPool.ts";
import { readFully } from "../../src/bodies/fileAccess.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const writeFiles = (count: number): string[] => {
  const folder = temporaryFolder();
  return Array.from({ length: count }, (_, number) => {
    const path = join(folder, String(number));
    writeFileSync(path, String(number).padStart(4, "0"));
    return path;
  });
};

const readNumber = async (pool: DescriptorPool, path: string, file = pool.hold(path)): Promise<number> => {
  const target = Buffer.alloc(4);
  await pool.use(file, (descriptor) => readFully(descriptor, target, 0, 4, 0));
  return Number(target.toString());
};

describe("the descriptor pool", () => {
  it("REG-317 reads any number of files held at once with few descriptors", async () => {
    const paths = writeFiles(60);
    const pool = new DescriptorPool(4);
    let most = 0;
    const held = paths.map((path) => pool.hold(path));
    const rounds = [...paths.keys(), ...paths.keys()];
    const numbers = await Promise.all(
      rounds.map(async (index) => {
        const number = await readNumber(pool, paths[index] ?? "", held[index]);
        most = Math.max(most, pool.openCount);
        return number;
      }),
    );
    expect(numbers).toEqual(rounds);
    expect(most).toBeLessThanOrEqual(4);
    for (const file of held) pool.release(file);
    await pool.close();
    expect(pool.openCount).toBe(0);
  });

  it("keeps a descriptor for the next reader, and closes it when idle", async () => {
    const [path = ""] = writeFiles(1);
    const pool = new DescriptorPool(4);
    const file = pool.hold(path);
    await readNumber(pool, path, file);
    pool.release(file);
    expect(pool.hold(path)).toBe(file);
    pool.release(file);
    pool.closeIdle();
    expect(pool.openCount).toBe(1);
    pool.closeIdle();
    await nextTurn();
    await expect.poll(() => pool.openCount).toBe(0);
    await pool.close();
  });

  it("lets a holder read a deleted file to the end, and nobody else find it", async () => {
    const [path = ""] = writeFiles(1);
    const pool = new DescriptorPool(4);
    const file = pool.hold(path);
    await readNumber(pool, path, file);
    unlinkSync(path);
    pool.remove(path);
    expect(await readNumber(pool, path, file)).toBe(0);
    const later = pool.hold(path);
    await expect(readNumber(pool, path, later)).rejects.toThrow("ENOENT");
    pool.release(later);
    pool.release(file);
    await expect.poll(() => pool.openCount).toBe(0);
    await pool.close();
  });
});
