import type { IncomingMessage } from "node:http";

/** PRG-28. */
export const MAX_FORM_BYTES = 1024 * 1024;

export type BodyOutcome =
  | { readonly kind: "complete"; readonly bytes: Buffer }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "aborted" };

/** The whole body. What exceeds the limit is read and thrown away. */
export const readBody = async (request: IncomingMessage, maxBytes: number): Promise<BodyOutcome> => {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
    request.resume();
    return { kind: "tooLarge" };
  }
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  return new Promise((resolve) => {
    request.on("data", (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes > maxBytes) {
        chunks.length = 0;
        resolve({ kind: "tooLarge" });
        return;
      }
      chunks.push(chunk);
    });
    request.once("end", () => resolve({ kind: "complete", bytes: Buffer.concat(chunks) }));
    request.once("close", () => resolve({ kind: "aborted" }));
    request.once("error", () => resolve({ kind: "aborted" }));
  });
};
