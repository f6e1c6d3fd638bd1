import { setTimeout as delay } from "node:timers/promises";
import { bodyPath } from "./positionedOrigin.ts";
import { seededRandom } from "./seededRandom.ts";
import { connectVerified, type VerifiedClient } from "./verifiedClient.ts";
import { type LoadTally, parseLoadPlan, type SizeClass } from "./verifiedLoad.ts";

/** A load of checked requests, as a program of its own; its plan is its argument, its tallies go to standard output. */
const TALLY_EVERY_MS = 250;
const RETRY_MS = 50;
const KEPT_WRONGS = 5;

const plan = parseLoadPlan(process.argv[2] ?? "");
const started = performance.now();
const wrongs: string[] = [];
const tally = {
  requests: 0,
  right: 0,
  wrong: 0,
  bytes: 0,
  longestMs: 0,
  errors: new Map<string, number>(),
  wrongs,
};

function print(): void {
  const [oldest] = [...underWay.values()].sort((a, b) => a.sentAtMs - b.sentAtMs);
  const line: LoadTally = {
    ...tally,
    elapsedMs: performance.now() - started,
    waitingMs: oldest === undefined ? 0 : performance.now() - oldest.sentAtMs,
    waitingFor: oldest?.path ?? "",
    errors: Object.fromEntries(tally.errors),
  };
  process.stdout.write(`TALLY ${JSON.stringify(line)}\n`);
}

function countError(reason: string): void {
  tally.errors.set(reason, (tally.errors.get(reason) ?? 0) + 1);
}

/** The request under way, by connection. */
const underWay = new Map<number, { readonly path: string; readonly sentAtMs: number }>();

const totalWeight = plan.mix.reduce((sum, { weight }) => sum + weight, 0);

function pickClass(point: number): SizeClass {
  let left = point * totalWeight;
  for (const each of plan.mix) {
    left -= each.weight;
    if (left < 0) return each;
  }
  const last = plan.mix.at(-1);
  if (last === undefined) throw new Error("an empty mix");
  return last;
}

async function runConnection(number: number): Promise<void> {
  const random = seededRandom(plan.seed + number);
  let client: VerifiedClient | undefined;
  for (;;) {
    if (client === undefined || client.isClosed) {
      try {
        client = await connectVerified(plan.port);
      } catch (error) {
        countError(`connect: ${error instanceof Error ? error.message : error}`);
        await delay(RETRY_MS);
        continue;
      }
    }
    const { bytes, count, name, rangeBytes, bytesPerSecond } = pickClass(random());
    const index = Math.floor(count * random() ** plan.skew);
    const first = rangeBytes === undefined ? 0 : Math.floor(random() * Math.max(1, bytes - rangeBytes));
    const asked = performance.now();
    const path = bodyPath(bytes, `${name}-${index}`, bytesPerSecond);
    underWay.set(number, { path, sentAtMs: asked });
    const outcome = await client.ask({
      path,
      bytes,
      range: rangeBytes === undefined ? undefined : { first, last: Math.min(bytes, first + rangeBytes) - 1 },
    });
    underWay.delete(number);
    if (outcome.kind === "failed" && outcome.reason.startsWith("closed while idle")) continue;
    tally.requests += 1;
    tally.longestMs = Math.max(tally.longestMs, performance.now() - asked);
    switch (outcome.kind) {
      case "right":
      case "left":
        tally.right += 1;
        tally.bytes += outcome.bytes;
        break;
      case "wrong":
        tally.wrong += 1;
        if (wrongs.length < KEPT_WRONGS) wrongs.push(outcome.reason);
        break;
      case "status":
        countError(`status ${outcome.status}`);
        break;
      case "failed":
        countError(outcome.reason);
        await delay(RETRY_MS);
        break;
    }
    if (plan.pauseMs > 0) await delay(plan.pauseMs);
  }
}

process.on("SIGTERM", () => {
  print();
  process.stdout.write("", () => process.exit(0));
});
setInterval(print, TALLY_EVERY_MS);
print();
await Promise.all(Array.from({ length: plan.connections }, (_, number) => runConnection(number)));
