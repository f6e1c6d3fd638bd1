import type { BodyReader, BodyStore } from "@basalt/store";
import { EdgeError } from "@basalt/types";
import { describe, expect, it } from "vitest";
import type { BodySource, StoredHead } from "../src/index.ts";
import { MemoryBody } from "../src/memoryBody.ts";
import { RemoteFill, sharedHead } from "../src/remoteFill.ts";
import { encodeHead } from "../src/storedHead.ts";
import { readSource } from "./support/reading.ts";
import { turns } from "./support/waiting.ts";

const TEXT = "0123456789";

const HEAD: StoredHead = {
  url: "/a",
  variant: "",
  status: 200,
  fields: ["ETag", '"1"'],
  bodyBytes: TEXT.length,
  storedAtMs: 0,
  validatedAtMs: 0,
  selection: "",
  initialAgeSeconds: 0,
  bodyVersion: 1,
  sourceVersion: 0,
};

const SHARED = { head: encodeHead(HEAD), disk: 0, file: 7, totalBytes: TEXT.length, availableBytes: 4, checksums: [] };

/** Its checksums are not looked at here. */
const NO_NEWS = { firstBlock: 0, checksums: [] };

/** The part of a store that a follower needs; counts what it holds open. */
class Files implements Pick<BodyStore, "openGrowing"> {
  open = 0;
  isGone = false;
  length = TEXT.length;

  openGrowing(): Promise<BodyReader | undefined> {
    if (this.isGone) return Promise.resolve(undefined);
    this.open++;
    return Promise.resolve({
      read: (target, offset, length, position) =>
        Promise.resolve(Buffer.from(TEXT.slice(0, this.length)).copy(target, offset, position, position + length)),
      release: () => {
        this.open--;
      },
    });
  }
}

class CountedBody extends MemoryBody {
  readers = 0;

  override retain(): void {
    this.readers++;
  }

  override release(): void {
    this.readers--;
  }
}

/** Shows only some bytes from where its reader is. */
class ShortSightedBody implements BodySource {
  readonly totalBytes = TEXT.length;
  readonly state = "growing";
  readonly error: EdgeError | undefined = undefined;
  readers = 0;
  #position: () => number = () => 0;

  get availableBytes(): number {
    return Math.min(TEXT.length, this.#position() + 4);
  }

  watch(_: () => void, position: () => number = () => 0): () => void {
    this.#position = position;
    return () => {};
  }

  peek(position: number): Buffer | undefined {
    return position < TEXT.length ? Buffer.from(TEXT.slice(position, position + 1)) : undefined;
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  retain(): void {
    this.readers++;
  }

  release(): void {
    this.readers--;
  }
}

type Successor = { readonly head: StoredHead; readonly source: BodySource } | EdgeError;

const follow = (
  takeOver: () => Promise<Successor> = () => Promise.resolve(new EdgeError("ORIGIN_CLOSED")),
  head: StoredHead = HEAD,
  availableBytes = 4,
) => {
  const files = new Files();
  const missing = (): Promise<never> => Promise.reject(new Error("not for followers"));
  const store: BodyStore = {
    setDisks: () => {},
    hasDisk: () => true,
    createParted: missing,
    openParted: missing,
    sync: () => Promise.resolve(),
    append: missing,
    replaceHead: missing,
    createFile: missing,
    load: missing,
    loadNow: () => undefined,
    openBody: missing,
    openGrowing: () => files.openGrowing(),
    close: () => Promise.resolve(),
  };
  return { files, fill: new RemoteFill(store, head, { ...SHARED, availableBytes }, takeOver) };
};

const successor =
  (body: BodySource, change: Partial<StoredHead> = {}) =>
  () => {
    body.retain();
    return Promise.resolve({ head: { ...HEAD, ...change }, source: body });
  };

describe("a followed body", () => {
  it("is read as far as the other worker has told", async () => {
    const { fill, files } = follow();
    const reading = readSource(fill, 3);
    fill.update({ fillId: 1, kind: "progress", availableBytes: 7, ...NO_NEWS });
    await turns(3);
    expect(fill.availableBytes).toBe(7);
    fill.update({ fillId: 1, kind: "progress", availableBytes: 5, ...NO_NEWS });
    expect(fill.availableBytes).toBe(7);
    fill.update({ fillId: 1, kind: "ended", availableBytes: 10 });
    expect(String(await reading)).toBe(TEXT);
    await turns(2);
    expect(files.open).toBe(0);
  });

  it("fails with the code that the other worker reported", async () => {
    const { fill } = follow();
    const reading = readSource(fill);
    fill.update({ fillId: 1, kind: "failed", code: "ORIGIN_RECEIVE_TIMEOUT" });
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_RECEIVE_TIMEOUT" });
  });

  it("goes on with the same response from elsewhere when its file is gone, and fails when there is none", async () => {
    const body = new CountedBody(Buffer.from(TEXT));
    const found = follow(successor(body));
    found.files.isGone = true;
    expect(String(await readSource(found.fill, 3))).toBe(TEXT);
    expect(body.readers).toBe(0);
    const { fill, files } = follow();
    files.isGone = true;
    await expect(readSource(fill)).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
  });

  it("goes on from elsewhere when its file holds less than was told", async () => {
    const { fill, files } = follow(successor(new CountedBody(Buffer.from(TEXT))));
    files.length = 4;
    const reading = readSource(fill, 3);
    fill.update({ fillId: 1, kind: "ended", availableBytes: TEXT.length });
    expect(String(await reading)).toBe(TEXT);
  });

  it("goes on with the same response from elsewhere when its worker dies", async () => {
    const body = new CountedBody(Buffer.from(TEXT));
    const { fill } = follow(successor(body));
    const reading = readSource(fill);
    fill.update({ fillId: 1, kind: "orphaned" });
    expect(String(await reading)).toBe(TEXT);
    expect(body.readers).toBe(0);
  });

  it("goes on although its successor shows only what lies near its reader", async () => {
    const body = new ShortSightedBody();
    const { fill } = follow(successor(body));
    const first = readSource(fill);
    const second = readSource(fill);
    fill.update({ fillId: 1, kind: "orphaned" });
    expect(String(await first)).toBe(TEXT);
    expect(String(await second)).toBe(TEXT);
    await turns(2);
    expect(body.readers).toBe(0);
  });

  it("fails when looking for another source does", async () => {
    const { fill } = follow(() => Promise.reject(new EdgeError("SHUTTING_DOWN")));
    const reading = readSource(fill);
    fill.update({ fillId: 1, kind: "orphaned" });
    await expect(reading).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });

  it("keeps nothing open when nobody ever read it", async () => {
    const body = new CountedBody(Buffer.from(TEXT));
    const { fill } = follow(successor(body));
    fill.update({ fillId: 1, kind: "orphaned" });
    await turns(5);
    expect(body.readers).toBe(0);
    expect(fill.state).toBe("failed");
  });

  it("takes a response that nothing tells from its own as long as none of its bytes was read", async () => {
    const plain: StoredHead = { ...HEAD, fields: ["Content-Type", "text/plain"] };
    for (const [head, text] of [
      [plain, TEXT],
      [{ ...plain, bodyBytes: TEXT.length + 1 }, "ORIGIN_CLOSED"],
      [{ ...plain, fields: ["Content-Type", "text/html"] }, "ORIGIN_CLOSED"],
    ] as const) {
      const body = new CountedBody(Buffer.from(TEXT));
      const { fill } = follow(successor(body, head), plain, 0);
      fill.update({ fillId: 1, kind: "unstored" });
      const read = readSource(fill).then(String, (error: unknown) => EdgeError.from(error).code);
      expect(await read).toBe(text);
      expect(body.readers).toBe(0);
    }
  });

  it("RFC 9110 8.8.1: does not join responses that a weak tag calls equal", async () => {
    const weak: StoredHead = { ...HEAD, fields: ["ETag", 'W/"1"'] };
    const body = new CountedBody(Buffer.from(TEXT));
    const { fill } = follow(successor(body, weak), weak);
    const reading = readSource(fill);
    fill.update({ fillId: 1, kind: "orphaned" });
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
  });

  it.each([
    ["another tag", { fields: ["ETag", '"2"'] }],
    ["another status", { status: 404 }],
    ["another length", { bodyBytes: 11 }],
    ["no validator any more", { fields: [] }],
  ])("does not join another response: %s", async (_, change) => {
    const body = new CountedBody(Buffer.from(TEXT));
    const { fill } = follow(successor(body, change));
    const reading = readSource(fill);
    fill.update({ fillId: 1, kind: "orphaned" });
    await expect(reading).rejects.toMatchObject({ code: "ORIGIN_CLOSED" });
    expect(body.readers).toBe(0);
  });

  it("keeps nothing open when its last reader left before another source was found", async () => {
    const body = new CountedBody(Buffer.from(TEXT));
    const { fill } = follow(successor(body));
    fill.retain();
    fill.update({ fillId: 1, kind: "orphaned" });
    fill.release();
    await turns(5);
    expect(body.readers).toBe(0);
  });

  it("an unreadable head is an error, not a crash", () => {
    expect(sharedHead({ ...SHARED, head: Buffer.from("{") })).toBeInstanceOf(EdgeError);
    expect(sharedHead(SHARED)).toEqual(HEAD);
  });
});
