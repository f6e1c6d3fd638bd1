import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientTransaction } from "../../src/clientTransaction.ts";
import { LineMemo } from "../../src/clientTransaction.ts";
import type { AccessFormat } from "../../src/logs/accessFormat.ts";
import { LineBuffer } from "../../src/logs/lineBuffer.ts";
import type { LoggedOriginTransaction } from "../../src/logs/originFormat.ts";

/** 2012-06-27 16:52:24 local time. */
export const MOMENT = new Date(2012, 5, 27, 16, 52, 24).getTime();

export const fieldsOf = (fields: Readonly<Record<string, string>>): ClientTransaction["fields"] => ({
  get: (name) => fields[name],
});

export const transactionWith = (changes: Partial<ClientTransaction> = {}): ClientTransaction => ({
  vhostName: "www.example.com",
  sessionText: "7",
  method: "GET",
  target: "/web/h.gif",
  host: "www.example.com",
  protocol: "http",
  httpVersion: "1.1",
  clientIp: "61.50.7.9",
  clientPort: 40_000,
  serverIp: "220.134.10.5",
  serverPort: 80,
  fields: fieldsOf({}),
  requestHeadBytes: 488,
  requestBodyBytes: 0,
  status: 200,
  headBytesSent: 362,
  bodyBytesSent: 1000,
  contentLength: 1000,
  contentCoding: undefined,
  result: "TCP_HIT",
  bypassKind: "none",
  isComplete: true,
  startedAtMs: MOMENT - 5,
  elapsedMs: 5,
  firstByteMs: 2,
  tls: undefined,
  trace: undefined,
  memo: new LineMemo(),
  ...changes,
});

export const originTransactionWith = (
  changes: Partial<LoggedOriginTransaction> & {
    readonly sent?: Readonly<Record<string, string>>;
    readonly got?: Readonly<Record<string, string>>;
  } = {},
): LoggedOriginTransaction => ({
  vhost: "www.example.com",
  serverIp: "115.71.9.136",
  serverPort: 80,
  domain: "i.example.com",
  purpose: "cache",
  method: "GET",
  target: "/t/2.gif",
  requestField: (name) => changes.sent?.[name],
  responseField: (name) => changes.got?.[name],
  status: 200,
  requestHeadBytes: 197,
  responseHeadBytes: 271,
  responseBodyBytes: 3874,
  dnsMs: 0,
  connectMs: 0,
  sendMs: 1.2,
  firstByteMs: 15.9,
  completeMs: 3.1,
  transactionNumber: 899,
  localIp: "192.168.0.13",
  ended: "complete",
  sessionId: 7n,
  ...changes,
});

/** What `write` makes, as text of one character per byte. */
export const lineOf = (write: (line: LineBuffer) => void): string => {
  const line = new LineBuffer(Buffer.alloc(8));
  write(line);
  return line.memory.toString("latin1", 0, line.length);
};

export const formatted = (format: AccessFormat, transaction: ClientTransaction, atMs = MOMENT): string =>
  lineOf((line) => format.write(line, transaction, atMs));

export const withFolder = async (scene: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "basalt-logs-"));
  try {
    await scene(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
};

export const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted();

export const linesOf = async (path: string): Promise<readonly string[]> =>
  (await readFile(path, "latin1")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
