import { BROWSER_FIELDS } from "./browserHead.ts";

/** A row of the budget table that is measured by load: requests per second of server CPU, relative to nginx. */
export interface LoadRow {
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly fields: readonly string[];
  /** Adds If-None-Match and If-Modified-Since with the validators that the server itself has sent. */
  readonly isConditional?: boolean;
  readonly expectedStatus: number;
  readonly connections: number;
  readonly budget: number;
  readonly stretch: number;
  /** Over TLS 1.3. */
  readonly isSecure?: boolean;
  /** Served round a set of objects too large for the memory tier, by the instance with the small tier. */
  readonly objects?: { readonly pathPattern: string; readonly count: number };
}

const KB = 1024;
const MB = 1024 * KB;
const RANGE_START = 50 * MB;
/** Far more than the least memory tier (8 MB in a worker), few enough for nginx to hold every file open. */
const OUTSIDE_MEMORY_OBJECTS = 4000;

const plain = { fields: [], expectedStatus: 200, connections: 64 } as const;
const overTls = { ...plain, isSecure: true } as const;
const of = (size: number, name = "a") => `/bytes/${size}/${name}`;
const many = (size: number) => ({ pathPattern: of(size, "set-%d"), count: OUTSIDE_MEMORY_OBJECTS });

export const LOAD_ROWS: readonly LoadRow[] = [
  { id: "hit-1k", title: "hit, 1 KB, bare request", path: of(KB), ...plain, budget: 1.3, stretch: 1.8 },
  {
    ...plain,
    id: "hit-1k-browser",
    title: "hit, 1 KB, a browser's request",
    path: of(KB),
    fields: BROWSER_FIELDS,
    budget: 1.2,
    stretch: 1.6,
  },
  { id: "hit-16k", title: "hit, 16 KB", path: of(16 * KB), ...plain, budget: 1, stretch: 1.5 },
  { id: "hit-64k", title: "hit, 64 KB", path: of(64 * KB), ...plain, budget: 0.9, stretch: 1.1 },
  { id: "hit-1m", title: "hit, 1 MB", path: of(MB), ...plain, budget: 0.45, stretch: 0.6 },
  {
    ...plain,
    id: "not-modified",
    title: "304 to the client",
    path: of(KB),
    isConditional: true,
    expectedStatus: 304,
    budget: 1,
    stretch: 1.4,
  },
  {
    ...plain,
    id: "range-64k",
    title: "64 KB range of a 100 MB object",
    path: of(100 * MB),
    fields: [`Range: bytes=${RANGE_START}-${RANGE_START + 64 * KB - 1}`],
    expectedStatus: 206,
    budget: 0.85,
    stretch: 1,
  },
  {
    ...plain,
    id: "connection-1k",
    title: "a connection for each request, 1 KB",
    path: of(KB),
    fields: ["Connection: close"],
    budget: 0.28,
    stretch: 0.8,
  },
  {
    ...plain,
    id: "page-cache-16k",
    title: "hit from the page cache, 16 KB",
    path: of(16 * KB, "set-1"),
    objects: many(16 * KB),
    budget: 0.7,
    stretch: 1.1,
  },
  {
    ...plain,
    id: "page-cache-64k",
    title: "hit from the page cache, 64 KB",
    path: of(64 * KB, "set-1"),
    objects: many(64 * KB),
    budget: 0.55,
    stretch: 0.8,
  },
  { ...overTls, id: "tls-1k", title: "hit over TLS 1.3, 1 KB", path: of(KB), budget: 1, stretch: 1.3 },
  { ...overTls, id: "tls-64k", title: "hit over TLS 1.3, 64 KB", path: of(64 * KB), budget: 0.95, stretch: 1.1 },
];
