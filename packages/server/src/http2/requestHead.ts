import type { FieldList } from "./hpack/decoder.ts";

/** Where the body of a request ends: there is none, after so many bytes, or where the stream ends. */
export type RequestFraming = "none" | "length" | "stream";

/** `connect`: a well-formed request for a tunnel, which is not served. `tooLarge`: not looked at. */
export type RequestReading =
  | {
      readonly kind: "request";
      readonly text: string;
      readonly isHead: boolean;
      readonly framing: RequestFraming;
      /** Of the body, where it is said; else -1. */
      readonly bodyBytes: number;
    }
  | { readonly kind: "connect" }
  | { readonly kind: "tooLarge" }
  | { readonly kind: "malformed"; readonly detail: string };

/**
 * Makes one HTTP/1.1 head, in latin1 text, of the field section of a request (RFC 9113 8.3). What it accepts is exactly
 * one request for the strict parser behind it, or is refused there for another reason than its framing.
 *
 * Clients repeat their fields: a list that differs from the last one in its path only costs a comparison.
 */
export class RequestHeadReader {
  #last: readonly string[] = [];
  #lastEnded = false;
  #pathAt = -1;
  #method = "";
  /** All behind the request line. */
  #lines = "";
  #framing: RequestFraming = "none";
  #bodyBytes = -1;

  /** `list` has its fields in the order received; `hasEnded`: the stream has no body. */
  read({ fields, isTooLarge }: FieldList, hasEnded: boolean): RequestReading {
    if (isTooLarge) return { kind: "tooLarge" };
    if (hasEnded === this.#lastEnded && this.#differsInPathOnly(fields)) {
      const path = fields[this.#pathAt] ?? "";
      if (PATH.test(path)) return this.#request(path);
    }
    this.#pathAt = -1;
    const section = readSection(fields);
    if (typeof section === "string") return malformed(section);
    if (section.method === "CONNECT") return { kind: "connect" };
    const refused = refuse(section, hasEnded);
    if (refused !== undefined) return malformed(refused);
    this.#framing = hasEnded ? "none" : section.length === undefined ? "stream" : "length";
    this.#bodyBytes = section.length === undefined ? -1 : Number(section.length);
    this.#lines = linesOf(section, this.#framing);
    this.#method = section.method;
    this.#last = [...fields];
    this.#lastEnded = hasEnded;
    this.#pathAt = section.pathAt;
    return this.#request(section.path);
  }

  #request(path: string): RequestReading {
    return {
      kind: "request",
      text: `${this.#method} ${path} HTTP/1.1\r\n${this.#lines}`,
      isHead: this.#method === "HEAD",
      framing: this.#framing,
      bodyBytes: this.#bodyBytes,
    };
  }

  #differsInPathOnly(fields: readonly string[]): boolean {
    const last = this.#last;
    const pathAt = this.#pathAt;
    if (pathAt < 0 || fields.length !== last.length) return false;
    for (let index = 0; index < fields.length; index++) {
      if (fields[index] !== last[index] && index !== pathAt) return false;
    }
    return true;
  }
}

/** Whether a section may stand behind a body (RFC 9113 8.1): it has fields only. */
export const isTrailerSection = (fields: readonly string[]): boolean => {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!TOKEN.test(name) || OF_A_CONNECTION.has(name) || !VALUE.test(fields[index + 1] ?? "")) return false;
  }
  return true;
};

interface Section {
  method: string;
  scheme: string;
  authority: string | undefined;
  path: string;
  /** Index of the path in the list. */
  pathAt: number;
  host: string | undefined;
  length: string | undefined;
  cookies: string[];
  /** Flat; what has a place of its own left out. */
  others: string[];
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No control characters, nothing beyond one byte; blanks only inside (RFC 9113 8.2.1). */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const PATH = /^\/[\x21-\x7e\x80-\xff]*$/;

/** What speaks of a connection has no place in a stream (RFC 9113 8.2.2). */
const OF_A_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const isPath = (path: string): boolean => PATH.test(path) || path === "*";

const malformed = (detail: string): RequestReading => ({ kind: "malformed", detail });

/** A text says why there is no request in the list. */
const readSection = (fields: readonly string[]): Section | string => {
  const seen = new Set<string>();
  const section: Section = {
    method: "",
    scheme: "",
    authority: undefined,
    path: "",
    pathAt: -1,
    host: undefined,
    length: undefined,
    cookies: [],
    others: [],
  };
  let isBehindPseudoFields = false;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    if (!VALUE.test(value)) return "a character that no field value may have";
    if (name.startsWith(":")) {
      if (isBehindPseudoFields) return "a pseudo-field behind a field";
      if (seen.has(name)) return "a pseudo-field twice";
      seen.add(name);
      if (!takePseudoField(section, name, value, index + 1)) return "an unknown pseudo-field";
      continue;
    }
    isBehindPseudoFields = true;
    if (!TOKEN.test(name)) return "a field name that is none";
    const refused = takeField(section, name, value);
    if (refused !== undefined) return refused;
  }
  if (!METHOD_TOKEN.test(section.method)) return "no method";
  return section;
};

const takePseudoField = (section: Section, name: string, value: string, at: number): boolean => {
  switch (name) {
    case ":method":
      section.method = value;
      return true;
    case ":scheme":
      section.scheme = value;
      return true;
    case ":authority":
      section.authority = value;
      return true;
    case ":path":
      section.path = value;
      section.pathAt = at;
      return true;
    default:
      return false;
  }
};

const takeField = (section: Section, name: string, value: string): string | undefined => {
  if (OF_A_CONNECTION.has(name)) return "a field of connections";
  switch (name) {
    case "host":
      if (section.host !== undefined) return "Host twice";
      section.host = value;
      return undefined;
    case "content-length":
      if (section.length !== undefined || !/^\d{1,15}$/.test(value)) return "Content-Length that is none";
      section.length = value;
      return undefined;
    case "te":
      return value.toLowerCase() === "trailers" ? undefined : "TE other than trailers";
    case "cookie":
      section.cookies.push(value);
      return undefined;
    default:
      section.others.push(name, value);
      return undefined;
  }
};

const refuse = (section: Section, hasEnded: boolean): string | undefined => {
  const { scheme, path, method, authority, host, length } = section;
  if (scheme !== "https" && scheme !== "http") return "no scheme of HTTP";
  if (!isPath(path) || (path === "*" && method !== "OPTIONS")) return "a :path that is none";
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return "a Host that is not the :authority";
  }
  const name = authority ?? host;
  if (name === undefined || name === "") return "no :authority";
  if (/[@/?#\s]/.test(name)) return "an :authority with more than a host";
  if (hasEnded && length !== undefined && Number(length) !== 0) return "Content-Length without a body";
  return undefined;
};

const linesOf = ({ authority, host, cookies, others, length }: Section, framing: RequestFraming): string => {
  let lines = `Host: ${authority ?? host}\r\n`;
  for (let index = 0; index + 1 < others.length; index += 2) lines += `${others[index]}: ${others[index + 1]}\r\n`;
  if (cookies.length > 0) lines += `cookie: ${cookies.join("; ")}\r\n`;
  if (length !== undefined) lines += `content-length: ${length}\r\n`;
  if (framing === "stream") lines += "transfer-encoding: chunked\r\n";
  return `${lines}\r\n`;
};
