import type { ExplainFact, ExplainStep, LookupView, StoredView, WorkerView } from "./contract.ts";
import { byteWords, listWords, momentWords } from "./words.ts";

const stateWords = (object: StoredView, nowMs: number): string => {
  if (object.isPurged) return "purged";
  if (nowMs < object.freshUntilMs) return "fresh";
  return object.isExpiredByForce ? "expired by a call" : "expired";
};

const presentWords = ({ bodyBytes, missingBytes }: StoredView): string => {
  if (missingBytes <= 0) return "complete";
  const present = Math.max(0, bodyBytes - missingBytes);
  return `${byteWords(present)} of it present`;
};

const memoryWords = ({ memory }: WorkerView): string => {
  switch (memory) {
    case "body":
      return "in memory";
    case "head":
      return "head in memory, body on disk";
    case "none":
      return "not in memory";
  }
};

const workerFacts = (workers: readonly WorkerView[]): ExplainFact[] =>
  workers.map((worker) => ({
    name: `worker ${worker.slot}`,
    value: worker.memory,
    text: memoryWords(worker),
    ...(worker.waitingInvalidations === 0
      ? {}
      : { because: `${worker.waitingInvalidations} purge calls wait to be applied to its copy` }),
  }));

export const objectFacts = (object: StoredView, nowMs: number): ExplainFact[] => [
  { name: "status", value: object.status },
  { name: "version", value: object.version },
  { name: "state", value: stateWords(object, nowMs) },
  { name: "stored", value: object.storedAtMs, text: momentWords(object.storedAtMs, nowMs) },
  ...(object.updatedAtMs - object.storedAtMs < 1000
    ? []
    : [{ name: "renewed", value: object.updatedAtMs, text: momentWords(object.updatedAtMs, nowMs) }]),
  { name: "freshUntil", value: object.freshUntilMs, text: momentWords(object.freshUntilMs, nowMs) },
  { name: "lastAccess", value: object.lastAccessMs, text: momentWords(object.lastAccessMs, nowMs) },
  { name: "size", value: object.bodyBytes, text: byteWords(object.bodyBytes), because: presentWords(object) },
  { name: "place", value: object.place, because: `on ${object.disk}` },
];

const variantWords = ({ variant }: StoredView): string => (variant === "" ? "plain" : variant);

const otherFact = (object: StoredView, nowMs: number): ExplainFact => ({
  name: "alsoStored",
  value: variantWords(object),
  because: `status ${object.status}, ${byteWords(object.bodyBytes)}, ${stateWords(object, nowMs)}`,
});

export const lookupStep = (lookup: LookupView, nowMs: number): ExplainStep => {
  const { object, variants, compressed } = lookup;
  const others = variants.filter((other) => other !== object && other !== compressed);
  const facts: ExplainFact[] = [];
  if (object !== undefined) facts.push(...objectFacts(object, nowMs));
  facts.push(...workerFacts(lookup.workers));
  if (compressed !== undefined) facts.push({ ...otherFact(compressed, nowMs), name: "compressedCopy" });
  facts.push(...others.map((other) => otherFact(other, nowMs)));
  if (object === undefined) {
    const rest = others.length === 0 ? "." : `, only ${listWords(others.map(variantWords))}.`;
    return { step: "lookup", verdict: `Nothing is stored for this request${rest}`, facts };
  }
  const inMemory = lookup.workers.filter(({ memory }) => memory !== "none").map(({ slot }) => String(slot));
  const where = inMemory.length === 0 ? "on disk" : `on disk and in memory of worker ${listWords(inMemory)}`;
  const verdict = `Stored, ${stateWords(object, nowMs)}, ${where}.`;
  return { step: "lookup", verdict, facts };
};
