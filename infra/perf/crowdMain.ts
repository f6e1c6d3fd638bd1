import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parseCrowdShare } from "./crowd.ts";
import { bodyPieces, bodySeed } from "./positionedBody.ts";
import { type BodyOutcome, connectVerified, type VerifiedClient } from "./verifiedClient.ts";

/** A share of a crowd, as a program of its own; its plan is its argument, its result one line of output. */
const CONNECT_AT_ONCE = 50;

const { port, path, bytes, clients, leaving, digests, askAtMs } = parseCrowdShare(process.argv[2] ?? "");

function rightDigest(): string {
  const hash = createHash("sha256");
  for (const piece of bodyPieces(bodySeed(path), 0, bytes - 1)) hash.update(piece);
  return hash.digest("hex");
}

/** Those who leave do so spread over the first half of the body. */
function leaveAfter(index: number): number | undefined {
  return index < leaving ? Math.ceil((bytes * (index + 1)) / (leaving * 2)) : undefined;
}

async function askOnce(client: VerifiedClient, index: number): Promise<BodyOutcome> {
  const hash = digests ? createHash("sha256") : undefined;
  const outcome = await client.ask({
    path,
    bytes,
    leaveAfterBytes: leaveAfter(index),
    onBytes: hash === undefined ? undefined : (part) => hash.update(part),
  });
  client.close();
  if (outcome.kind === "right" && hash !== undefined && hash.digest("hex") !== right) {
    return { kind: "wrong", reason: "another SHA-256" };
  }
  return outcome;
}

const right = digests ? rightDigest() : "";
const connected: VerifiedClient[] = [];
while (connected.length < clients) {
  const group = Math.min(CONNECT_AT_ONCE, clients - connected.length);
  connected.push(...(await Promise.all(Array.from({ length: group }, () => connectVerified(port)))));
}
await delay(Math.max(0, askAtMs - Date.now()));
const outcomes = await Promise.all(connected.map(askOnce));
const result = { right: 0, left: 0, wrong: 0, bytes: 0, lastFirstByteAtMs: 0, endedAtMs: Date.now() };
const errors: Record<string, number> = {};
const countError = (reason: string) => {
  errors[reason] = (errors[reason] ?? 0) + 1;
};
for (const outcome of outcomes) {
  switch (outcome.kind) {
    case "right":
    case "left":
      result[outcome.kind] += 1;
      result.bytes += outcome.bytes;
      result.lastFirstByteAtMs = Math.max(result.lastFirstByteAtMs, outcome.firstByteAtMs);
      break;
    case "wrong":
      result.wrong += 1;
      countError(outcome.reason);
      break;
    case "status":
      countError(`status ${outcome.status}`);
      break;
    case "failed":
      countError(outcome.reason);
      break;
  }
}
process.stdout.write(`RESULT ${JSON.stringify({ ...result, errors })}\n`);
