import type { EdgeConfig, VhostSettings } from "@basalt/config";
import { isLoopback, type OriginTransaction } from "@basalt/origin";
import { RequestTrace } from "@basalt/telemetry";
import {
  DENY_HEADER,
  DNS_HEADER,
  FILE_SYSTEM_HEADER,
  type LogBook,
  type LogPlan,
  OriginErrorFormat,
  OriginFormat,
  originFailure,
  originWarning,
  rankOf,
  rankOfExchange,
  withTraceColumn,
  writeTraceColumn,
} from "@basalt/telemetry/logs";
import { isTracing, logId, TRACED_FORM } from "./logPlans.ts";

/** Numbers of connections of one process, below those of any other that lives. */
const CONNECTIONS_PER_PROCESS = 2 ** 30;

/** Lines of origin log and origin error log, in the process where the transaction was. */
export class OriginLogs {
  readonly #book: LogBook;
  readonly #format = new OriginFormat();
  readonly #errorFormat = new OriginErrorFormat();
  #vhosts: ReadonlyMap<string, VhostSettings> = new Map();
  #warns = false;

  constructor(book: LogBook) {
    this.#book = book;
  }

  configure({ vhosts, server }: EdgeConfig): void {
    this.#vhosts = new Map(vhosts.map((vhost) => [vhost.name, vhost]));
    this.#warns = server.cache.originErrorLog.warning;
  }

  /** What files of the logs without a format of their own begin with. */
  headerOf({ kind, form }: Pick<LogPlan, "kind" | "form">): () => string {
    switch (kind) {
      case "origin":
        return () => (form === TRACED_FORM ? withTraceColumn(this.#format.header()) : this.#format.header());
      case "originerror":
        return () => this.#errorFormat.header();
      case "dns":
        return () => DNS_HEADER;
      case "deny":
        return () => DENY_HEADER;
      case "filesystem":
        return () => FILE_SYSTEM_HEADER;
      default:
        return () => "";
    }
  }

  log(transaction: OriginTransaction, nowMs: number): void {
    const vhost = this.#vhosts.get(transaction.vhost);
    if (vhost === undefined) return;
    const hasFailed = originFailure(transaction) !== undefined;
    if (vhost.logs.origin.local || !isLoopback(transaction.serverIp))
      this.#logTransaction(transaction, vhost, hasFailed, nowMs);
    if (hasFailed) {
      this.#book.write("originerror", nowMs, (line, atMs) => this.#errorFormat.writeFailure(line, transaction, atMs));
    }
    const warning = this.#warns ? originWarning(transaction) : undefined;
    if (warning === undefined) return;
    this.#book.write("originerror", nowMs, (line, atMs) =>
      this.#errorFormat.writeWarning(line, transaction, warning, atMs),
    );
  }

  /** LOG-40. */
  comment(vhost: string, text: string, nowMs: number): void {
    this.#book.write("originerror", nowMs, (line, atMs) => this.#errorFormat.writeComment(line, vhost, text, atMs));
  }

  #logTransaction(transaction: OriginTransaction, vhost: VhostSettings, hasFailed: boolean, nowMs: number): void {
    const leastRank = rankOf(vhost.logs.level);
    if (leastRank > 0 && rankOfExchange(transaction.status, hasFailed) < leastRank) return;
    const isTraced = isTracing(vhost);
    const log = logId("origin", transaction.vhost);
    const { connectionNumber } = transaction;
    const connection = connectionNumber === 0 ? 0 : process.pid * CONNECTIONS_PER_PROCESS + connectionNumber;
    if (hasFailed) {
      this.#book.write(log, nowMs, (line, atMs) => this.#format.writeFailure(line, transaction, atMs));
    }
    const { cause } = transaction;
    this.#book.write(log, nowMs, (line, atMs) => {
      this.#format.write(line, transaction, connection, atMs);
      if (isTraced) writeTraceColumn(line, cause instanceof RequestTrace ? cause.idText : undefined);
    });
  }
}
