import { encodingOffers } from "./acceptEncoding.ts";
import { rememberedAuthority } from "./authority.ts";
import { HTAB, SPACE, textOf, trimWhiteSpace } from "./bytes.ts";
import { FIELD, type Rejection } from "./contract.ts";
import { malformed } from "./rejection.ts";
import { rejectTransferEncoding } from "./transferEncoding.ts";

const LONGEST_CONTENT_LENGTH = 15;
const CONTENT_LENGTH = new RegExp(`^[0-9]{1,${LONGEST_CONTENT_LENGTH}}$`);

type SpecialField =
  | "host"
  | "connection"
  | "content-length"
  | "transfer-encoding"
  | "expect"
  | "upgrade"
  | "accept-encoding";

interface KnownField {
  readonly bytes: Uint8Array;
  /** Set whenever the field is present. */
  readonly flag: number;
  readonly special: SpecialField | undefined;
}

const KNOWN_FIELDS: readonly (readonly [name: string, flag: number, special?: SpecialField])[] = [
  ["host", 0, "host"],
  ["connection", 0, "connection"],
  ["content-length", FIELD.CONTENT_LENGTH, "content-length"],
  ["transfer-encoding", 0, "transfer-encoding"],
  ["expect", 0, "expect"],
  ["upgrade", 0, "upgrade"],
  ["accept-encoding", 0, "accept-encoding"],
  ["te", FIELD.TE],
  ["range", FIELD.RANGE],
  ["cookie", FIELD.COOKIE],
  ["pragma", FIELD.CACHE_CONTROL],
  ["cache-control", FIELD.CACHE_CONTROL],
  ["authorization", FIELD.AUTHORIZATION],
  ["if-match", FIELD.IF_MATCH],
  ["if-range", FIELD.IF_RANGE],
  ["if-none-match", FIELD.IF_NONE_MATCH],
  ["if-modified-since", FIELD.IF_MODIFIED_SINCE],
  ["if-unmodified-since", FIELD.IF_UNMODIFIED_SINCE],
  ["x-forwarded-for", FIELD.X_FORWARDED_FOR],
];

const LONGEST_KNOWN = Math.max(...KNOWN_FIELDS.map(([name]) => name.length));

const KNOWN_BY_LENGTH: readonly (readonly KnownField[])[] = Array.from({ length: LONGEST_KNOWN + 1 }, (_, length) =>
  KNOWN_FIELDS.filter(([name]) => name.length === length).map(([name, flag, special]) => ({
    bytes: Uint8Array.from(Buffer.from(name, "latin1")),
    flag,
    special,
  })),
);

/** Setting bit 5 folds a token's letters only: no other token byte becomes a letter or a hyphen by it. */
const isName = (view: DataView, from: number, lowerCase: Uint8Array): boolean => {
  for (let index = 0; index < lowerCase.length; index++) {
    if ((view.getUint8(from + index) | 0x20) !== lowerCase[index]) return false;
  }
  return true;
};

const knownField = (view: DataView, from: number, to: number): KnownField | undefined => {
  const candidates = KNOWN_BY_LENGTH[to - from];
  if (candidates === undefined) return undefined;
  for (let index = 0; index < candidates.length; index++) {
    const candidate = candidates[index];
    if (candidate !== undefined && isName(view, from, candidate.bytes)) return candidate;
  }
  return undefined;
};

/**
 * Upgrades to another form of HTTP are never made: behind one, requests would pass unseen and unchecked (RFC 9113 3.1
 * has done away with `h2c`). Such a request is an ordinary one (RFC 9110 7.8).
 */
const IS_HTTP_AGAIN = /(?:^|,)[ \t]*(?:h2c?|h3|http|tls)[ \t]*(?:[,/]|$)/i;

const FRAMING: ReadonlySet<SpecialField> = new Set(["content-length", "transfer-encoding"]);

/** White space by RFC 9110 5.6.3, but llhttp takes it for a part of the coding's name: an opening for smuggling. */
const TAB_BEHIND_FRAMING = "a tab behind the value of a framing field";

/** The bytes from `valueTo` up to the line's CR have been found to be white space. */
const isTabBehind = (view: DataView, valueTo: number): boolean => {
  let position = valueTo;
  while (view.getUint8(position) === SPACE) position++;
  return view.getUint8(position) === HTAB;
};

/** Gathers, line by line, what decides the path of a request. One object serves all heads, one after the other. */
export class FieldFacts {
  flags = 0;
  host: string | undefined = undefined;
  contentLength = -1;
  #transferEncoding: string | undefined = undefined;
  #acceptEncoding: string | undefined = undefined;
  #hasUpgradeOption = false;
  #hasUpgradeField = false;
  #hasForbiddenUpgrade = false;

  reset(): void {
    this.flags = 0;
    this.host = undefined;
    this.contentLength = -1;
    this.#transferEncoding = undefined;
    this.#acceptEncoding = undefined;
    this.#hasUpgradeOption = false;
    this.#hasUpgradeField = false;
    this.#hasForbiddenUpgrade = false;
  }

  /** Takes one field line; positions are those of the view. Returns why the head must be refused, if so. */
  note(
    buffer: Buffer,
    view: DataView,
    nameFrom: number,
    nameTo: number,
    valueFrom: number,
    valueTo: number,
  ): Rejection | undefined {
    const field = knownField(view, nameFrom, nameTo);
    if (field === undefined) return undefined;
    this.flags |= field.flag;
    if (field.special === undefined) return undefined;
    if (FRAMING.has(field.special) && isTabBehind(view, valueTo)) return malformed(TAB_BEHIND_FRAMING);
    return this.#noteSpecial(field.special, textOf(buffer, valueFrom - buffer.byteOffset, valueTo - buffer.byteOffset));
  }

  /** Facts that only the whole block tells. */
  conclude(): Rejection | undefined {
    if (this.#acceptEncoding !== undefined) this.flags |= encodingOffers(this.#acceptEncoding);
    if (this.#hasUpgradeOption && this.#hasUpgradeField && !this.#hasForbiddenUpgrade) this.flags |= FIELD.UPGRADE;
    if (this.#transferEncoding === undefined) return undefined;
    if (this.contentLength >= 0) return malformed("Content-Length beside Transfer-Encoding");
    this.flags |= FIELD.CHUNKED;
    return rejectTransferEncoding(this.#transferEncoding);
  }

  #noteSpecial(field: SpecialField, value: string): Rejection | undefined {
    switch (field) {
      case "host":
        return this.#noteHost(value);
      case "connection":
        this.#noteConnection(value);
        return undefined;
      case "content-length":
        return this.#noteContentLength(value);
      case "transfer-encoding":
        this.#transferEncoding = this.#transferEncoding === undefined ? value : `${this.#transferEncoding},${value}`;
        return undefined;
      case "expect":
        this.flags |= value.toLowerCase() === "100-continue" ? FIELD.EXPECT_CONTINUE : FIELD.EXPECT_OTHER;
        return undefined;
      case "upgrade":
        this.#hasUpgradeField = true;
        if (IS_HTTP_AGAIN.test(value)) this.#hasForbiddenUpgrade = true;
        return undefined;
      case "accept-encoding":
        this.#acceptEncoding = this.#acceptEncoding === undefined ? value : `${this.#acceptEncoding},${value}`;
        return undefined;
    }
  }

  #noteHost(value: string): Rejection | undefined {
    if (this.host !== undefined) return malformed("more than one Host");
    const host = value === "" ? "" : rememberedAuthority(value);
    if (host === undefined) return malformed("the Host is not a host and port");
    this.host = host;
    return undefined;
  }

  #noteContentLength(value: string): Rejection | undefined {
    if (this.contentLength >= 0) return malformed("more than one Content-Length");
    if (!CONTENT_LENGTH.test(value)) return malformed("the Content-Length is not a number of at most 15 digits");
    this.contentLength = Number(value);
    return undefined;
  }

  #noteConnection(value: string): void {
    if (value === "keep-alive") {
      this.flags |= FIELD.KEEP_ALIVE;
      return;
    }
    for (const option of value.toLowerCase().split(",")) {
      const name = trimWhiteSpace(option);
      if (name === "close") this.flags |= FIELD.CLOSE;
      else if (name === "keep-alive") this.flags |= FIELD.KEEP_ALIVE;
      else if (name === "upgrade") this.#hasUpgradeOption = true;
    }
  }
}
