import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES } from "../../src/limits.ts";
import { openStore, readAll } from "../support/openStore.ts";
import { patternBytes, sampleImage } from "../support/samples.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const HEAD = Buffer.from("200 OK");
const IMAGE = sampleImage();
const QUOTA_BYTES = 4 * BLOCK_BYTES;

const openSmall = () => openStore({ disks: [{ path: temporaryFolder(), quotaBytes: QUOTA_BYTES }] });

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "written",
    (error: unknown) => EdgeError.from(error).code,
  );

describe("CFG-40: a body that is longer than the disk may hold", () => {
  it("of unknown length is refused from there on, and what fits is kept", async () => {
    const store = openSmall();
    const tooLong = await store.createFile();
    await tooLong.write(patternBytes(QUOTA_BYTES, 1));
    expect(await codeOf(tooLong.write(Buffer.from("x")))).toBe("STORE_UNAVAILABLE");
    await tooLong.abandon();
    const fitting = await store.createFile();
    await fitting.write(patternBytes(QUOTA_BYTES, 1));
    const location = await fitting.complete(IMAGE, HEAD);
    expect((await readAll(await store.openBody(location))).equals(patternBytes(QUOTA_BYTES, 1))).toBe(true);
    expect(store.counters.failed).toBe(0);
  });

  it("that comes in parts may have as many blocks as fit, wherever they lie", async () => {
    const store = openSmall();
    const parted = await store.createParted(IMAGE, HEAD, 100 * BLOCK_BYTES);
    for (const block of [90, 3, 50]) {
      const part = await parted.startPart(block);
      await part.write(patternBytes(BLOCK_BYTES, 1));
      await part.close();
    }
    const last = await parted.startPart(10);
    await last.write(patternBytes(BLOCK_BYTES, 1));
    expect(await codeOf(last.write(patternBytes(BLOCK_BYTES, 1)))).toBe("STORE_UNAVAILABLE");
    await last.close();
    expect([3, 10, 11, 50, 90].filter((block) => parted.has(block))).toEqual([3, 10, 50, 90]);
    expect(store.counters.failed).toBe(0);
    parted.release();
  });
});
