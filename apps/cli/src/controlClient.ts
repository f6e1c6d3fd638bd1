import { request } from "node:http";
import type { StatusReport } from "@basalt/management";
import { type Envelope, parseEnvelope, parseStatusReport } from "./envelope.ts";
import type { Home } from "./home.ts";

export interface ControlReply {
  readonly status: number;
  readonly text: string;
  readonly contentType: string;
  /** As they came: an archive is no text. */
  readonly bytes: Buffer;
}

export type ControlOutcome =
  | { readonly kind: "answered"; readonly reply: ControlReply }
  /** Nobody listens on the socket. */
  | { readonly kind: "notRunning" }
  | { readonly kind: "failed"; readonly reason: string };

const NOT_RUNNING_CODES: ReadonlySet<unknown> = new Set(["ENOENT", "ECONNREFUSED"]);

const DEFAULT_TIMEOUT_MS = 10_000;

/** Asks the management API over the Unix socket of the home folder; `path` with its query string. A body is POSTed. */
export const askControl = (
  home: Home,
  path: string,
  timeoutMs = DEFAULT_TIMEOUT_MS,
  body?: Buffer,
): Promise<ControlOutcome> =>
  new Promise((resolve) => {
    const target = path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
    const posted = { method: "POST", headers: { "Content-Type": "application/octet-stream" } };
    const where = { socketPath: home.controlSocket, path: target, agent: false, ...(body === undefined ? {} : posted) };
    const sent = request(where, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const bytes = Buffer.concat(chunks);
        const contentType = response.headers["content-type"] ?? "";
        const reply = { status: response.statusCode ?? 0, contentType, text: bytes.toString("utf8"), bytes };
        resolve({ kind: "answered", reply });
      });
      response.once("error", (error) => resolve({ kind: "failed", reason: error.message }));
    });
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    sent.once("error", (error) => {
      const isNotRunning = "code" in error && NOT_RUNNING_CODES.has(error.code);
      resolve(isNotRunning ? { kind: "notRunning" } : { kind: "failed", reason: error.message });
    });
    sent.end(body);
  });

export type CallOutcome =
  | { readonly kind: "answered"; readonly httpStatus: number; readonly envelope: Envelope }
  | { readonly kind: "notRunning" }
  | { readonly kind: "failed"; readonly reason: string };

/** As `askControl`, for functions that answer with the envelope. */
export const callControl = async (home: Home, path: string, timeoutMs?: number): Promise<CallOutcome> => {
  const outcome = await askControl(home, path, timeoutMs);
  if (outcome.kind !== "answered") return outcome;
  const envelope = parseEnvelope(outcome.reply.text);
  return envelope === undefined
    ? { kind: "failed", reason: `the answer to ${path} could not be read` }
    : { kind: "answered", httpStatus: outcome.reply.status, envelope };
};

/** Undefined while the instance does not answer. */
export const readStatus = async (home: Home, timeoutMs?: number): Promise<StatusReport | undefined> => {
  const outcome = await callControl(home, "/control/status", timeoutMs);
  return outcome.kind === "answered" ? parseStatusReport(outcome.envelope.result) : undefined;
};
