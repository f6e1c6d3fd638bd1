import { createHash } from "node:crypto";
import { type RequestSpec, rawClient, renderRequest } from "../client/rawClient.ts";
import { WireTimeoutError } from "../wire/byteReader.ts";

export interface Answer {
  /** Status and what came as body: `200 old`, `200 cut`, `500 page`, `nothing`, … */
  readonly label: string;
  readonly ms: number;
  /** What the client's reader had to say; empty when it had nothing. */
  readonly failure: string;
}

/** SHA-256 of the bodies by which an answer is known. */
export interface KnownBodies {
  readonly old: string;
  readonly new: string;
}

/**
 * One request on a connection of its own. A body that ends before its framing says so is `cut`, one that is complete
 * and neither of the known ones is `wrong`.
 */
export const askOnce = async (
  port: number,
  spec: RequestSpec,
  known: KnownBodies,
  silenceLimitMs: number,
): Promise<Answer> => {
  const started = performance.now();
  const hash = createHash("sha256");
  let status = 0;
  let failure = "";
  try {
    const client = await rawClient(port, { silenceLimitMs });
    try {
      await client.send(renderRequest(spec));
      const head = await client.readHead(spec.method ?? "GET");
      status = head.status;
      await client.readBody(head, (part) => void hash.update(part));
    } finally {
      client.close();
    }
  } catch (error) {
    failure = error instanceof WireTimeoutError ? "hung" : String(error);
  }
  return { label: labelOf(status, failure, hash.digest("hex"), known), ms: performance.now() - started, failure };
};

const labelOf = (status: number, failure: string, digest: string, known: KnownBodies): string => {
  if (status === 0) return failure === "hung" ? "hung" : "nothing";
  if (failure === "hung") return `${status} hung`;
  if (failure !== "") return `${status} cut`;
  if (status >= 400) return `${status} page`;
  if (digest === known.new) return `${status} new`;
  return digest === known.old ? `${status} old` : `${status} wrong`;
};
