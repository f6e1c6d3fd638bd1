import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { UploadClient, UploadFile, UploadOutcome } from "../../src/upload/contract.ts";
import { Uploader } from "../../src/upload/uploader.ts";
import { UploadLog } from "../../src/upload/uploadLog.ts";
import { UploadQueue } from "../../src/upload/uploadQueue.ts";

const START = new Date(2014, 3, 23, 17, 10, 20).getTime();
const SENT: UploadOutcome = { kind: "sent", bytes: 260, tookMs: 60 };
const UNREACHABLE: UploadOutcome = {
  kind: "failed",
  at: "server",
  bytes: 381,
  tookMs: 10_006,
  message: 'connect "refused"',
};

const clientOf = (name: string, changed: Partial<UploadClient> = {}): UploadClient => ({
  name,
  mode: "Passive",
  host: `${name}.test`,
  port: 21,
  user: "u",
  password: "p",
  connectTimeoutSeconds: 10,
  transferTimeoutSeconds: 600,
  trafficCapKilobytes: 0,
  deleteUploaded: false,
  backupOnFail: false,
  uploadPath: "",
  transfer: { kind: "rotate" },
  ...changed,
});

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-upload-"));
});
afterEach(() => rm(home, { recursive: true }));

/** An uploader with a clock and servers of the test. */
class Scene {
  now = START;
  readonly sent: string[] = [];
  readonly problems: string[] = [];
  answer: (client: string, path: string) => UploadOutcome | Promise<UploadOutcome> = () => SENT;
  isIdle = false;
  #wake: (() => void) | undefined;
  readonly uploader: Uploader;
  readonly queue: UploadQueue;

  static async open(): Promise<Scene> {
    return new Scene(await UploadQueue.open(join(home, "stonb", "queue.json"), () => {}));
  }

  private constructor(queue: UploadQueue) {
    this.queue = queue;
    this.uploader = new Uploader({
      queue,
      log: new UploadLog(join(home, "stonb", "stonb.log"), (text) => this.problems.push(text)),
      now: () => this.now,
      machine: "edge-01",
      backupFolder: join(home, "backup"),
      send: async ({ name }, { remotePath }) => {
        this.isIdle = false;
        this.sent.push(`${name} ${remotePath}`);
        return this.answer(name, remotePath);
      },
      onIdle: () => {
        this.isIdle = true;
      },
      onProblem: (text) => this.problems.push(text),
      wait: (_, then) => {
        this.#wake = then;
        return () => {
          this.#wake = undefined;
        };
      },
    });
  }

  pass(ms: number): void {
    this.now += ms;
    this.#wake?.();
  }

  async log(): Promise<readonly string[]> {
    const text = await readFile(join(home, "stonb", "stonb.log"), "utf8").catch(() => "");
    return text.split("\n").slice(1, -1);
  }
}

const rotated = async (minute: number, vhost = "example.com"): Promise<UploadFile> => {
  const path = join(home, `access_20140423_17${String(minute).padStart(2, "0")}.log`);
  await writeFile(path, "line\n");
  const startMs = new Date(2014, 3, 23, 17, minute).getTime();
  return { path, kind: "access", vhost, startMs, endMs: startMs + 60_000 };
};

const soon = { timeout: 10_000 };

describe("upload of rotated logs", () => {
  it("LOG-174 LOG-185 LOG-190 each client of a log gets the file, and a line tells of it", async () => {
    const scene = await Scene.open();
    scene.uploader.configure([clientOf("a"), clientOf("b")]);
    const file = await rotated(0);
    scene.uploader.add("access example.com", file, ["a", "b", "unknown"]);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(0), soon);
    await scene.uploader.close();
    expect(scene.sent.toSorted()).toEqual([
      "a /example.com/access_20140423_1700.log",
      "b /example.com/access_20140423_1700.log",
    ]);
    const place = `${file.path} ftp://a.test:21/example.com/access_20140423_1700.log`;
    expect(await scene.log()).toContain(`2014-04-23 17:10:20 ${place} 260 60 success "-"`);
    expect(scene.isIdle).toBe(true);
  });

  it("LOG-184 a file that failed is kept aside and never sent again", async () => {
    const scene = await Scene.open();
    scene.answer = () => UNREACHABLE;
    scene.uploader.configure([clientOf("b", { backupOnFail: true })]);
    scene.uploader.add("access example.com", await rotated(0), ["b"]);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(0), soon);
    scene.pass(3_600_000);
    await scene.uploader.close();
    expect(scene.sent).toHaveLength(1);
    expect(await readdir(join(home, "backup", "example.com"))).toEqual(["access_20140423_1700.log"]);
    expect(await scene.log()).toEqual([expect.stringMatching(/ 381 10006 fail "connect 'refused'"$/)]);
  });

  it("LOG-184 without it a file is sent again later, and the server is left alone meanwhile", async () => {
    const scene = await Scene.open();
    scene.answer = () => UNREACHABLE;
    scene.uploader.configure([clientOf("b")]);
    scene.uploader.add("access example.com", await rotated(0), ["b"]);
    scene.uploader.add("access example.com", await rotated(1), ["b"]);
    await vi.waitFor(() => expect(scene.isIdle).toBe(true), soon);
    scene.pass(29_000);
    expect(scene.sent).toHaveLength(1);
    scene.answer = () => SENT;
    scene.pass(1_000);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(0), soon);
    await scene.uploader.close();
    expect(scene.sent).toHaveLength(3);
  });

  it("a file that its server refuses does not hold up the next one", async () => {
    const scene = await Scene.open();
    scene.answer = (_, path) => (path.includes("1700") ? { ...UNREACHABLE, at: "file" } : SENT);
    scene.uploader.configure([clientOf("a")]);
    scene.uploader.add("access example.com", await rotated(0), ["a"]);
    scene.uploader.add("access example.com", await rotated(1), ["a"]);
    await vi.waitFor(() => expect(scene.sent).toHaveLength(2), soon);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(1), soon);
    await scene.uploader.close();
  });

  it("LOG-183 the last client that is done with a file deletes it", async () => {
    const scene = await Scene.open();
    const late = Promise.withResolvers<UploadOutcome>();
    scene.answer = (client) => (client === "b" ? late.promise : SENT);
    scene.uploader.configure([clientOf("a", { deleteUploaded: true }), clientOf("b")]);
    scene.uploader.add("access example.com", await rotated(0), ["a", "b"]);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(1), soon);
    expect(await readdir(home)).toContain("access_20140423_1700.log");
    late.resolve(SENT);
    await vi.waitFor(async () => expect(await readdir(home)).not.toContain("access_20140423_1700.log"), soon);
    await scene.uploader.close();
  });

  it("LOG-187 files wait for the time of their client", async () => {
    const scene = await Scene.open();
    scene.uploader.configure([clientOf("a", { transfer: { kind: "daily", minute: 18 * 60 } })]);
    scene.uploader.add("access example.com", await rotated(0), ["a"]);
    scene.pass(49 * 60_000);
    expect(scene.sent).toEqual([]);
    scene.pass(60_000);
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(0), soon);
    await scene.uploader.close();
    expect(scene.sent).toHaveLength(1);
  });

  it("LOG-174 what was queued is sent after a restart, and what was rotated meanwhile", async () => {
    const before = await Scene.open();
    before.answer = () => UNREACHABLE;
    before.uploader.configure([clientOf("a")]);
    before.uploader.catchUp("access example.com", [], ["a"]);
    const [first, second] = [await rotated(0), await rotated(1)];
    before.uploader.add("access example.com", first, ["a"]);
    await vi.waitFor(() => expect(before.isIdle).toBe(true), soon);
    await before.uploader.close();

    const after = await Scene.open();
    after.uploader.configure([clientOf("a")]);
    after.uploader.catchUp("access example.com", [first, second], ["a"]);
    await vi.waitFor(() => expect(after.queue.jobs.size).toBe(0), soon);
    await after.uploader.close();
    expect(after.sent.map((line) => line.slice(-8))).toEqual(["1700.log", "1701.log"]);
  });

  it("files from before a log had a client are not sent", async () => {
    const scene = await Scene.open();
    scene.uploader.configure([clientOf("a")]);
    scene.uploader.catchUp("access example.com", [await rotated(0)], ["a"]);
    scene.uploader.catchUp("access example.com", [await rotated(0), await rotated(1)], ["a"]);
    await vi.waitFor(() => expect(scene.sent).toHaveLength(1), soon);
    await scene.uploader.close();
    expect(scene.sent).toEqual(["a /example.com/access_20140423_1701.log"]);
  });

  it("LOG-174 tells of files that have still to be sent, or to be queued", async () => {
    const scene = await Scene.open();
    scene.answer = () => UNREACHABLE;
    scene.uploader.configure([clientOf("b")]);
    const [early, queued, late] = [await rotated(0), await rotated(1), await rotated(2)];
    expect(scene.uploader.awaits("access example.com", late)).toBe(false);
    scene.uploader.add("access example.com", queued, ["b"]);
    const awaited = [early, queued, late].map((file) => scene.uploader.awaits("access example.com", file));
    expect(awaited).toEqual([false, true, true]);
    await scene.uploader.close();
  });

  it("LOG-174 gives up the oldest files when too many wait: of one log, and in all", async () => {
    const problems: string[] = [];
    const path = join(home, "stonb", "few.json");
    const limits = { filesOfLog: 2, files: 3 };
    const queue = await UploadQueue.open(path, (text) => problems.push(text), limits);
    const job = async (minute: number, vhost: string) => ({
      ...(await rotated(minute, vhost)),
      client: "b",
      queuedMs: START,
      isUnwanted: false,
    });
    const waiting = () => [...queue.jobs].map(({ startMs, vhost }) => `${vhost} ${new Date(startMs).getMinutes()}`);
    for (const minute of [0, 1, 2]) queue.add(await job(minute, "a.example"));
    expect(waiting()).toEqual(["a.example 1", "a.example 2"]);
    expect(queue.isWaitingFor((await rotated(0)).path)).toBe(false);
    for (const minute of [3, 4]) queue.add(await job(minute, "b.example"));
    expect(waiting()).toEqual(["a.example 2", "b.example 3", "b.example 4"]);
    expect(problems).toEqual(["too many files wait for b: the oldest are not uploaded"]);
    await queue.close();
    const again = await UploadQueue.open(path, () => {}, limits);
    expect(again.jobs.size).toBe(3);
  });

  it("a process that ends is begun again; one file that ends it thrice has failed", async () => {
    const scene = await Scene.open();
    scene.answer = () => Promise.reject(new Error("gone"));
    scene.uploader.configure([clientOf("a", { backupOnFail: true })]);
    scene.uploader.add("access example.com", await rotated(0), ["a"]);
    for (let crashes = 1; crashes <= 3; crashes++) {
      await vi.waitFor(() => expect(scene.sent).toHaveLength(crashes), soon);
      await vi.waitFor(() => expect(scene.isIdle).toBe(true), soon);
      scene.pass(1_000);
    }
    await vi.waitFor(() => expect(scene.queue.jobs.size).toBe(0), soon);
    await scene.uploader.close();
    expect(await scene.log()).toEqual([expect.stringContaining("the process that sends files ended")]);
  });

  it("a client that is gone leaves nothing in the queue", async () => {
    const scene = await Scene.open();
    scene.answer = () => UNREACHABLE;
    scene.uploader.configure([clientOf("a")]);
    scene.uploader.add("access example.com", await rotated(0), ["a"]);
    await vi.waitFor(() => expect(scene.isIdle).toBe(true), soon);
    scene.uploader.configure([]);
    expect(scene.queue.jobs.size).toBe(0);
    expect(scene.problems).toEqual([expect.stringContaining("1 files were waiting")]);
    await scene.uploader.close();
  });
});

describe("the file of the queue", () => {
  it("that is damaged is set aside", async () => {
    const path = join(home, "queue.json");
    await writeFile(path, '{"version":1,"jobs":{}}');
    const problems: string[] = [];
    const queue = await UploadQueue.open(path, (text) => problems.push(text));
    expect(queue.jobs.size).toBe(0);
    expect(problems).toHaveLength(1);
    expect(await readdir(home)).toEqual(["queue.json.damaged"]);
  });

  it("gives no job out of an entry that is none", async () => {
    const path = join(home, "queue.json");
    await writeFile(path, '{"version":1,"jobs":[null,1,{"client":"a"}],"marks":{"x":1}}');
    const queue = await UploadQueue.open(path, () => {});
    expect(queue.jobs.size).toBe(0);
    expect(queue.markOf("x")).toBeUndefined();
  });
});
