import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Role } from "@basalt/config";
import type {
  HistoryPoint,
  HistoryQuestion,
  InfoLog,
  MetricReport,
  MetricStatistics,
  ServiceMap,
} from "@basalt/telemetry";
import type {
  ConfigArchiveFile,
  ConfigHistoryEntry,
  ConfigHistoryKey,
  ConfigurationControl,
  FileEdit,
  RestoreOutcome,
  UploadKind,
  UploadOutcome,
} from "../src/configuration/contract.ts";
import type {
  AlarmReport,
  CipherSuiteReport,
  CleanupReport,
  Control,
  DiskOutcome,
  FileInfo,
  GeoIpReport,
  GraphOutcome,
  InvalidationJob,
  InvalidationPage,
  InvalidationPageQuestion,
  OriginMonitoring,
  PurgeOutcome,
  PurgeRequest,
  ReloadOutcome,
  ResolvedDomain,
  SigningOutcome,
  SigningRequest,
  StatusReport,
  TerminationPlan,
  TracedLog,
} from "../src/contract.ts";
import type { ExplainOutcome, ExplainQuestion, Explanation } from "../src/explanation.ts";
import type { GraphQuestion } from "../src/graphs/question.ts";
import { createManagementServer, type ManagementServer, type ManagerSettings } from "../src/index.ts";
import type { LogQueryOutcome, LogQueryQuestion } from "../src/logQuery.ts";
import type { CacheResourceReport, ColdFileReport, HardwareReport, ProcessorReport } from "../src/machine.ts";
import type { StatisticsAnswer, StatisticsQuestion } from "../src/statisticsQuestion.ts";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const WORKER = {
  slot: 0,
  pid: 4711,
  state: "serving",
  uptimeSeconds: 12,
  restarts: 0,
  connections: 3,
  requests: 99,
  rssBytes: 70_000_000,
} as const;

export const EXPLANATION: Explanation = {
  method: "GET",
  url: "http://www.example.com/a",
  atMs: 1_600_000_000_000,
  generation: 3,
  outcome: "miss",
  status: null,
  result: null,
  verdict: "A miss: it is fetched from the origin.",
  steps: [
    {
      step: "vhost",
      verdict: "www.example.com, by its name.",
      facts: [
        {
          name: "vhost",
          value: "www.example.com",
          because: "by its name",
          source: { kind: "line", file: "vhosts.xml", line: 2, element: "Vhosts/Vhost@Name" },
        },
        { name: "runnerUp", value: null },
      ],
    },
  ],
};

/** The example of ORG-26. */
export const ORIGINS: OriginMonitoring = {
  origin: [
    {
      VirtualHost: "example.com",
      Address: [{ "1.1.1.1": "Active" }, { "1.1.1.2": "Active" }],
      Address2: [],
      ActiveIP: [{ "1.1.1.1": 0 }, { "1.1.1.2": 0 }],
      InactiveIP: [],
      State: [{ Server: "1.1.1.1", State: "InService", Reason: "" }],
    },
    {
      VirtualHost: "foobar.com",
      Address: [{ "origin.foobar.com": "Active" }],
      Address2: [],
      ActiveIP: [{ "5.5.5.5": 21 }, { "5.5.5.6": 60 }, { "5.5.5.7": 37 }],
      InactiveIP: [{ "5.5.5.8": 10 }, { "5.5.5.9": 59 }],
      State: [{ Server: "origin.foobar.com 5.5.5.8", State: "OutOfService", Reason: "Connect-Timeout" }],
    },
  ],
};

/** The example of CFG-24, less its other disks. */
export const HARDWARE: HardwareReport = {
  os: "Linux version 3.3.0",
  cpu: { processors: 4, model: "Intel(R) Xeon(R) CPU E5606 @ 2.13GHz", mhz: "1200.000", cache: "8192 KB" },
  memoryBytes: 8_300_000_000,
  network: [
    {
      device: "eth1",
      model: "Intel Corporation 82574L Gigabit Network Connection",
      ip: "192.168.0.13",
      mac: "00:25:90:36:f4:cb",
    },
  ],
  disks: [{ device: "sda", model: "HP DG0146FAMWL (scsi)", totalBytes: 238_787_584, usedBytes: 40_181_760 }],
};

export const HISTORY: readonly ConfigHistoryEntry[] = [
  {
    id: 5,
    date: "2013-11-06",
    time: "15:02:40",
    kind: "loaded",
    sizeBytes: 27_300,
    hash: "D62CA26F16FE7C66F81D215D8C52266AB70AA5C8",
    productVersion: "1.2.8",
  },
  {
    id: 6,
    date: "2013-11-07",
    time: "07:02:21",
    kind: "modified",
    sizeBytes: 27_544,
    hash: "F81D215D8C52266AB70AA5C8D62CA26F16FE7C66",
    productVersion: "1.2.8",
  },
];

export class FakeConfiguration implements ConfigurationControl {
  readonly uploads: (readonly [kind: UploadKind, bytes: Buffer])[] = [];
  readonly keys: ConfigHistoryKey[] = [];
  readonly files = new Map<string, string>([["server.xml", "<Server/>"]]);
  uploadOutcome: UploadOutcome = { code: "E0000", notes: [], problems: [] };
  restoreOutcome: RestoreOutcome = { kind: "restored", hash: HISTORY[0]?.hash ?? "" };

  history(): readonly ConfigHistoryEntry[] {
    return HISTORY;
  }

  archiveOf(key: ConfigHistoryKey): Promise<ConfigArchiveFile | undefined> {
    this.keys.push(key);
    const isKnown = HISTORY.some(({ id, hash }) => (key.hash === undefined ? id === key.id : hash === key.hash));
    return Promise.resolve(isKnown ? { name: "a.tgz", bytes: Buffer.from([0x1f, 0x8b, 0, 255]) } : undefined);
  }

  fileInService(path: string): Promise<Uint8Array | undefined> {
    const text = this.files.get(path);
    return Promise.resolve(text === undefined ? undefined : Buffer.from(text));
  }

  restore(key: ConfigHistoryKey): Promise<RestoreOutcome> {
    this.keys.push(key);
    return Promise.resolve(this.restoreOutcome);
  }

  upload(kind: UploadKind, bytes: Buffer): Promise<UploadOutcome> {
    this.uploads.push([kind, bytes]);
    return Promise.resolve(this.uploadOutcome);
  }

  async edit<Result>(
    name: "server.xml" | "vhosts.xml",
    edit: (inService: Uint8Array | undefined) => FileEdit<Result>,
  ): Promise<{ readonly uploaded: UploadOutcome | undefined; readonly result: Result }> {
    const { bytes, result } = edit(await this.fileInService(name));
    return { uploaded: bytes === undefined ? undefined : await this.upload(name, bytes), result };
  }
}

/** A control that does nothing but remember what it was asked. */
const FLOW = {
  requests: 10,
  success: 0.6,
  error: 0.1,
  throttle: 0.1,
  fault: 0.2,
  latencyMs: 12.5,
  requestsPerMinute: 5,
  tracesPerMinute: 0.5,
};

export const SERVICE_MAP: ServiceMap = {
  endedAtMs: Date.UTC(2026, 8, 3, 14, 30),
  seconds: 120,
  omitted: 0,
  nodes: [
    { id: 0, name: "client", type: "client", ...FLOW },
    { id: 1, name: "site1.com", type: "vhost", ...FLOW },
    { id: 2, name: "10.0.0.1:80", type: "origin", ...FLOW },
  ],
  edges: [
    { from: 0, to: 1, ...FLOW },
    { from: 1, to: 2, ...FLOW },
  ],
};

const COUNTED: MetricStatistics = { Unit: "Count", SampleCount: 4, Sum: 1, Average: 0.25, Minimum: 0, Maximum: 1 };
const MEASURED: MetricStatistics = { ...COUNTED, Unit: "Milliseconds", p50: 1.5, "p99.9": 2 };
const METRICS: MetricReport["total"] = {
  Count: COUNTED,
  "4xxError": COUNTED,
  "5xxError": COUNTED,
  CacheHitCount: COUNTED,
  CacheMissCount: COUNTED,
  ThrottleCount: COUNTED,
  ClientAbortedCount: COUNTED,
  Latency: MEASURED,
  IntegrationLatency: MEASURED,
};

export const METRIC_REPORT: MetricReport = {
  endedAtMs: Date.UTC(2026, 8, 3, 14, 30),
  seconds: 120,
  omitted: 0,
  total: METRICS,
  hosts: [{ name: "site1.com", metrics: METRICS }],
};

export const ALARM: AlarmReport = {
  Name: "errors",
  State: "ALARM",
  Vhost: "site1.com",
  Metric: "5xxError",
  Statistic: "Sum",
  Minutes: 1,
  Periods: 3,
  Comparison: "AtLeast",
  Threshold: 10,
  Value: 12,
  Changed: "2026-09-03T14:30:00.000Z",
};

export class FakeControl implements Control {
  readonly purges: PurgeRequest[] = [];
  readonly restarts: string[] = [];
  readonly asked: string[] = [];
  terminated = 0;
  purgeOutcome: PurgeOutcome = { kind: "done", count: 24, bytes: 3_747_491, elapsedMs: 12, status: 200 };
  reloadOutcome: ReloadOutcome = { kind: "applied", generation: 2, changes: 1, needRestart: [], warnings: [] };
  cleanupReport: CleanupReport = { objects: 7, bytes: 7_000, segments: 2, folders: 1, elapsedMs: 12.4 };
  diskOutcome: DiskOutcome = { kind: "done" };
  readonly questions: ExplainQuestion[] = [];
  explainOutcome: ExplainOutcome = { kind: "explained", explanation: EXPLANATION };
  files: readonly FileInfo[] = [{ URI: "/sample.dat", Size: 1000 }];

  readonly vhostNames = (): readonly string[] => ["www.example.com", "www.foobar.com", "site1.com"];

  purge(asked: PurgeRequest): Promise<PurgeOutcome> {
    this.purges.push(asked);
    return Promise.resolve(this.purgeOutcome);
  }

  jobs: readonly InvalidationJob[] = [];
  nextMarker: string | undefined;
  readonly jobQuestions: InvalidationPageQuestion[] = [];

  invalidations(question: InvalidationPageQuestion): InvalidationPage {
    this.jobQuestions.push(question);
    return { jobs: this.jobs, nextMarker: this.nextMarker };
  }

  invalidation(id: string): InvalidationJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  fileInfo(url: string): Promise<readonly FileInfo[]> {
    this.asked.push(url);
    return Promise.resolve(this.files);
  }

  explain(question: ExplainQuestion): Promise<ExplainOutcome> {
    this.questions.push(question);
    return Promise.resolve(this.explainOutcome);
  }

  readonly statisticsQuestions: StatisticsQuestion[] = [];

  statistics(question: StatisticsQuestion): StatisticsAnswer {
    this.statisticsQuestions.push(question);
    return {
      json: () => ['{"Host":{"Name":', '"edge"}}'],
      xml: () => ['<?xml version="1.0" encoding="UTF-8"?>\n<Host ', 'Name="edge"/>\n'],
    };
  }

  serviceMap(minutes: number, vhost: string | undefined): ServiceMap | undefined {
    this.asked.push(`serviceMap ${minutes} ${vhost}`);
    return vhost === undefined || this.vhostNames().includes(vhost) ? SERVICE_MAP : undefined;
  }

  alarms(): readonly AlarmReport[] {
    return [ALARM];
  }

  history: readonly (HistoryPoint | undefined)[] = [];
  graphOutcome: GraphOutcome = { kind: "picture", png: Uint8Array.of(0x89, 0x50, 0x4e, 0x47) };

  graph(question: GraphQuestion) {
    this.asked.push(`graph ${JSON.stringify(question)}`);
    return Promise.resolve(this.graphOutcome);
  }

  metricHistory(vhost: string | undefined, { fromMs, toMs, periodSeconds }: HistoryQuestion) {
    this.asked.push(`metricHistory ${vhost} ${fromMs} ${toMs} ${periodSeconds}`);
    return Promise.resolve(vhost === "nobody.com" ? undefined : this.history);
  }

  nowMs(): number {
    return Date.UTC(2026, 8, 3, 14, 30, 20);
  }

  metricStatistics(periodSeconds: number, vhost: string | undefined): MetricReport | undefined {
    this.asked.push(`metricStatistics ${periodSeconds} ${vhost}`);
    return vhost === undefined || this.vhostNames().includes(vhost) ? METRIC_REPORT : undefined;
  }

  reload(): Promise<ReloadOutcome> {
    this.asked.push("reload");
    return Promise.resolve(this.reloadOutcome);
  }

  readonly configuration = new FakeConfiguration();

  encryptPassword(plain: string): Promise<string> {
    return Promise.resolve(Buffer.from(`<${plain}>`).toString("base64"));
  }

  restart(how: "rolling" | "full"): Promise<void> {
    this.restarts.push(how);
    return Promise.resolve();
  }

  isReady = true;

  terminate({ leaveSeconds, drainSeconds }: TerminationPlan): void {
    this.terminated += 1;
    this.asked.push(`terminate leave=${leaveSeconds} drain=${drainSeconds}`);
  }

  scale(workers: number): Promise<void> {
    this.asked.push(`scale ${workers}`);
    return Promise.resolve();
  }

  cleanup(ageDays: number | undefined): Promise<CleanupReport> {
    this.asked.push(`cleanup ${ageDays}`);
    return Promise.resolve(this.cleanupReport);
  }

  mount(disk: string): Promise<DiskOutcome> {
    this.asked.push(`mount ${disk}`);
    return Promise.resolve(this.diskOutcome);
  }

  unmount(disk: string): Promise<DiskOutcome> {
    this.asked.push(`unmount ${disk}`);
    return Promise.resolve(this.diskOutcome);
  }

  clearCache(): Promise<void> {
    this.asked.push("clearCache");
    return Promise.resolve();
  }

  clearVhost(name: string): Promise<boolean> {
    const isKnown = this.vhostNames().includes(name);
    if (isKnown) this.asked.push(`clearVhost ${name}`);
    return Promise.resolve(isKnown);
  }

  originMonitoring(vhost: string | undefined): OriginMonitoring | undefined {
    this.asked.push(`origin ${vhost}`);
    const origin = ORIGINS.origin.filter(({ VirtualHost }) => vhost === undefined || VirtualHost === vhost);
    return origin.length === 0 ? undefined : { origin };
  }

  resetOrigin(vhost: string | undefined): boolean {
    this.asked.push(`resetOrigin ${vhost}`);
    return vhost === undefined || this.vhostNames().includes(vhost);
  }

  /** A trace that ends at once, behind one line. */
  logQueryOutcome: LogQueryOutcome = { kind: "busy" };

  async queryLogs({ log, vhost, query, fromMs, toMs }: LogQueryQuestion): Promise<LogQueryOutcome> {
    this.asked.push(`queryLogs ${log} ${vhost} ${fromMs} ${toMs} ${query}`);
    return this.logQueryOutcome;
  }

  traceLog(log: TracedLog, vhost: string | undefined): Readable | undefined {
    this.asked.push(`traceLog ${log} ${vhost}`);
    return Readable.from(["a line\n"]);
  }

  dnsList(): readonly ResolvedDomain[] {
    return [{ vhost: "foobar.com", domain: "origin.foobar.com", ttlSeconds: 21, ips: ["5.5.5.5", "5.5.5.6"] }];
  }

  status(): StatusReport {
    return {
      version: "2.5.16",
      pid: 4710,
      uptimeSeconds: 13,
      generation: 1,
      state: "Healthy",
      workers: [WORKER],
      transform: { ...WORKER, pid: 4712 },
      objects: 5,
      bodyBytes: 500,
      disks: [{ path: "/cache1", state: "Normal", usedBytes: 900, quotaBytes: null, availableBytes: 1_000_000 }],
      listening: ["*:80"],
    };
  }

  hardware(): Promise<HardwareReport> {
    return Promise.resolve(HARDWARE);
  }

  processors(): ProcessorReport {
    const processor = { id: 0, model: "X", mhz: "1200.000", cache: "8192 KB", socket: 0, core: 0 };
    return { processors: [processor], load: { minute1: 125, minutes5: 50, minutes15: 1 } };
  }

  geoIp: GeoIpReport | undefined;

  async cipherSuites(cipherString: string): Promise<CipherSuiteReport> {
    if (cipherString === "none") return { ok: false, reason: "no suite" };
    const suite = { Name: cipherString, Ver: "SSLv3", Kx: "RSA", Au: "RSA", Enc: "AES(128)", Mac: "SHA1" };
    return { ok: true, suites: [suite] };
  }

  geoIpFiles(): Promise<GeoIpReport | undefined> {
    return Promise.resolve(this.geoIp);
  }

  signUrl({ url, seconds, prefix }: SigningRequest): SigningOutcome {
    this.asked.push(`sign ${url} ${seconds} ${prefix}`);
    return url === "" ? { kind: "refused", reason: "There is no URL." } : { kind: "signed", url: `${url}?token=t` };
  }

  cacheResource(): CacheResourceReport {
    return {
      memory: {
        totalBytes: 8000,
        freeBytes: 4000,
        contentLimitBytes: 2000,
        contentUsedBytes: 1000,
        tierBytes: 900,
        tierObjects: 9,
      },
      disks: [{ path: "/cache1", state: "Normal", usedBytes: 900, quotaBytes: null, availableBytes: 1_000_000 }],
      objects: 5,
      bodyBytes: 500,
    };
  }

  coldFiles(vhost: string | undefined): Promise<ColdFileReport> {
    this.asked.push(`coldFiles ${vhost}`);
    const classes = Array.from({ length: 11 }, (_, index) => ({ objects: index, bytes: index * 10 }));
    return Promise.resolve({ objects: 55, bytes: 550, classes });
  }

  metrics(): Promise<{ contentType: string; text: string }> {
    return Promise.resolve({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "basalt_build_info 1\n" });
  }
}

export class Scene {
  readonly control: FakeControl;
  readonly logged: string[] = [];
  /** Lines of AWS-92. */
  readonly audited: string[] = [];
  readonly socketPath: string;
  settings: ManagerSettings = {
    port: 0,
    httpMethod: true,
    role: "Admin",
    uploadMultipartName: "confile",
    allow: [],
  };
  readonly server: ManagementServer;
  readonly #folder: string;

  constructor(folder: string, control: FakeControl) {
    this.#folder = folder;
    this.control = control;
    this.socketPath = join(folder, "run", "basalt.sock");
    const remember =
      (level: string) =>
      (text: string): void => {
        if (text.startsWith("api call of ")) this.audited.push(text);
        else this.logged.push(`${level} ${text}`);
      };
    const log: InfoLog = {
      notice: remember("NOTICE"),
      warning: remember("WARNING"),
      error: remember("ERROR"),
      reopen: () => undefined,
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    this.server = createManagementServer({
      control,
      settings: () => this.settings,
      productVersion: "2.5.16",
      log,
      socketPath: this.socketPath,
      address: "127.0.0.1",
    });
  }

  get port(): number {
    const { port } = this.server;
    if (port === undefined) throw new Error("the server does not listen");
    return port;
  }

  allow(...entries: readonly (readonly [string, Role])[]): void {
    this.settings = { ...this.settings, allow: entries.map(([address, role]) => ({ address, role })) };
  }

  ask(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<Reply> {
    return this.#request({ host: "127.0.0.1", port: this.port }, path, options);
  }

  askSocket(path: string): Promise<Reply> {
    return this.#request({ socketPath: this.socketPath }, path, {});
  }

  /** Sends bytes as they are and gives all that came back until the end of the connection. */
  raw(text: string | Buffer | readonly (string | Buffer)[], localAddress = "127.0.0.1"): Promise<string> {
    return new Promise((resolve) => {
      const received: Buffer[] = [];
      const socket = connect({ host: "127.0.0.1", port: this.port, localAddress });
      socket.on("data", (chunk) => received.push(chunk));
      socket.on("error", () => undefined);
      socket.once("close", () => resolve(Buffer.concat(received).toString("latin1")));
      const pieces = typeof text === "string" || Buffer.isBuffer(text) ? [text] : [...text];
      const writeNext = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) socket.write(piece, () => setImmediate(writeNext));
      };
      socket.setNoDelay(true);
      socket.once("connect", writeNext);
    });
  }

  async close(): Promise<void> {
    await this.server.close();
    await rm(this.#folder, { recursive: true });
  }

  #request(
    where: { host: string; port: number } | { socketPath: string },
    path: string,
    {
      method = "GET",
      headers = {},
      body,
    }: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = request({ ...where, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
}

export const openScene = async (control: FakeControl = new FakeControl()): Promise<Scene> => {
  const scene = new Scene(await mkdtemp(join(tmpdir(), "basalt-api-")), control);
  await scene.server.start();
  return scene;
};
