/**
 * What objects in memory cost, against what the memory tier charges for them: the growth of the process after the tier
 * has been filled, and after four times as much has passed through it. From the root of the repository:
 * `node --conditions=@basalt/source packages/cache/bench/memory.ts`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { computeCacheKey, createMemoryTier } from "@basalt/store";
import { CachedObject } from "../src/cachedObject.ts";
import { encodeHead, readHead } from "../src/storedHead.ts";

const MIB = 1024 * 1024;
const LIMITS_BYTES = [128 * MIB, 512 * MIB];
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
      validatedAtMs: 1_700_000_000_000,
      selection: "",
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

const measure = async (bodyBytes: number, limitBytes: number): Promise<void> => {
  const body = Buffer.alloc(bodyBytes, 1);
  const tier = createMemoryTier<CachedObject>(limitBytes);
  let number = 0;
  const insert = async (count: number, each = body): Promise<void> => {
    for (const end = number + count; number < end; number += 1) {
      const object = makeObject(number, each);
      tier.insert(0, object.url, object);
      if (number % 100 === 0) await pause();
    }
  };
  // The code is to be warm before the first look.
  await insert(2000, body.subarray(0, 1024));
  tier.removeSpace(0);
  const before = privateBytes();
  const charged = makeObject(0, body).memoryBytes;
  const count = Math.floor(limitBytes / (charged + 200));
  await insert(count);
  const filled = (privateBytes() - before) / tier.count;
  await insert(4 * count);
  const after = privateBytes() - before;
  const beyondBody = (bytes: number): string => `${Math.round(bytes - bodyBytes)} B`.padStart(9);
  const beyondLimit = `${Math.round((after - limitBytes) / MIB)} MB`;
  process.stdout.write(
    `${String(bodyBytes / 1024).padStart(4)} KB ${String(limitBytes / MIB).padStart(5)} MB ` +
      `${beyondBody(tier.bytes / tier.count)} ${beyondBody(filled)} ${beyondLimit.padStart(9)}\n`,
  );
};

const [, , size, limit] = process.argv;
if (size === undefined) {
  for (const settings of SETTINGS) {
    process.stdout.write(`\n${settings.join(" ") || "as V8 comes"}\n`);
    process.stdout.write("  body    limit   charged     costs  beyond the limit after four times as much\n");
    const parts = ["--conditions=@basalt/source", "--disable-warning=ExperimentalWarning", ...settings];
    const program = [...parts, fileURLToPath(import.meta.url)];
    for (const bodyBytes of SIZES) {
      for (const limitBytes of LIMITS_BYTES) {
        const figures = execFileSync(process.execPath, [...program, String(bodyBytes), String(limitBytes)]);
        process.stdout.write(figures);
      }
    }
  }
} else {
  await measure(Number(size), Number(limit));
}
