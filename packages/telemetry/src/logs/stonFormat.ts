import type { ClientTransaction, LineMemo } from "../clientTransaction.ts";
import { type AccessFormat, clientText, sentBytes, userName, type Xff } from "./accessFormat.ts";
import { joinedList } from "./escape.ts";
import { bytesOf, type LineBuffer } from "./lineBuffer.ts";
import { dottedMoment, SecondText } from "./moments.ts";

const BLANK = 32;
const DASH = 45;

const STON_FIELDS =
  "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-bytes time-taken cs-referer sc-resinfo cs-range sc-cachehit cs-acceptencoding session-id sc-content-length";

/** Pieces of a line that stay while a connection repeats its fields. */
const PIECE = {
  server: 0,
  client: 1,
  referer: 2,
  range: 3,
  tail: 4,
  plainMiddle: 5,
  beforeTime: 6,
  behindTime: 7,
} as const;

/** TLS versions in the words of LOG-73. */
const TLS_WORDS: ReadonlyMap<string, string> = new Map([
  ["SSLv3", "SSL3"],
  ["TLSv1", "TLS1"],
  ["TLSv1.1", "TLS1.1"],
  ["TLSv1.2", "TLS1.2"],
  ["TLSv1.3", "TLS1.3"],
]);

export interface StonOptions {
  readonly xff: Xff;
  /** The last field is the host that was asked for: for requests of no virtual host (LOG-48). */
  readonly withHost?: boolean;
}

/** The 20 columns of LOG-59 to LOG-78. */
export class StonFormat implements AccessFormat {
  readonly #xff: Xff;
  readonly #withHost: boolean;
  readonly #moment = new SecondText((ms) => `${dottedMoment(ms)} `);

  constructor({ xff, withHost = false }: StonOptions) {
    this.#xff = xff;
    this.#withHost = withHost;
  }

  header(): string {
    return `#Fields: ${STON_FIELDS}${this.#withHost ? " cs-host" : ""}\n`;
  }

  write(line: LineBuffer, transaction: ClientTransaction, atMs: number): void {
    const { memo } = transaction;
    const moment = this.#moment.bytesAt(atMs);
    const sent = sentBytes(transaction);
    const elapsedMs = Math.round(transaction.elapsedMs);
    if (memo.owner !== this || memo.fields !== transaction.fields) this.#remember(memo, transaction);
    const isAgain = isRepeated(memo, transaction, sent, elapsedMs);
    if (isAgain && memo.line !== undefined) {
      if (memo.moment !== moment) memo.line.set(moment);
      memo.moment = moment;
      line.bytes(memo.line);
    } else {
      const start = line.length;
      line.bytes(moment);
      writeColumns(line, transaction, sent, elapsedMs);
      if (isAgain) memo.line = new Uint8Array(line.memory.subarray(start, line.length));
      else noteLine(memo, transaction, sent, elapsedMs);
      memo.moment = moment;
    }
    if (!this.#withHost) return;
    line.byte(BLANK);
    line.field(transaction.host);
  }

  #remember(memo: LineMemo, transaction: ClientTransaction): void {
    const { fields, serverIp, serverPort, sessionText } = transaction;
    const { pieces } = memo;
    memo.owner = this;
    memo.fields = fields;
    memo.target = undefined;
    memo.line = undefined;
    pieces[PIECE.server] = bytesOf((line) => {
      line.field(serverIp);
      line.byte(BLANK);
    });
    pieces[PIECE.client] = bytesOf((line) => {
      line.byte(BLANK);
      line.number(serverPort);
      line.byte(BLANK);
      line.field(userName(transaction));
      line.byte(BLANK);
      line.field(clientText(transaction, this.#xff));
      line.byte(BLANK);
      line.field(fields.get("user-agent"));
      line.byte(BLANK);
    });
    pieces[PIECE.referer] = between(fields.get("referer"));
    pieces[PIECE.range] = between(fields.get("range")?.replace(/^bytes=/i, ""));
    pieces[PIECE.plainMiddle] = bytesOf((line) => {
      writePiece(line, pieces, PIECE.referer);
      line.byte(DASH);
      writePiece(line, pieces, PIECE.range);
    });
    pieces[PIECE.tail] = bytesOf((line) => {
      line.byte(BLANK);
      line.field(joinedList(fields.get("accept-encoding") ?? ""));
      line.byte(BLANK);
      line.text(sessionText);
      line.byte(BLANK);
    });
  }
}

/** Whether the line differs from the connection's last one in its moment at most. */
const isRepeated = (memo: LineMemo, transaction: ClientTransaction, sent: number, elapsedMs: number): boolean =>
  memo.target === transaction.target &&
  memo.elapsedMs === elapsedMs &&
  memo.sentBytes === sent &&
  memo.status === transaction.status &&
  memo.result === transaction.result &&
  memo.contentLength === transaction.contentLength &&
  memo.method === transaction.method &&
  memo.contentCoding === transaction.contentCoding &&
  memo.bypassKind === transaction.bypassKind;

const noteLine = (memo: LineMemo, transaction: ClientTransaction, sent: number, elapsedMs: number): void => {
  memo.target = transaction.target;
  memo.method = transaction.method;
  memo.status = transaction.status;
  memo.sentBytes = sent;
  memo.contentLength = transaction.contentLength;
  memo.contentCoding = transaction.contentCoding;
  memo.result = transaction.result;
  memo.bypassKind = transaction.bypassKind;
  memo.elapsedMs = elapsedMs;
  memo.line = undefined;
};

/** What follows the moment. */
const writeColumns = (line: LineBuffer, transaction: ClientTransaction, sent: number, elapsedMs: number): void => {
  const { pieces } = transaction.memo;
  writePiece(line, pieces, PIECE.server);
  line.part(transaction.method);
  line.byte(BLANK);
  writeTarget(line, transaction.target);
  writePiece(line, pieces, PIECE.client);
  line.number(transaction.status);
  line.byte(BLANK);
  line.number(sent);
  line.byte(BLANK);
  line.number(elapsedMs);
  if (hasNoInfo(transaction)) writePiece(line, pieces, PIECE.plainMiddle);
  else {
    writePiece(line, pieces, PIECE.referer);
    writeResponseInfo(line, transaction);
    writePiece(line, pieces, PIECE.range);
  }
  line.text(transaction.result);
  writePiece(line, pieces, PIECE.tail);
  if (transaction.contentLength < 0) line.byte(DASH);
  else line.number(transaction.contentLength);
};

const hasNoInfo = ({ bypassKind, contentCoding, tls }: ClientTransaction): boolean =>
  bypassKind === "none" && contentCoding === undefined && tls === undefined;

const writePiece = (line: LineBuffer, pieces: readonly Uint8Array[], index: number): void => {
  const piece = pieces[index];
  if (piece !== undefined) line.bytes(piece);
};

const between = (value: string | undefined): Uint8Array =>
  bytesOf((line) => {
    line.byte(BLANK);
    line.field(value);
    line.byte(BLANK);
  });

/** Path and query string as two fields. */
const writeTarget = (line: LineBuffer, target: string): void => {
  const query = target.indexOf("?");
  if (query < 0) {
    line.field(target);
    line.byte(BLANK);
    line.byte(DASH);
    return;
  }
  line.field(target.slice(0, query));
  line.byte(BLANK);
  line.field(target.slice(query + 1));
};

/** LOG-73: what there is of bypass, content coding and TLS, in this order. */
export const writeResponseInfo = (line: LineBuffer, transaction: ClientTransaction): void => {
  const { bypassKind, contentCoding, tls } = transaction;
  const start = line.length;
  if (bypassKind !== "none") line.text(bypassKind === "private" ? "+PrivateBypass" : "+Bypass");
  if (contentCoding !== undefined) {
    const coding = contentCoding.toLowerCase();
    if (coding === "gzip" || coding === "x-gzip") line.text("+gzip");
    else if (coding === "deflate") line.text("+deflate");
  }
  if (tls !== undefined) {
    line.text("+");
    line.part(TLS_WORDS.get(tls.protocol) ?? tls.protocol);
  }
  if (line.length === start) line.byte(DASH);
  else {
    line.memory.copyWithin(start, start + 1, line.length);
    line.length--;
  }
};
