import {
  type CachedObject,
  type Derived,
  type DerivedRequest,
  derivedSelector,
  selectorIn,
  VARIANT,
  variantText,
} from "../../src/index.ts";
import type { DeriveReply, DeriveRequest } from "../../src/protocol.ts";
import type { TestWorker } from "./host.ts";

export const compressionOf = (worker: TestWorker, source: CachedObject): DerivedRequest => ({
  vhost: worker.vhost,
  source: { kind: "object", object: source },
  variant: VARIANT.GZIP,
  url: source.url,
  selector: selectorIn(source.variant),
  head: {
    ...source.head,
    variant: "gzip",
    fields: [...source.head.fields, "Content-Encoding", "gzip"],
    bodyBytes: -1,
    sourceVersion: source.head.bodyVersion,
  },
  operation: { kind: "compress", coding: "gzip", level: 6 },
  maxSourceBytes: source.bodyBytes,
});

/** The compressed copy; undefined when there is none. */
export const compressed = async (worker: TestWorker, source: CachedObject): Promise<CachedObject | undefined> => {
  const derived: Derived = await worker.cache.derivations.obtain(compressionOf(worker, source)).result;
  return derived.kind === "object" ? derived.object : undefined;
};

/** What a transform host answers that makes `result` of everything. */
export const storedAs = async (
  worker: TestWorker,
  { head, image }: DeriveRequest,
  result: Buffer,
): Promise<DeriveReply> => {
  if (image === undefined) return { kind: "made", head, body: result };
  return { kind: "stored", location: await worker.bodies.append(image, head, result), head };
};

/** Something made of `source` with a URL of its own, that of the source followed by `rest`. */
export const madeBy = (worker: TestWorker, source: CachedObject, rest: string): DerivedRequest => {
  const url = `${source.url}${rest}`;
  const selector = derivedSelector(source, "");
  return {
    ...compressionOf(worker, source),
    variant: VARIANT.DERIVED,
    url,
    selector,
    head: { ...compressionOf(worker, source).head, url, variant: variantText(VARIANT.DERIVED, selector) },
    operation: { kind: "encrypt", algorithm: "RC4", key: Buffer.from("ABC"), iv: Buffer.alloc(0) },
    maxSourceBytes: 1000,
  };
};
