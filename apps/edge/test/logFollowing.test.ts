import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogFollowing } from "../src/logs/logFollowing.ts";
import type { FollowCounts, FollowedLog } from "../src/logs/logHostProtocol.ts";

const LIMIT = { timeout: 30_000 };

let home: string;
let following: LogFollowing;
const calls: { readonly url: string; readonly messages: readonly string[] }[] = [];
const said: string[] = [];
const told: FollowCounts[] = [];
let status = 200;

const messagesIn = (body: string): readonly string[] => {
  const { logEvents } = JSON.parse(gunzipSync(Buffer.from(JSON.parse(body).awslogs.data, "base64")).toString());
  return logEvents.map(({ message }: { readonly message: string }) => message);
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "following-"));
  await mkdir(join(home, "shop"));
  await writeFile(join(home, "shop", "access_20260301_0000.log"), "");
  for (const list of [calls, said, told]) list.length = 0;
  status = 200;
  following = new LogFollowing({
    now: () => 1_000,
    mayGrow: async () => false,
    post: async (url, body) => {
      calls.push({ url, messages: messagesIn(body) });
      return status;
    },
    tellCounts: (counts) => told.push(counts),
    say: (level, text) => said.push(`${level} ${text}`),
  });
});
afterEach(async () => {
  await following.close();
  await rm(home, { recursive: true, force: true });
});

const wanted = (name: string, more: Partial<FollowedLog> = {}): FollowedLog => ({
  title: `subscription ${name}`,
  log: "access shop",
  folder: join(home, "shop"),
  kind: "access",
  form: "",
  spoolFolder: join(home, "shop", "subscriptions", `access.${name}`),
  spoolBytes: 1024 * 1024,
  sinceMs: 0,
  pattern: "ERROR",
  url: `http://receiver/${name}`,
  source: { owner: "o", logGroup: "shop/access", logStream: "edge", subscription: name },
  mostEvents: 10,
  waitMs: 1,
  ...more,
});

const write = async (text: string): Promise<void> => {
  await appendFile(join(home, "shop", "access_20260301_0000.log"), `${text}\n`);
  await following.wake(["access shop"]);
};

describe("the subscriptions of all logs", () => {
  it("AWS-86 each takes the lines that its pattern matches, by what a reload has made of it", async () => {
    await following.follow([wanted("a"), wanted("b", { pattern: "WARN" })]);
    await following.wake([]);
    await write("ERROR one");
    await write("WARN two");
    await expect.poll(() => calls.length, LIMIT).toBe(2);
    expect(calls.toSorted((one, other) => (one.url < other.url ? -1 : 1))).toEqual([
      { url: "http://receiver/a", messages: ["ERROR one"] },
      { url: "http://receiver/b", messages: ["WARN two"] },
    ]);
    await following.follow([wanted("a", { pattern: "WARN", url: "http://other/" })]);
    await write("ERROR three");
    await write("WARN four");
    await expect.poll(() => calls.at(-1), LIMIT).toEqual({ url: "http://other/", messages: ["WARN four"] });
    expect(calls).toHaveLength(3);
  });

  it("AWS-87 of one that is gone nothing stays; one whose log has moved keeps what it has not delivered", async () => {
    status = 500;
    await following.follow([wanted("a"), wanted("b")]);
    await following.wake([]);
    await write("ERROR one");
    await expect.poll(() => calls.length, LIMIT).toBe(2);
    await following.follow([wanted("b", { folder: join(home, "moved"), spoolFolder: join(home, "moved", "s") })]);
    expect(existsSync(wanted("a").spoolFolder)).toBe(false);
    expect(existsSync(join(wanted("b").spoolFolder, "state.json"))).toBe(true);
  });

  it("AWS-86 logs that take long to read keep the others waiting no longer than their turns last", async () => {
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await following.close();
    following = new LogFollowing({
      now: () => 1_000,
      mayGrow: async (path) => {
        if (path.includes("/slow/")) await gate;
        return false;
      },
      post: async (url, body) => {
        calls.push({ url, messages: messagesIn(body) });
        return 200;
      },
      tellCounts: () => undefined,
      say: () => undefined,
    });
    await mkdir(join(home, "slow"));
    for (const name of ["access_20260301_0000.log", "access_20260301_0001.log"])
      await writeFile(join(home, "slow", name), "one\n");
    const slow = { log: "access slow", folder: join(home, "slow"), spoolFolder: join(home, "slow", "s") };
    const quick = Array.from({ length: 20 }, (_, at) => wanted(`q${at}`));
    await following.follow([wanted("slow", slow), ...quick]);
    await appendFile(join(home, "shop", "access_20260301_0000.log"), "ERROR one\n");
    for (let turn = 0; turn < 20; turn++) void following.wake(["access slow", "access shop"]);
    await expect.poll(() => calls.length, LIMIT).toBe(20);
    letGo();
  });

  it("AWS-87 counts and says what was dropped, failed and delivered", async () => {
    status = 413;
    await following.follow([wanted("a")]);
    await following.wake([]);
    await write("ERROR too large");
    await expect.poll(() => said, LIMIT).toEqual(["warning subscription a: 1 events were dropped"]);
    await expect.poll(() => told.some(({ dropped }) => dropped === 1), LIMIT).toBe(true);
    status = 200;
    await write("ERROR two");
    await expect.poll(() => told.some(({ delivered }) => delivered === 1), LIMIT).toBe(true);
    await expect.poll(() => told.at(-1)?.spoolBytes, LIMIT).toBe(0);
    status = 500;
    await write("ERROR three");
    await expect.poll(() => told.at(-1)?.spoolBytes, LIMIT).toBeGreaterThan(0);
    await following.follow([]);
    expect(told.at(-1)?.spoolBytes).toBe(0);
  });
});
