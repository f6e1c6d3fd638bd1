import { createHash } from "node:crypto";
import { HANG_LIMIT_MS } from "../limits.ts";
import { type FlatFields, fieldValue } from "../wire/fields.ts";
import { type RequestSpec, rawClient, renderRequest } from "./rawClient.ts";

export type FetchOutcome =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly fields: FlatFields;
      readonly bytes: number;
      readonly sha256: string;
    }
  | { readonly kind: "failed"; readonly error: string };

export interface FetchAllOptions {
  /** Connections at once; all of them when absent. */
  readonly concurrency?: number;
  readonly silenceLimitMs?: number;
}

/** `count` requests, each on a connection of its own; bodies are digested as they come, never held. */
export const fetchAll = async (
  port: number,
  count: number,
  request: RequestSpec | ((index: number) => RequestSpec),
  options: FetchAllOptions = {},
): Promise<FetchOutcome[]> => {
  const outcomes: FetchOutcome[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const spec = typeof request === "function" ? request(index) : request;
      outcomes[index] = await fetchDigest(port, spec, options.silenceLimitMs ?? HANG_LIMIT_MS);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency ?? count, count) }, runner));
  return outcomes;
};

const fetchDigest = async (port: number, spec: RequestSpec, silenceLimitMs: number): Promise<FetchOutcome> => {
  try {
    const client = await rawClient(port, { silenceLimitMs });
    try {
      await client.send(renderRequest(spec));
      const head = await client.readHead(spec.method ?? "GET");
      const hash = createHash("sha256");
      let bytes = 0;
      await client.readBody(head, (part) => {
        hash.update(part);
        bytes += part.length;
      });
      return { kind: "answer", status: head.status, fields: head.fields, bytes, sha256: hash.digest("hex") };
    } finally {
      client.close();
    }
  } catch (error) {
    return { kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
};

/** How often each status or failure occurred: what a test compares in one line. */
export const tallyOutcomes = (outcomes: readonly FetchOutcome[]): Record<string, number> => {
  const tally: Record<string, number> = {};
  for (const outcome of outcomes) {
    const key = outcome.kind === "answer" ? String(outcome.status) : outcome.error;
    tally[key] = (tally[key] ?? 0) + 1;
  }
  return tally;
};

export const outcomeField = (outcome: FetchOutcome, name: string): string | undefined =>
  outcome.kind === "answer" ? fieldValue(outcome.fields, name) : undefined;
