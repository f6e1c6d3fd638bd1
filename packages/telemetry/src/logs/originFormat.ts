import { joinedList } from "./escape.ts";
import type { LineBuffer } from "./lineBuffer.ts";
import { dottedMoment, SecondText } from "./moments.ts";

const BLANK = 32;
const DASH = 45;

/** What the logs read of a transaction with an origin; `OriginTransaction` of the package origin has it all. */
export interface LoggedOriginTransaction {
  readonly vhost: string;
  readonly serverIp: string;
  readonly serverPort: number;
  readonly domain: string;
  readonly purpose: "cache" | "bypass" | "private" | "probe" | "healthcheck";
  readonly method: string;
  readonly target: string;
  requestField(lowerCaseName: string): string | undefined;
  responseField(lowerCaseName: string): string | undefined;
  readonly status: number;
  readonly requestHeadBytes: number;
  readonly responseHeadBytes: number;
  readonly responseBodyBytes: number;
  readonly dnsMs: number;
  readonly connectMs: number;
  readonly sendMs: number;
  readonly firstByteMs: number;
  readonly completeMs: number;
  readonly transactionNumber: number;
  readonly localIp: string;
  readonly ended: string;
  readonly sessionId: bigint;
}

/** Words of LOG-126 and LOG-39, and one for what they do not name; with the number of LOG-114. */
const FAILURES: ReadonlyMap<string, { readonly word: string; readonly number: string }> = new Map([
  ["ORIGIN_CONNECT_TIMEOUT", { word: "Connect-Timeout", number: "01" }],
  ["ORIGIN_CONNECT_FAILED", { word: "Connect-Timeout", number: "01" }],
  ["ORIGIN_RECEIVE_TIMEOUT", { word: "Receive-Timeout", number: "02" }],
  ["ORIGIN_CLOSED", { word: "Server-Close", number: "03" }],
  ["ORIGIN_MALFORMED", { word: "Malformed-Response", number: "04" }],
]);

/** Undefined: the origin did not fail. */
export const originFailure = ({ ended }: { readonly ended: string }) => FAILURES.get(ended);

const SESSION_TYPES = {
  cache: "cache",
  bypass: "cache",
  private: "cache",
  probe: "recovery",
  healthcheck: "healthcheck",
} as const satisfies Record<LoggedOriginTransaction["purpose"], string>;

const REQUEST_FACTS: Readonly<Partial<Record<LoggedOriginTransaction["purpose"], string>>> = {
  bypass: "Bypass",
  private: "PrivateBypass",
};

const ORIGIN_FIELDS =
  "date time cs-sid cs-tcount c-ip cs-method s-domain cs-uri s-ip sc-status cs-range sc-sock-error sc-http-error sc-content-length cs-requestsize sc-responsesize sc-bytes time-taken time-dns time-connect time-firstbyte time-complete cs-reqinfo cs-acceptencoding sc-cachecontrol s-port sc-contentencoding session-id session-type";

/** Until the response began, and from then on: both count from the beginning of the DNS query (LOG-144). */
const timesOf = ({ dnsMs, connectMs, sendMs, firstByteMs, completeMs }: LoggedOriginTransaction) => ({
  firstByte: Math.round(dnsMs + connectMs + sendMs + firstByteMs),
  complete: Math.round(completeMs),
});

const totalMs = (transaction: LoggedOriginTransaction): number => {
  const { firstByte, complete } = timesOf(transaction);
  return firstByte + complete;
};

const listText = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : joinedList(value);

/** Lines of the origin log: the 29 columns of LOG-115 to LOG-143, and `#[ERROR:nn]` in front of them for a failure. */
export class OriginFormat {
  readonly #moment = new SecondText((ms) => `${dottedMoment(ms)} `);

  header(): string {
    return `#Fields: ${ORIGIN_FIELDS}\n`;
  }

  /** `connection`: number of the connection, unlike that of any other of the host. */
  write(line: LineBuffer, transaction: LoggedOriginTransaction, connection: number, atMs: number): void {
    const { status } = transaction;
    const times = timesOf(transaction);
    const texts = (...values: readonly (string | undefined)[]): void => {
      for (const value of values) {
        line.field(value);
        line.byte(BLANK);
      }
    };
    const numbers = (...values: readonly number[]): void => {
      for (const value of values) {
        line.number(value);
        line.byte(BLANK);
      }
    };
    this.#moment.write(line, atMs);
    numbers(connection, transaction.transactionNumber);
    texts(transaction.localIp, transaction.method, transaction.domain, transaction.target, transaction.serverIp);
    numbers(status);
    texts(
      transaction.requestField("range")?.replace(/^bytes=/i, ""),
      originFailure(transaction)?.word,
      status >= 400 ? String(status) : undefined,
      transaction.responseField("content-length"),
    );
    numbers(
      transaction.requestHeadBytes,
      transaction.responseHeadBytes,
      transaction.responseBodyBytes,
      times.firstByte + times.complete,
      Math.round(transaction.dnsMs),
      Math.round(transaction.dnsMs + transaction.connectMs),
      times.firstByte,
      times.complete,
    );
    texts(
      REQUEST_FACTS[transaction.purpose],
      listText(transaction.requestField("accept-encoding")),
      listText(transaction.responseField("cache-control")),
    );
    numbers(transaction.serverPort);
    texts(transaction.responseField("content-encoding"));
    line.text(transaction.sessionId === 0n ? "-" : String(transaction.sessionId));
    line.byte(BLANK);
    line.text(SESSION_TYPES[transaction.purpose]);
  }

  /** LOG-114. */
  writeFailure(line: LineBuffer, transaction: LoggedOriginTransaction, atMs: number): void {
    const failure = originFailure(transaction);
    if (failure === undefined) return;
    line.text(`#[ERROR:${failure.number}] `);
    this.#moment.write(line, atMs);
    writeFailureFacts(line, transaction, failure.word, undefined);
    line.byte(BLANK);
    line.text(transaction.sessionId === 0n ? "-" : String(transaction.sessionId));
    line.byte(BLANK);
    line.text(SESSION_TYPES[transaction.purpose]);
  }
}

/** `s-domain s-ip cs-method cs-uri time-taken sc-error sc-resinfo`. */
export const writeFailureFacts = (
  line: LineBuffer,
  transaction: LoggedOriginTransaction,
  word: string,
  info: string | undefined,
): void => {
  for (const value of [transaction.domain, transaction.serverIp, transaction.method, transaction.target]) {
    line.field(value);
    line.byte(BLANK);
  }
  line.number(totalMs(transaction));
  line.byte(BLANK);
  line.text(word);
  line.byte(BLANK);
  if (info === undefined) line.byte(DASH);
  else line.text(info);
};
