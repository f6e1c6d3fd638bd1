import { canStoreInParts, type Representation, responseFacts } from "@basalt/policy";
import type { StoredHead } from "../storedHead.ts";

/** What tells a stored response from later versions; undefined when nothing does. */
export const representationOf = (head: StoredHead): Representation | undefined => {
  const facts = responseFacts(head.status, head.fields);
  if (!canStoreInParts(head.fields, facts, head.bodyBytes)) return undefined;
  return { bodyBytes: head.bodyBytes, etag: facts.etag, lastModifiedMs: facts.lastModifiedMs };
};
