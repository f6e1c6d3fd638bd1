import { appendFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Subscription, type SubscriptionParts } from "../../src/subscription/subscription.ts";

const LIMIT_MS = 30_000;
const BEGIN_MS = new Date("2026-03-01T10:00:00.700").getTime();
const HEADER = "#Fields: date time c-ip sc-status\n";
const line = (second: number, status: number): string =>
  `2026.03.01 10:00:${String(second).padStart(2, "0")} 10.0.0.1 ${status}\n`;

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "subscription-"));
  folder = join(home, "shop");
  await mkdir(folder);
});
const running: Subscription[] = [];
afterEach(async () => {
  for (const subscription of running.splice(0)) await subscription.close();
  await rm(home, { recursive: true, force: true });
});

const file = (name: string): string => join(folder, name);

/** A receiver that answers as it is told, and says what it has taken. */
class Receiver {
  status: number | "away" | "hangs" = 200;
  readonly bodies: { readonly logEvents: readonly { readonly id: string; readonly message: string }[] }[] = [];
  calls = 0;

  readonly post = async (_: string, body: string, signal: AbortSignal): Promise<number> => {
    this.calls++;
    if (this.status === "away") throw new Error("ECONNREFUSED");
    if (this.status === "hangs") {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    }
    if (this.status !== 200) return this.status;
    const { awslogs } = JSON.parse(body);
    this.bodies.push(JSON.parse(gunzipSync(Buffer.from(awslogs.data, "base64")).toString()));
    return 200;
  };

  get events() {
    return this.bodies.flatMap(({ logEvents }) => logEvents);
  }

  get messages(): readonly string[] {
    return this.events.map(({ message }) => message);
  }
}

const counts = { delivered: 0, dropped: 0, failed: 0 };
const said: string[] = [];
beforeEach(() => {
  Object.assign(counts, { delivered: 0, dropped: 0, failed: 0 });
  said.length = 0;
});

const REPORTS = {
  onDelivered: (events: number) => {
    counts.delivered += events;
  },
  onDropped: (events: number) => {
    counts.dropped += events;
  },
  onFailedCall: () => {
    counts.failed++;
  },
  onProblem: (text: string) => void said.push(text),
  onNotice: (text: string) => void said.push(text),
};

const begin = (receiver: Receiver, more: Partial<SubscriptionParts> = {}, mostEvents = 100): Subscription => {
  const subscription = new Subscription(
    {
      folder,
      kind: "access",
      form: "ston",
      spoolFolder: join(folder, "subscriptions", "access.errors"),
      spoolBytes: 1024 * 1024,
      sinceMs: BEGIN_MS,
      now: () => BEGIN_MS,
      mayGrow: async () => false,
      post: receiver.post,
      reports: REPORTS,
      ...more,
    },
    {
      match: (text) => (text.endsWith("500") ? { status: "500" } : undefined),
      delivery: {
        url: "http://receiver/",
        source: { owner: "o", logGroup: "shop/access", logStream: "edge", subscription: "errors" },
        mostEvents,
        waitMs: 1,
      },
    },
  );
  running.push(subscription);
  return subscription;
};

const stop = async (subscription: Subscription): Promise<void> => {
  running.splice(running.indexOf(subscription), 1);
  await subscription.close();
};

describe("a subscription", () => {
  it("AWS-86 sends lines that match since it has begun, with the fields of the pattern", async () => {
    await writeFile(
      file("access_20260301_1000.log"),
      HEADER + line(0, 500).replace("10:00:00", "09:59:59") + line(1, 500),
    );
    const receiver = new Receiver();
    const subscription = begin(receiver);
    await subscription.wake();
    await appendFile(file("access_20260301_1000.log"), `${line(2, 200)}${line(3, 500)}2026.03.01 10:00:04 torn`);
    await subscription.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(2);
    expect(receiver.bodies[0]).toMatchObject({
      messageType: "DATA_MESSAGE",
      owner: "o",
      logGroup: "shop/access",
      logStream: "edge",
      subscriptionFilters: ["errors"],
    });
    expect(receiver.events[0]).toEqual({
      id: expect.stringMatching(/^\d{20}$/),
      timestamp: new Date("2026-03-01T10:00:01").getTime(),
      message: line(1, 500).trimEnd(),
      extractedFields: { status: "500" },
    });
    expect(counts).toEqual({ delivered: 2, dropped: 0, failed: 0 });
  });

  it("AWS-87 goes on behind a restart where it was, with ids that grow, in files that were rotated and compressed", async () => {
    const receiver = new Receiver();
    await writeFile(file("access_20260301_1000.log"), HEADER);
    const first = begin(receiver);
    await first.wake();
    await appendFile(file("access_20260301_1000.log"), line(1, 500));
    await first.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(1);
    await stop(first);
    const whole = HEADER + line(1, 500) + line(2, 500);
    await rm(file("access_20260301_1000.log"));
    await writeFile(file("access_20260301_1000.log.gz"), gzipSync(whole));
    await writeFile(file("access_20260301_1001.log"), HEADER + line(3, 500));
    await writeFile(file("access_20260301_1002.log"), HEADER + line(4, 500) + line(5, 404));
    const second = begin(receiver, { sinceMs: BEGIN_MS + 100_000 });
    await second.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(4);
    expect(receiver.messages).toEqual([1, 2, 3, 4].map((second) => line(second, 500).trimEnd()));
    const ids = receiver.events.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted());
  });

  it("AWS-87 a receiver that is away, refuses or hangs costs nothing: what it has not taken is sent after a restart", async () => {
    const receiver = new Receiver();
    receiver.status = "away";
    const first = begin(receiver);
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 500));
    await first.wake();
    await expect.poll(() => counts.failed, { timeout: LIMIT_MS }).toBe(1);
    await stop(first);
    receiver.status = 503;
    const second = begin(receiver);
    await second.wake();
    await expect.poll(() => counts.failed, { timeout: LIMIT_MS }).toBe(2);
    await stop(second);
    receiver.status = "hangs";
    const third = begin(receiver);
    await third.wake();
    await expect.poll(() => receiver.calls, { timeout: LIMIT_MS }).toBe(3);
    await stop(third);
    receiver.status = 200;
    const fourth = begin(receiver);
    await fourth.wake();
    await expect.poll(() => receiver.messages, { timeout: LIMIT_MS }).toEqual([line(1, 500).trimEnd()]);
    expect(said.filter((text) => text.includes("status 503"))).toHaveLength(1);
  });

  it("AWS-87 a receiver that comes back while the process lives gets all, in order, and it is said", async () => {
    const receiver = new Receiver();
    receiver.status = 500;
    const subscription = begin(receiver, {}, 3);
    const lines = Array.from({ length: 8 }, (_, at) => line(at + 1, 500));
    await writeFile(file("access_20260301_1000.log"), HEADER + lines.join(""));
    await subscription.wake();
    await expect.poll(() => counts.failed, { timeout: LIMIT_MS }).toBeGreaterThan(0);
    receiver.status = 200;
    await expect.poll(() => receiver.messages, { timeout: LIMIT_MS }).toEqual(lines.map((text) => text.trimEnd()));
    expect(receiver.bodies.map(({ logEvents }) => logEvents.length)).toEqual([3, 3, 2]);
    expect(said).toEqual([expect.stringContaining("status 500"), expect.stringContaining("takes events again")]);
  });

  it("a receiver that finds calls too large gets smaller ones, and one event that is too large is dropped", async () => {
    const receiver = new Receiver();
    const post: Receiver["post"] = async (url, body, signal) => {
      const { logEvents } = JSON.parse(gunzipSync(Buffer.from(JSON.parse(body).awslogs.data, "base64")).toString());
      const isTooLarge =
        logEvents.length > 2 || logEvents.some(({ message }: { message: string }) => message.includes(":02 "));
      return isTooLarge ? 413 : receiver.post(url, body, signal);
    };
    const subscription = begin(receiver, { post });
    await writeFile(file("access_20260301_1000.log"), HEADER + [1, 2, 3, 4, 5].map((at) => line(at, 500)).join(""));
    await subscription.wake();
    await expect
      .poll(() => receiver.messages, { timeout: LIMIT_MS })
      .toEqual([1, 3, 4, 5].map((at) => line(at, 500).trimEnd()));
    expect(counts.dropped).toBe(1);
  });

  it("AWS-87 goes on when what was taken could not be written down for a time", async () => {
    const receiver = new Receiver();
    const subscription = begin(receiver);
    await writeFile(file("access_20260301_1000.log"), HEADER);
    await subscription.wake();
    const blocked = join(folder, "subscriptions", "access.errors", "state.json.tmp");
    await mkdir(blocked);
    await appendFile(file("access_20260301_1000.log"), line(1, 500));
    await subscription.wake();
    await expect.poll(() => counts.failed, { timeout: LIMIT_MS }).toBe(1);
    await rm(blocked, { recursive: true });
    await appendFile(file("access_20260301_1000.log"), line(2, 500));
    await subscription.wake();
    await expect.poll(() => receiver.messages.at(-1), { timeout: LIMIT_MS }).toBe(line(2, 500).trimEnd());
  });

  it("AWS-87 goes on behind a compressed file that is damaged, and says so once", async () => {
    const receiver = new Receiver();
    const subscription = begin(receiver);
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 500));
    await subscription.wake();
    await rm(file("access_20260301_1000.log"));
    const whole = gzipSync(HEADER + line(1, 500) + line(2, 500));
    await writeFile(file("access_20260301_1000.log.gz"), whole.subarray(0, whole.length - 12));
    await subscription.wake();
    await writeFile(file("access_20260301_1001.log"), HEADER + line(3, 500));
    await subscription.wake();
    await expect.poll(() => receiver.messages.at(-1), { timeout: LIMIT_MS }).toBe(line(3, 500).trimEnd());
    expect(said).toEqual([expect.stringContaining("access_20260301_1000.log.gz is damaged")]);
  });

  it("AWS-87 goes on when the folder of its spool was deleted", async () => {
    const receiver = new Receiver();
    const subscription = begin(receiver);
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 500));
    await subscription.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(1);
    await rm(join(folder, "subscriptions"), { recursive: true });
    await appendFile(file("access_20260301_1000.log"), line(2, 500));
    await subscription.wake();
    await expect.poll(() => receiver.messages.at(-1), { timeout: LIMIT_MS }).toBe(line(2, 500).trimEnd());
  });

  it("calls stay near the size that a receiver takes", async () => {
    const receiver = new Receiver();
    let refused = 0;
    const post: Receiver["post"] = async (url, body, signal) => {
      const { logEvents } = JSON.parse(gunzipSync(Buffer.from(JSON.parse(body).awslogs.data, "base64")).toString());
      if (logEvents.length <= 4) return receiver.post(url, body, signal);
      refused++;
      return 413;
    };
    const subscription = begin(receiver, { post }, 64);
    await writeFile(
      file("access_20260301_1000.log"),
      HEADER + Array.from({ length: 64 }, (_, at) => line(at % 60, 500)).join(""),
    );
    await subscription.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(64);
    expect(refused).toBeLessThan(24);
  });

  it("AWS-87 waits at the end of a file that may still grow although there is a newer one", async () => {
    const receiver = new Receiver();
    let isOpen = true;
    const subscription = begin(receiver, { mayGrow: async () => isOpen });
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 500));
    await subscription.wake();
    await writeFile(file("access_20260301_1001.log"), HEADER + line(3, 500));
    await subscription.wake();
    await appendFile(file("access_20260301_1000.log"), line(2, 500));
    isOpen = false;
    await subscription.wake();
    await expect
      .poll(() => receiver.messages, { timeout: LIMIT_MS })
      .toEqual([1, 2, 3].map((at) => line(at, 500).trimEnd()));
  });

  it("AWS-87 a file that was deleted unread is said, and the next one is read", async () => {
    const receiver = new Receiver();
    const subscription = begin(receiver);
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 500));
    await subscription.wake();
    await rename(file("access_20260301_1000.log"), join(home, "gone"));
    await writeFile(file("access_20260301_1001.log"), HEADER + line(2, 500));
    await subscription.wake();
    await expect.poll(() => receiver.messages.length, { timeout: LIMIT_MS }).toBe(2);
    expect(said).toEqual([expect.stringContaining("access_20260301_1000.log was deleted before it was read")]);
    await rm(file("access_20260301_1001.log"));
    for (let look = 0; look < 3; look++) await subscription.wake();
    expect(said).toHaveLength(1);
  });

  it("AWS-87 its spool is bounded while the receiver is away; what is dropped is counted", async () => {
    const receiver = new Receiver();
    receiver.status = "away";
    const subscription = begin(receiver, { spoolBytes: 600 * 1024 });
    const many = Array.from({ length: 9_000 }, (_, at) => `${"x".repeat(100)} ${at} 500\n`).join("");
    await writeFile(file("access_20260301_1000.log"), HEADER + line(1, 200) + many);
    await subscription.wake();
    expect(counts.dropped).toBeGreaterThan(1_000);
    await stop(subscription);
    receiver.status = 200;
    const again = begin(receiver, { spoolBytes: 600 * 1024 }, 10_000);
    await again.wake();
    await expect.poll(() => receiver.events.length + counts.dropped, { timeout: LIMIT_MS }).toBe(9_000);
    expect(receiver.messages.at(-1)).toContain(" 8999 500");
    const left = () => readdir(join(folder, "subscriptions", "access.errors"));
    await expect.poll(left, { timeout: LIMIT_MS }).toEqual(["state.json"]);
  });
});
