import type { IncomingMessage } from "node:http";

/** PRG-28. */
export const MAX_BODY_BYTES = 1024 * 1024;

export type BodyOutcome =
  | { readonly kind: "complete"; readonly text: string }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "aborted" };

/** The whole body, one character per byte as in a request target. What exceeds the limit is read and thrown away. */
export const readBody = async (request: IncomingMessage): Promise<BodyOutcome> => {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    request.resume();
    return { kind: "tooLarge" };
  }
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  return new Promise((resolve) => {
    request.on("data", (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes > MAX_BODY_BYTES) {
        chunks.length = 0;
        resolve({ kind: "tooLarge" });
        return;
      }
      chunks.push(chunk);
    });
    request.once("end", () => resolve({ kind: "complete", text: Buffer.concat(chunks).toString("latin1") }));
    request.once("close", () => resolve({ kind: "aborted" }));
    request.once("error", () => resolve({ kind: "aborted" }));
  });
};
