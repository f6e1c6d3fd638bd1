/**
 * What objects in memory cost, against what the memory tier charges for them: the growth of the process after the tier
 * has been filled, and after ten times as much has passed through it. From the root of the repository:
 * `node --conditions=@basalt/source packages/cache/bench/memory.ts`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { computeCacheKey, createMemoryTier } from "@basalt/store";
import { CachedObject, encodeHead } from "../src/index.ts";
import { readHead } from "../src/storedHead.ts";

const MIB = 1024 * 1024;
const LIMIT_BYTES = 256 * MIB;
const SIZES = [1024, 16 * 1024, 64 * 1024];
/** How the workers are started, and what that gives up against V8's own settings. */
const SETTINGS = [[], ["--heap-growing-percent=25", "--max-semi-space-size=4"]];

const FIELDS = [
  ...["Content-Type", "application/octet-stream", "Cache-Control", "public, max-age=86400", "Accept-Ranges", "bytes"],
  ...["Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT", "Date", "Fri, 02 Jan 2026 03:04:05 GMT"],
];
const TEXT = `HTTP/1.1 200 OK\r\n${"x".repeat(260)}\r\n\r\n`;

/** Bytes of this process that are its own. */
const privateBytes = (): number =>
  Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? 0) * 1024;

const makeObject = (number: number, body: Buffer): CachedObject => {
  const url = `/bytes/${body.length}/object-${number}`;
  const head = readHead(
    encodeHead({
      url,
      variant: "",
      status: 200,
      fields: FIELDS,
      bodyBytes: body.length,
      storedAtMs: 1_700_000_000_000,
      initialAgeSeconds: 0,
      bodyVersion: number,
      sourceVersion: 0,
    }),
  );
  if (head === undefined) throw new Error("no head");
  const object = new CachedObject({
    key: computeCacheKey("www.example.com", url, ""),
    url,
    head,
    body,
    location: { disk: 1, segment: 1, offset: number * 8, headBytes: 100, bodyBytes: body.length, file: 0 },
    version: number,
    freshUntilMs: 1_800_000_000_000,
    ttlSeconds: 1800,
    updatedAtMs: 1_700_000_000_000,
    purged: false,
    expiredByForce: false,
  });
  object.prepare({
    fields: FIELDS.slice(0, -2),
    text: TEXT,
    fieldsStart: 17,
    fieldsEnd: 200,
    connectionStart: 220,
    generation: 1,
    second: 1,
  });
  return object;
};

/** Leaves the event loop some room between groups of objects, as a server does: memory is given back then. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const measure = async (bodyBytes: number): Promise<void> => {
  const body = Buffer.alloc(bodyBytes, 1);
  const tier = createMemoryTier<CachedObject>(LIMIT_BYTES);
  let number = 0;
  const insert = async (count: number): Promise<void> => {
    for (const end = number + count; number < end; number += 1) {
      const object = makeObject(number, body);
      tier.insert(0, object.url, object);
      if (number % 100 === 0) await pause();
    }
  };
  // The code is to be warm before the first look.
  await insert(2000);
  tier.removeSpace(0);
  const before = privateBytes();
  const charged = makeObject(0, body).memoryBytes;
  const count = Math.floor(LIMIT_BYTES / (charged + 200));
  await insert(count);
  const filled = (privateBytes() - before) / tier.count;
  await insert(10 * count);
  const after = privateBytes() - before;
  const perObject = (bytes: number): string => `${Math.round(bytes - bodyBytes)} B`.padStart(9);
  process.stdout.write(
    `${String(bodyBytes / 1024).padStart(4)} KB ${perObject(tier.bytes / tier.count)} ${perObject(filled)} ` +
      `${perObject(after / tier.count)} ${(after / LIMIT_BYTES).toFixed(2).padStart(6)}\n`,
  );
};

const [, , wanted] = process.argv;
if (wanted === undefined) {
  for (const settings of SETTINGS) {
    process.stdout.write(`\n${settings.join(" ") || "as V8 comes"}\n`);
    process.stdout.write("beyond the body: charged, costs when full, after ten times as much; growth by limit\n");
    for (const size of SIZES) {
      const parts = ["--conditions=@basalt/source", "--disable-warning=ExperimentalWarning", ...settings];
      const program = fileURLToPath(import.meta.url);
      process.stdout.write(execFileSync(process.execPath, [...parts, program, String(size)], { encoding: "utf8" }));
    }
  }
} else {
  await measure(Number(wanted));
}
