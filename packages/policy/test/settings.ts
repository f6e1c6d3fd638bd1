import type {
  AccessOptions,
  Condition,
  ConditionFiles,
  ConditionTerm,
  ContentCoding,
  LogFileSettings,
  MediaSettings,
  OriginOptions,
  SnmpSettings,
  VhostLogs,
  VhostOptions,
  VhostSettings,
} from "@basalt/config";
import type { ConditionRequest } from "../src/index.ts";

/** Everybody may have everything. */
export const OPEN_ACCESS: AccessOptions = {
  accessControl: { enabled: false, default: "Allow", denialCode: 401 },
  maxRequestBodyBytes: 0,
  rateLimits: [],
  signedUrls: { enabled: false, parameter: "token", denialCode: 403, expiredCode: 410, urls: [], keys: [] },
  basicAuthentication: [],
  cors: {
    enabled: false,
    credentials: false,
    maxAgeSeconds: 600,
    methods: "GET, HEAD, POST",
    allowHeaders: "",
    exposeHeaders: "",
    origins: [],
  },
};

/** The defaults of the guide. */
const OPTIONS: VhostOptions = {
  cachingProfile: "guide",
  access: OPEN_ACCESS,
  ttl: {
    priority: ["cc_nocache", "custom", "cc_maxage", "rescode"],
    res2xx: { seconds: 1800, ratio: 20, max: 86400 },
    noCache: { seconds: 5, ratio: 0, max: 5, maxAge: 0 },
    res3xxSeconds: 300,
    res4xxSeconds: 30,
    res5xxSeconds: 30,
    connectTimeoutSeconds: 3,
    receiveTimeoutSeconds: 4,
    originBusySeconds: 6,
  },
  ttlExtensionBy4xx: false,
  ttlExtensionBy5xx: true,
  unvalidatableObjectResCode: 0,
  refreshExpired: true,
  noCacheRequestExpire: false,
  acceptEncoding: true,
  varyHeader: [],
  tagHeader: ["surrogate-key", "cache-tag"],
  caseSensitive: true,
  applyQueryString: true,
  applyQueryStringCollective: false,
  connectionHeader: "keep-alive",
  clientKeepAliveSeconds: 10,
  keepAliveHeader: true,
  keepAliveHeaderMax: 0,
  ageHeader: false,
  cacheStatusHeader: false,
  etagHeader: true,
  originalHeader: false,
  viaHeader: true,
  serverHeader: true,
  lastModifiedCheck: "exact",
  ifRange: false,
  modifyHeader: { enabled: false, firstOnly: false },
  refreshExpiresHeader: { enabled: false, base: "access" },
  postRequest: { enabled: false, bodySensitive: true, maxContentLengthBytes: 102_400 },
  bypassNoCacheRequest: false,
  bypassPostRequest: true,
  bypassGetRequest: false,
  bypassPutRequest: false,
  bypassOrigin: {
    post: { originAffinity: true, isPrivate: false },
    get: { originAffinity: true, isPrivate: false },
    put: { originAffinity: true, isPrivate: false },
  },
  purge2Expire: "NONE",
  rootPurgeExpire: "ON",
  resCodeNoCtrlTarget: 200,
  compression: {
    enabled: false,
    methods: ["gzip"],
    levels: { gzip: 6, br: 5, zstd: 6 },
    sourceMinBytes: 2048,
    sourceMaxBytes: 2097152,
    precompresses: false,
  },
  drm: {
    status: "Inactive",
    keyword: "drm",
    maxSourceBytes: 500 * 1024 ** 2,
    algorithm: "RC4",
    iv: "",
    ivType: "plain",
    token: "",
    tokenType: "plain",
    key: ["$Token"],
    keyHash: "none",
  },
  transforms: { weight: 100, threads: 0 },
  dims: {
    status: "Inactive",
    keyword: "dims",
    maxSourceBytes: 10 * 1024 ** 2,
    onFailure: "message",
    firstFrameOnly: false,
    composites: [],
    byOriginal: [],
    annotations: [],
    extraCommands: false,
    formatAuto: [],
    presets: [],
    signatures: [],
    autoOrient: false,
    convertsToSrgb: false,
    stripsLocation: false,
    keepsSmaller: false,
    targetSimilarity: 0.985,
    maxPixels: 100_000_000,
    maxSidePixels: 65_535,
    maxFrames: 1_000,
  },
  tracing: {
    status: "Inactive",
    header: "both",
    fromClients: true,
    perSecond: 1,
    ratePercent: 5,
    rules: [],
    collector: { enabled: false, address: "127.0.0.1:2000" },
    otlp: "",
  },
  trafficCap: { megabits: 0, sessionKilobits: 0 },
  selection: {
    headers: { mode: "profile", names: [] },
    cookies: { mode: "profile", names: [] },
    query: { mode: "profile", names: [] },
  },
  overload: { limit: 0, page: "" },
  xffLimit: 0,
  fileSystem: {
    status: "Inactive",
    dotDir: false,
    fileTime: "Origin",
    fileStatus: [200],
    dirStatus: [301, 302, 400, 401, 403],
    unlink: "Purge",
  },
  throttling: {
    enabled: false,
    queryString: false,
    bandwidth: { amount: 1000, unit: "kbps", param: "bandwidth" },
    ratio: { percent: 100, param: "ratio" },
    boost: { seconds: 5, param: "boost" },
  },
};

const ORIGIN_OPTIONS: OriginOptions = {
  connectTimeoutSeconds: 3,
  receiveTimeoutSeconds: 10,
  bypassConnectTimeoutSeconds: 5,
  bypassReceiveTimeoutSeconds: 300,
  exclusion: 3,
  recovery: { count: 5, cycleSeconds: 10, uri: "/", resCodes: [], log: true },
  dnsMaxTtlSeconds: 60,
  busySessionCount: 100,
  maxSessions: { count: 0, queue: 10_000 },
  tls: { verify: true, caFile: "" },
  reuseTimeoutSeconds: 60,
  partBytes: 0,
  fullRangeInit: false,
  ifRange: false,
  balanceMode: "RoundRobin",
  host: "",
  userAgent: "Basalt",
  userAgentBypass: false,
  hostBypass: true,
  xffClientIpOnly: false,
  xffClientIpOnlyBypass: true,
  wlProxyClientIp: false,
  wlProxyClientIpBypass: true,
  originalETag: false,
  wholeClientRequest: false,
  urlRewrites: [],
  redirectionTrace: { enabled: false, allow: [] },
  modifyHeader: { enabled: false, firstOnly: false },
  draining: { enabled: false, timeoutSeconds: 300 },
  sticky: { mode: "OFF", name: "EDGEORIGIN", durationSeconds: 3_600 },
  forwarded: { xff: "append", proto: false, port: false },
  webSocketRedirect: false,
};

export const LOG_FILE: LogFileSettings = {
  enabled: false,
  type: "time",
  unit: [1440],
  retention: 10,
  retentionDays: 0,
  compression: false,
  sysLog: false,
  ftp: [],
  receivers: [],
};

const ACCESS_LOG = { ...LOG_FILE, xff: "ON", form: "ston", local: false, balancer: "" } as const;

const LOGS: VhostLogs = {
  dir: "/log",
  level: "INFO",
  access: ACCESS_LOG,
  accessExtra: ACCESS_LOG,
  accessFormat: "",
  origin: { ...LOG_FILE, local: false },
  monitoring: { ...LOG_FILE, form: "json" },
  dns: LOG_FILE,
  fileSystem: LOG_FILE,
  detail: { ...LOG_FILE, mask: [] },
  trace: LOG_FILE,
  metricFilters: [],
  subscriptions: [],
};

const HLS = {
  status: "Inactive",
  indexName: "index.m3u8",
  version: 3,
  alternates: false,
  alternatesName: "playlist.m3u8",
  sequence: 0,
  durationSeconds: 10,
} as const;

const TRIMMING = {
  enabled: false,
  startParam: "start",
  endParam: "end",
  allTracks: false,
  multiParam: "trimming",
  maxRatioPercent: 50,
};

export const DEFAULT_MEDIA: MediaSettings = {
  mp4Hls: {
    ...HLS,
    keyword: "mp4hls",
    form: "TS",
    iframes: false,
    subtitles: false,
    variants: false,
    encryption: {
      status: "Inactive",
      key: "",
      keyType: "plain",
      secret: "",
      secretType: "plain",
      keyUri: "",
      servesKey: false,
    },
  },
  mp3Hls: { ...HLS, keyword: "mp3hls", segmentType: "TS" },
  dash: { status: "Inactive", keyword: "dash", manifestName: "manifest.mpd", durationSeconds: 10 },
  upfrontMp4Header: false,
  upfrontM4aHeader: false,
  mp4Trimming: TRIMMING,
  m4aTrimming: TRIMMING,
  mp3Trimming: { ...TRIMMING, multiParam: "" },
};

export interface VhostChanges {
  readonly media?: Partial<MediaSettings>;
  readonly options?: Partial<VhostOptions>;
  readonly originOptions?: Partial<OriginOptions>;
  readonly conditions?: Partial<ConditionFiles>;
}

export const NO_SNMP: SnmpSettings = {
  ...{ status: "Inactive", port: 161, address: "*", allow: [], unregisteredCommunity: "Allow", communities: [] },
  ...{
    vhostCount: 0,
    vhostMinutes: 5,
    viewCount: 0,
    viewMinutes: 5,
    globalMinutes: 5,
    diskMinutes: 5,
    configCount: 10,
  },
  ...{ root: "1.3.6.1.4.1.40001.1", manufacture: "Basalt", software: "Basalt", location: "" },
};

export const vhostWith = (
  changes: VhostChanges &
    Partial<Pick<VhostSettings, "name" | "status" | "aliases" | "listen" | "facadeOf" | "subPaths" | "link">> = {},
): VhostSettings => ({
  name: changes.name ?? "www.example.com",
  status: changes.status ?? "Active",
  aliases: changes.aliases ?? [],
  listen: changes.listen ?? [{ address: undefined, port: 80 }],
  origin: { addresses: [], standby: [], healthCheckers: [] },
  portBypass: [],
  facadeOf: changes.facadeOf,
  snmpIndex: 0,
  subPaths: changes.subPaths ?? [],
  link: changes.link,
  options: { ...OPTIONS, ...changes.options },
  originOptions: { ...ORIGIN_OPTIONS, ...changes.originOptions },
  media: { ...DEFAULT_MEDIA, ...changes.media },
  logs: LOGS,
  stats: {
    dirDepth: 0,
    dirDepthAccum: false,
    httpsTraffic: false,
    detailedMetrics: true,
    clientLocal: true,
    originLocal: true,
  },
  conditions: {
    acl: [],
    users: [],
    ttl: [],
    bypass: [],
    querystring: [],
    compression: [],
    headers: [],
    expires: [],
    postbody: [],
    throttling: [],
    ...changes.conditions,
  },
});

export const TTL = OPTIONS.ttl;
export const DEFAULT_OPTIONS = OPTIONS;

/** A URL condition as the grammar reads it: the query string counts when the pattern has one (OPEN 11 of spec 01). */
export const urlTerm = (pattern: string, negated = false): ConditionTerm => ({
  kind: "url",
  pattern,
  withQuery: pattern.includes("?"),
  negated,
});

export const onUrl = (pattern: string): Condition => ({ terms: [urlTerm(pattern)] });

export const headerTerm = (name: string, pattern?: string, negated = false): ConditionTerm => ({
  kind: "header",
  name,
  value: pattern === undefined ? { kind: "exists" } : pattern === "" ? { kind: "empty" } : { kind: "pattern", pattern },
  negated,
});

export const ttlLines = (...lines: readonly (readonly [pattern: string, seconds: number])[]): ConditionFiles["ttl"] =>
  lines.map(([pattern, seconds], index) => ({ condition: onUrl(pattern), seconds, line: index + 1 }));

export const queryLines = (...patterns: readonly string[]): ConditionFiles["querystring"] =>
  patterns.map((pattern, index) => ({ condition: onUrl(pattern), line: index + 1 }));

export const bypassLines = (
  ...lines: readonly (readonly [condition: string | Condition, action: "cache" | "bypass" | "opposite"])[]
): ConditionFiles["bypass"] =>
  lines.map(([condition, action], index) => ({
    condition: typeof condition === "string" ? onUrl(condition) : condition,
    action,
    line: index + 1,
  }));

export const compressionLines = (
  ...lines: readonly (readonly [
    pattern: string,
    compress: boolean,
    level?: number | undefined,
    method?: ContentCoding | undefined,
  ])[]
): ConditionFiles["compression"] =>
  lines.map(([pattern, compress, level, method], index) => ({
    condition: onUrl(pattern),
    compress,
    method,
    level,
    line: index + 1,
  }));

/** A client's request for conditions; `headers` in lower case. */
export const requestFor = (
  url: string,
  more: {
    readonly method?: string;
    readonly clientIp?: string;
    readonly protocol?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly mimeType?: string;
  } = {},
): ConditionRequest => ({
  method: more.method ?? "GET",
  path: url.split("?", 1)[0] ?? "",
  pathAndQuery: url,
  clientIp: more.clientIp ?? "192.0.2.1",
  protocol: more.protocol ?? "http",
  header: (name) => more.headers?.[name],
  mimeType: more.mimeType,
});
