import { setTimeout as delay } from "node:timers/promises";
import { bodyPath } from "../../infra/perf/positionedOrigin.ts";
import { connectVerified, type VerifiedClient } from "../../infra/perf/verifiedClient.ts";
import { parseHerdShare } from "./herdCrowd.ts";

/** A share of the herd, as a program of its own; its plan is its argument, its result one line of output. */
const CONNECT_AT_ONCE = 50;

const { port, firstClient, clients, keys, bodyBytes, askAtMs } = parseHerdShare(process.argv[2] ?? "");

const connected: VerifiedClient[] = [];
while (connected.length < clients) {
  const group = Math.min(CONNECT_AT_ONCE, clients - connected.length);
  connected.push(...(await Promise.all(Array.from({ length: group }, () => connectVerified(port)))));
}
process.stdout.write(`CONNECTED ${Date.now()}\n`);
await delay(Math.max(0, askAtMs - Date.now()));
const failures: Record<string, number> = {};
const answeredMs: number[] = [];
let right = 0;
await Promise.all(
  connected.map(async (client, index) => {
    const started = performance.now();
    const path = bodyPath(bodyBytes, `key-${(firstClient + index) % keys}`);
    const outcome = await client.ask({ path, bytes: bodyBytes });
    client.close();
    answeredMs.push(performance.now() - started);
    if (outcome.kind === "right") {
      right += 1;
      return;
    }
    const failure = outcome.kind === "status" ? `status ${outcome.status}` : outcome.kind;
    const reason = "reason" in outcome ? `${failure}: ${outcome.reason}` : failure;
    failures[reason] = (failures[reason] ?? 0) + 1;
  }),
);
answeredMs.sort((a, b) => a - b);
const quantiles = {
  half: Math.round(answeredMs[Math.floor(answeredMs.length / 2)] ?? 0),
  longest: Math.round(answeredMs.at(-1) ?? 0),
};
process.stdout.write(`RESULT ${JSON.stringify({ right, ...quantiles, failures })}\n`);
