import { setTimeout as delay } from "node:timers/promises";
import { bodyPath } from "./positionedOrigin.ts";
import { type FailureKind, parseRestartPlan, type RestartTally, storedName } from "./restartLoad.ts";
import { seededRandom } from "./seededRandom.ts";
import { type BodyOutcome, connectVerified, type VerifiedClient } from "./verifiedClient.ts";

/** The load of `restartLoad.ts`, as a program of its own; its plan is its argument. Ends with SIGTERM and a result. */
const TICK_MS = 1;
const KEPT_WORDS = 8;
const END_WITHIN_MS = 10_000;

const plan = parseRestartPlan(process.argv[2] ?? "");
const random = seededRandom(7);
const failures = new Map<FailureKind, number>();
const words: string[] = [];
const tally = {
  requests: 0,
  misses: 0,
  failedMisses: 0,
  longestMs: 0,
  longest: "",
  longestGapMs: 0,
  lastFailureAtMs: 0,
};
const idle: VerifiedClient[] = [];
let lastAnswerMs = performance.now();
let underWay = 0;
let sent = 0;
let isOver = false;

function kindOf(reason: string): FailureKind {
  if (reason.startsWith("ECONNREFUSED")) return "refused";
  return reason.startsWith("silence") ? "silent" : "reset";
}

function noteFailure(kind: FailureKind, word: string, isMiss: boolean): void {
  failures.set(kind, (failures.get(kind) ?? 0) + 1);
  if (isMiss) tally.failedMisses += 1;
  tally.lastFailureAtMs = Date.now();
  if (words.length < KEPT_WORDS) words.push(word);
}

function note(outcome: BodyOutcome, dueMs: number, sentMs: number, isMiss: boolean, how: string): void {
  tally.requests += 1;
  if (isMiss) tally.misses += 1;
  const now = performance.now();
  if (now - dueMs > tally.longestMs) {
    tally.longestMs = now - dueMs;
    tally.longest = `${isMiss ? "a miss" : "a hit"} ${how}, sent ${(sentMs - dueMs).toFixed(0)} ms late`;
  }
  switch (outcome.kind) {
    case "right":
    case "left":
      tally.longestGapMs = Math.max(tally.longestGapMs, now - lastAnswerMs);
      lastAnswerMs = now;
      return;
    case "wrong":
      noteFailure("wrong", outcome.reason, isMiss);
      return;
    case "status":
      noteFailure("5xx", `status ${outcome.status}${isMiss ? " for a miss" : ""}, ${how}`, isMiss);
      return;
    case "failed":
      noteFailure(kindOf(outcome.reason), `${outcome.reason}, ${how}`, isMiss);
      return;
  }
}

async function connect(): Promise<VerifiedClient | string> {
  try {
    return await connectVerified(plan.port);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function ask(number: number, dueMs: number): Promise<void> {
  const isKept = number % 2 === 0;
  const isMiss = number % plan.missEvery === 0;
  const name = isMiss ? `${plan.name}-${number}` : storedName(Math.floor(plan.objects * random()));
  const how = isKept ? "on a kept connection" : "on a connection of its own";
  let client = isKept ? takeIdle() : undefined;
  if (client === undefined) {
    const connected = await connect();
    if (typeof connected === "string") {
      note({ kind: "failed", reason: connected }, dueMs, performance.now(), isMiss, "while connecting");
      return;
    }
    client = connected;
  }
  const sentMs = performance.now();
  const outcome = await client.ask({ path: bodyPath(plan.bytes, name), bytes: plan.bytes });
  note(outcome, dueMs, sentMs, isMiss, how);
  if (isKept && !client.isClosed && idle.length < plan.keptConnections) idle.push(client);
  else client.close();
}

function takeIdle(): VerifiedClient | undefined {
  for (let client = idle.shift(); client !== undefined; client = idle.shift()) if (!client.isClosed) return client;
  return undefined;
}

for (let index = 0; index < plan.keptConnections; index++) {
  const client = await connect();
  if (typeof client !== "string") idle.push(client);
}
const startMs = performance.now();
lastAnswerMs = startMs;
process.on("SIGTERM", () => {
  isOver = true;
});
while (!isOver) {
  const due = Math.floor(((performance.now() - startMs) / 1000) * plan.requestsPerSecond);
  for (; sent < due; sent++) {
    underWay += 1;
    void ask(sent, startMs + (sent * 1000) / plan.requestsPerSecond).finally(() => {
      underWay -= 1;
    });
  }
  await delay(TICK_MS);
}
const endMs = performance.now() + END_WITHIN_MS;
while (underWay > 0 && performance.now() < endMs) await delay(5);
for (; underWay > 0; underWay--)
  note({ kind: "failed", reason: "silence at the end" }, endMs, endMs, false, "no answer");
const result: RestartTally = { ...tally, failures: Object.fromEntries(failures), words };
process.stdout.write(`RESULT ${JSON.stringify(result)}\n`, () => process.exit(0));
