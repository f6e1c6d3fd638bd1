/**
 * Nanoseconds per parsed request head, the best of several rounds (the machine may be busy with other things).
 * Run: node packages/http/bench/requestHead.ts
 */
import { createRequestHeadParser } from "../src/index.ts";

const LIMITS = { targetBytes: 8192, headBytes: 32_768, fieldCount: 100 };
const ROUNDS = 150;
const PARSES_PER_ROUND = 10_000;
const VARIANTS = 64;

const BROWSER_FIELDS = [
  "Host: www.example.com",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Dest: document",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
];

const head = (target: string, fields: readonly string[]): Buffer =>
  Buffer.from(`GET ${target} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`, "latin1");

/** Cookies of one length and differing bytes keep every block new to the parser. */
const withCookie = (index: number): string[] => [
  ...BROWSER_FIELDS,
  `Cookie: session=${String(index).padStart(60, "0")}`,
];

const measure = (name: string, heads: readonly Buffer[]): void => {
  const parser = createRequestHeadParser(LIMITS);
  const readBuffer = Buffer.alloc(65_536);
  const starts: number[] = [];
  const ends: number[] = [];
  let filled = 0;
  for (const bytes of heads) {
    starts.push(filled);
    filled += bytes.copy(readBuffer, filled);
    ends.push(filled);
  }
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startedNs = process.hrtime.bigint();
    for (let index = 0; index < PARSES_PER_ROUND; index++) {
      const at = index % heads.length;
      if (parser.parse(readBuffer, starts[at] ?? 0, ends[at] ?? 0) !== ends[at]) throw new Error("not parsed");
    }
    best = Math.min(best, Number(process.hrtime.bigint() - startedNs) / PARSES_PER_ROUND);
  }
  const bytes = heads[0]?.length ?? 0;
  process.stdout.write(`${name.padEnd(52)} ${String(bytes).padStart(5)} bytes ${best.toFixed(0).padStart(6)} ns\n`);
};

const targets = Array.from({ length: VARIANTS }, (_, index) => `/images/picture-${1000 + index}.jpg`);

measure("same head again, bare", [head("/", ["Host: www.example.com"])]);
measure("same head again, a browser's", [head("/images/picture.jpg", withCookie(1))]);
measure(
  "same block, new target, bare",
  targets.map((target) => head(target, ["Host: www.example.com"])),
);
measure(
  "same block, new target, a browser's",
  targets.map((target) => head(target, withCookie(1))),
);
measure(
  "cold, bare",
  targets.map((_, index) => head("/", ["Host: www.example.com", `X-Id: ${1000 + index}`])),
);
measure(
  "cold, a browser's",
  targets.map((target, index) => head(target, withCookie(index))),
);
