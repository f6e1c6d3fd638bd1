/** Requests from a grammar, most of them nearly right, then damaged. Everything follows from one seed. */

/** Mulberry32: small, fast, good enough to choose with. */
export const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const METHODS = [
  "GET",
  "GET",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "PURGE",
  "CONNECT",
  "M-SEARCH",
  "get",
  "FOO",
  "PRI",
];
const TARGETS = [
  "/",
  "/",
  "/a",
  "/a?b=c",
  "/%20",
  "//",
  "/~user/[x]|\\^`{}",
  "*",
  "http://h/",
  "HTTP://H:80/x?y",
  "https://[::1]:8443",
  "http://h?q",
  "http://u@h/",
  "http:///x",
  "ftp://h/",
  "h:443",
  "[::1]:443",
  "h",
  "/#f",
  "?x",
  "",
];
const VERSIONS = [
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/0.9",
  "HTTP/2.0",
  "HTTP/1.2",
  "HTTP/1.10",
  "http/1.1",
  "HTTP/1,1",
  "",
];
const HOSTS = [
  "h",
  "h",
  "h",
  "example.com:8080",
  "[::1]",
  "[::1]:80",
  "",
  "h:",
  "h:99999",
  "a b",
  "a,b",
  "a@b",
  "[::g]",
  "h/x",
];
const LENGTHS = [
  "0",
  "3",
  "3",
  "5",
  "03",
  "+3",
  "-1",
  "3, 3",
  "3,3",
  "",
  "0x3",
  "3 ",
  "99999999999999999999",
  "1234567890123456",
  "3;a",
  "3\t",
  "\t3",
];
const CODINGS = [
  "chunked",
  "chunked",
  "chunked",
  "Chunked",
  "CHUNKED",
  "gzip, chunked",
  "chunked, gzip",
  "chunked, chunked",
  "identity",
  "",
  "xchunked",
  "chunked\t",
  "\tchunked",
  "chunked  ",
  "chunked;a=b",
  "\xa0chunked",
  "chunked\x0b",
  ",chunked",
  "chunked,",
  "gzip",
];
const OTHER_FIELDS = [
  "Accept: */*",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: upgrade",
  "Upgrade: websocket",
  "Connection: Upgrade, close",
  "Expect: 100-continue",
  "Cookie: a=b; c=d",
  "X:",
  "X: \t ",
  "Key:value",
  "X: \xe9\xff",
  "X: a\tb",
  "x_y: 1",
  "Sec-WebSocket-Key: x",
  "TE: trailers",
  "Trailer: A",
  "Range: bytes=0-1",
  "Accept-Encoding: gzip;q=0, *",
  "Proxy-Connection: x",
  "Content-Lengt: 9",
  "Transfer-Encodin: x",
];
const BAD_LINES = [
  " folded: x",
  "\tfold",
  "Name : v",
  "Na me: v",
  ": v",
  "NoColon",
  "X: a\0b",
  "X: a\x7fb",
  "X: a\x01b",
  "X: a\nb",
  "X: a\rb",
  "\x80: v",
  "Content-Length : 3",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding\t: chunked",
];
const LINE_ENDS = ["\n", "\r", "\r\r\n", "\n\r", "\r\n ", " \r\n", "\r\n\r\n"];
const SPECIAL_BYTES = [
  "\0",
  "\t",
  "\n",
  "\v",
  "\f",
  "\r",
  " ",
  "\x7f",
  "\x80",
  "\xa0",
  "\xff",
  ":",
  ",",
  ";",
  '"',
  "0",
  "\r\n",
  "\r\n\r\n",
  "\x1f",
  "-",
  "+",
  "/",
  "#",
  "@",
];
const CHUNK_SIZES = [
  "3",
  "3",
  "3",
  "03",
  "0003",
  "3;a",
  "3;a=b",
  '3;a="b\\"c"',
  "3 ",
  " 3",
  "0x3",
  "+3",
  "-3",
  "3;",
  "3; a",
  "3;a=",
  "3\t",
  "ffffffffffffffff",
  "100000000000003",
  "20000000000000",
  "3_",
  "G",
  "",
  "A",
];
const LAST_CHUNKS = ["0", "0", "0", "00", "0;x", "0 ", "-0", ""];
const TRAILERS = [
  "",
  "",
  "",
  "A: b\r\n",
  "A: b\r\nC:d\r\n",
  "A : b\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "X: \0\r\n",
  " x\r\n",
  "A: b\n",
  "nocolon\r\n",
];
const NEXT = ["", "", "GET /next HTTP/1.1\r\nHost: n\r\n\r\n", "\r\n", "x"];

type Pick = <Item>(items: readonly Item[]) => Item;

export interface Generator {
  next(): Buffer;
  /** A whole number from 0 up to below the limit. */
  below(limit: number): number;
}

export const createGenerator = (seed: number): Generator => {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick: Pick = (items) => {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  };
  /** The common form mostly, so that one oddity is seen at a time. */
  const mostly = (common: string, others: readonly string[]): string => (random() < 0.85 ? common : pick(others));

  const chunk = (): string => {
    const size = mostly("3", CHUNK_SIZES);
    return `${size}${mostly("\r\n", LINE_ENDS)}abc${mostly("\r\n", LINE_ENDS)}`;
  };
  const chunkedBody = (): string => {
    let body = "";
    for (let count = below(4); count > 0; count--) body += chunk();
    return `${body}${mostly("0", LAST_CHUNKS)}\r\n${pick(TRAILERS)}${mostly("\r\n", LINE_ENDS)}`;
  };

  const message = (): string => {
    const lines: string[] = [];
    if (random() < 0.95) lines.push(`${pick(["Host", "Host", "host", "HOST"])}: ${mostly("h", HOSTS)}`);
    if (random() < 0.04) lines.push(`Host: ${pick(HOSTS)}`);
    for (let count = below(5); count > 0; count--) lines.push(pick(OTHER_FIELDS));
    let body = "";
    const framing = random();
    if (framing < 0.35) {
      lines.push(`${pick(["Transfer-Encoding", "transfer-encoding"])}: ${mostly("chunked", CODINGS)}`);
      body = chunkedBody();
    } else if (framing < 0.6) {
      lines.push(`${pick(["Content-Length", "content-length"])}: ${mostly("3", LENGTHS)}`);
      body = "abc";
    }
    if (random() < 0.03) lines.push(`Content-Length: ${pick(LENGTHS)}`);
    if (random() < 0.03) lines.push(`Transfer-Encoding: ${pick(CODINGS)}`);
    if (random() < 0.08) lines.splice(below(lines.length + 1), 0, pick(BAD_LINES));
    if (random() < 0.3) lines.reverse();
    const start = `${mostly("", ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\n", "\r", " "])}${pick(METHODS)} ${mostly("/", TARGETS)} ${mostly("HTTP/1.1", VERSIONS)}`;
    let text = `${start}${mostly("\r\n", LINE_ENDS)}`;
    for (const line of lines) text += `${line}${random() < 0.98 ? "\r\n" : pick(LINE_ENDS)}`;
    return `${text}\r\n${body}${pick(NEXT)}`;
  };

  const mutate = (text: string): string => {
    const at = below(text.length + 1);
    const to = Math.min(text.length, at + 1 + below(12));
    switch (below(8)) {
      case 0:
        return (
          text.slice(0, at) +
          String.fromCharCode(text.charCodeAt(at % text.length) ^ (1 << below(8))) +
          text.slice(at + 1)
        );
      case 1:
      case 2:
        return text.slice(0, at) + pick(SPECIAL_BYTES) + text.slice(at);
      case 3:
        return text.slice(0, at) + text.slice(at + 1);
      case 4:
        return text.slice(0, to) + text.slice(at);
      case 5:
        return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
      case 6: {
        const lines = text.split("\r\n");
        lines.splice(below(lines.length), 0, pick(lines));
        return lines.join("\r\n");
      }
      default:
        return text.slice(0, at) + pick([" ", "\t", ","]) + text.slice(at);
    }
  };

  return {
    below,
    next() {
      let text = message();
      const mutations = random() < 0.45 ? 0 : 1 + below(3);
      for (let count = 0; count < mutations && text.length > 0; count++) text = mutate(text);
      return Buffer.from(text, "latin1");
    },
  };
};
