import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseConfig, type VhostSettings } from "@basalt/config";
import { EMPTY_FIELD_BLOCK, METHOD } from "@basalt/http";
import { Channel } from "@basalt/ipc";
import type { OriginRequest } from "@basalt/origin";
import { compileCachingRules, compileCustomTtl, requestFacts } from "@basalt/policy";
import {
  createMemoryTier,
  type DiskIndex,
  type IndexRow,
  type MemoryTier,
  openBodyStore,
  openDiskIndexReader,
  openDiskIndexWriter,
} from "@basalt/store";
import { CounterBlock } from "@basalt/telemetry";
import type { Problem } from "@basalt/types";
import {
  type CachedObject,
  type CacheVhost,
  type DeriveReply,
  type DeriveRequest,
  type InvalidationJournal,
  ObjectCache,
  type ObjectClient,
  ObjectCoordinator,
  type ObjectService,
  type Obtained,
  type ObtainRequest,
  type TierEntry,
  VARIANT,
  type Variant,
  VhostRegistry,
} from "../../src/index.ts";
import { FakeOrigin } from "./fakeOrigin.ts";
import { createProcessLikePair } from "./ports.ts";
import { onEnd, temporaryFolder } from "./temporaryFolder.ts";
import { TestClock } from "./testClock.ts";
import { until } from "./waiting.ts";
import { WatchedBodies } from "./watchedBodies.ts";

export const VHOST = "www.example.com";
const TIER_BYTES = 64 * 1024 * 1024;

/** Settings of a virtual host with the given content beside its origin. */
export const settingsWith = (content = ""): VhostSettings => {
  const vhosts = `<Vhosts><Vhost Name="${VHOST}"><Origin><Address>10.0.0.1</Address></Origin>${content}</Vhost></Vhosts>`;
  const sources = new Map([
    ["server.xml", "<Server><Cache><Storage><Disk>/d/</Disk></Storage></Cache></Server>"],
    ["vhosts.xml", vhosts],
  ]);
  const outcome = parseConfig(sources, { home: "/opt/edge", generation: 1, cores: 1, hostName: "edge" });
  const [first] = outcome.ok ? outcome.config.vhosts : [];
  if (first === undefined) throw new Error(JSON.stringify(outcome));
  return first;
};

export interface TestHostSettings {
  readonly workers?: number;
  readonly vhost?: string;
  readonly tierBytes?: number;
  readonly journal?: InvalidationJournal;
}

/** An accept worker without its connections. */
export class TestWorker {
  readonly id: number;
  readonly clock: TestHost["clock"];
  readonly origin = new FakeOrigin();
  readonly bodies: WatchedBodies;
  readonly cache: ObjectCache;
  readonly vhost: CacheVhost;
  readonly channel: Channel<ObjectClient, ObjectService>;
  readonly toWorker: Channel<ObjectService, ObjectClient>;
  readonly counters = new CounterBlock();
  readonly tier: MemoryTier<TierEntry>;
  /** Reports of the primary that its index is on disk, held back while a promise is set. */
  settledVersions: number[] = [];
  /** Awaited between the decision about a part and its reply. */
  beforePartReply: Promise<void> | undefined;

  constructor(host: TestHost, id: number, folder: string, settings: VhostSettings, tierBytes: number) {
    this.id = id;
    this.clock = host.clock;
    const { clock, coordinator, index } = host;
    const registry = new VhostRegistry();
    const { index: vhostIndex, invalidations } = registry.enter(VHOST);
    const [left, right] = createProcessLikePair();
    this.toWorker = new Channel<ObjectService, ObjectClient>(
      right,
      {
        acquire: (request) => coordinator.acquire(id, request),
        acquirePart: async (request) => {
          const reply = coordinator.acquirePart(id, request);
          await this.beforePartReply;
          return reply;
        },
        fallBack: (request) => coordinator.fallBack(request) ?? null,
        nextSegment: () => index.nextSegmentId(),
        nextFile: () => index.nextFileId(),
        derive: (request) => coordinator.derive(request),
        outdated: ({ vhost, urls }) => coordinator.outdated(vhost, urls),
      },
      {
        fillShared: ({ fillId, shared }) => coordinator.fillShared(fillId, shared),
        fillProgress: ({ fillId, progress }) => coordinator.fillProgress(fillId, progress),
        fillEnd: (end) => coordinator.fillEnd(end),
        partProgress: ({ partId, progress }) => coordinator.partProgress(partId, progress),
        partEnd: ({ partId, missingBytes }) => coordinator.partEnd(partId, missingBytes),
        touched: ({ keys, atMs }) => coordinator.touched(keys, atMs),
        abandonDerivation: ({ id }) => coordinator.abandonDerivation(id),
        damaged: ({ key, location }) => coordinator.damaged(key, location),
        lost: ({ key, file }) => coordinator.lost(key, file),
      },
    );
    this.channel = new Channel<ObjectClient, ObjectService>(
      left,
      {
        invalidate: async (requested) => {
          await Promise.all(requested.map((each) => this.cache.invalidate(vhostIndex, invalidations, each)));
          return null;
        },
      },
      {
        fillUpdate: (update) => this.cache.followers.receive(update),
        shareFill: ({ fillId }) => this.cache.filling.share(fillId),
        partUpdate: (update) => this.cache.parted.update(update),
        sharePart: ({ partId }) => this.cache.parted.share(partId),
        trimPart: ({ partId, end }) => this.cache.parted.trim(partId, end),
        settled: ({ version }) => {
          this.settledVersions.push(version);
          this.cache.settle(vhostIndex, invalidations, version);
        },
      },
    );
    this.bodies = new WatchedBodies(
      openBodyStore({
        disks: [{ number: host.diskNumber, path: join(folder, "disk") }],
        allocateSegment: (disk) => this.channel.call("nextSegment", { disk }),
        allocateFile: (disk) => this.channel.call("nextFile", { disk }),
        onProblem: (problem) => host.problems.push(problem),
        maxOpenFiles: 32,
        clock,
      }),
    );
    this.tier = createMemoryTier<TierEntry>(tierBytes);
    const reader = openDiskIndexReader(join(folder, "index.db"));
    this.cache = new ObjectCache({
      clock,
      channel: this.channel,
      index: reader,
      bodies: this.bodies,
      tier: this.tier,
      counters: this.counters,
    });
    this.vhost = {
      name: VHOST,
      index: vhostIndex,
      settings,
      pool: this.origin,
      invalidations,
      counters: this.counters.vhost(VHOST),
      rules: compileCachingRules(settings),
      customTtl: compileCustomTtl(settings),
    };
    coordinator.addWorker(id, this.toWorker);
    onEnd(async () => {
      await until(() => this.bodies.creating === 0, "files being made");
      reader.close();
      await this.bodies.close();
    });
  }

  find(url: string, variant: Variant = VARIANT.PLAIN): CachedObject | undefined {
    return this.cache.find(this.vhost, variant, url);
  }

  /** What a request for the URL does after it found nothing fresh in memory. */
  obtain(url: string, more: Partial<ObtainRequest> = {}): Promise<Obtained> {
    const variant = more.variant ?? VARIANT.PLAIN;
    return this.cache.obtain({
      vhost: this.vhost,
      variant,
      url,
      name: url,
      facts: requestFacts(METHOD.GET, EMPTY_FIELD_BLOCK),
      get: () => undefined,
      held: this.find(url, variant),
      mustRenew: false,
      mayFetch: true,
      suffices: (object) => object.isFresh(this.clock.now()),
      originRequest: (validated) => requestFor(url, validated),
      ...more,
    });
  }

  /** A complete answer from this worker's own origin. */
  async fill(url: string, body: Buffer | string, fields: readonly string[] = [], status = 200): Promise<CachedObject> {
    const number = this.origin.calls.length + 1;
    const before = this.find(url);
    const obtaining = this.obtain(url);
    (await this.origin.call(number)).reply(status, body, fields);
    await obtaining;
    const isNew = (): boolean => this.find(url) !== undefined && this.find(url) !== before;
    await until(isNew, `${url} in memory`);
    const object = this.find(url);
    if (object === undefined) throw new Error(`${url} is not in memory`);
    await this.cache.whenStored(object);
    return object;
  }

  /** Dies: its connection to the primary breaks. */
  die(host: TestHost): void {
    this.toWorker.close();
    host.coordinator.removeWorker(this.id);
  }
}

const requestFor = (url: string, validated: CachedObject | undefined): OriginRequest => ({
  method: "GET",
  target: url,
  fields: validated === undefined ? [] : ["If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT"],
  body: { kind: "none" },
  mode: "cache",
});

/** A primary and its workers in one process, on a folder of their own. */
export class TestHost {
  readonly clock = new TestClock();
  /** What the store reported. */
  readonly problems: Problem[] = [];
  readonly index: DiskIndex;
  readonly coordinator: ObjectCoordinator;
  readonly workers: readonly TestWorker[];
  readonly diskNumber: number;
  derive: (request: DeriveRequest) => Promise<DeriveReply> = () => Promise.reject(new Error("nothing derives here"));
  deriveCalls = 0;
  /** Derivations that the transform host was told to give up. */
  readonly abandoned: number[] = [];
  onDefect: (error: unknown) => void = (error) => {
    throw error;
  };
  /** Bytes of shared files that are still growing, as the coordinator told. */
  readonly growing = new Map<number, number>();
  readonly #folder: string;

  constructor({ workers = 1, vhost = "", tierBytes = TIER_BYTES, journal }: TestHostSettings = {}) {
    const folder = temporaryFolder();
    this.#folder = folder;
    this.index = openDiskIndexWriter(join(folder, "index.db"), {
      clock: this.clock,
      onProblem: (problem) => this.problems.push(problem),
    });
    onEnd(() => this.index.close());
    this.diskNumber = this.index.numberDisk(join(folder, "disk"));
    this.coordinator = new ObjectCoordinator({
      clock: this.clock,
      ...(journal === undefined ? {} : { journal }),
      index: this.index,
      hasDisk: () => true,
      onGrowing: ({ file }, bytes) => this.growing.set(file, bytes),
      derive: (request) => {
        this.deriveCalls++;
        return this.derive(request);
      },
      abandonDerivation: (id) => this.abandoned.push(id),
      onDefect: (error) => this.onDefect(error),
    });
    const settings = settingsWith(vhost);
    this.workers = Array.from(
      { length: workers },
      (_, position) => new TestWorker(this, position + 1, folder, settings, tierBytes),
    );
  }

  /** The worker of that number, counted from 1. */
  worker(number: number): TestWorker {
    const worker = this.workers[number - 1];
    if (worker === undefined) throw new Error(`no worker ${number}`);
    return worker;
  }

  /** The row of the plain object of a URL. */
  row(url: string): IndexRow | undefined {
    return this.index.findVariants(VHOST, url)[0];
  }

  /** Bodies that have a file of their own on the disk. */
  bodyFileCount(): number {
    return this.bodyFilePaths().length;
  }

  bodyFilePaths(): string[] {
    const entries = readdirSync(join(this.#folder, "disk"), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return files.filter((path) => path.endsWith(".body"));
  }

  /** Files of all kinds on the disk. */
  fileCount(): number {
    const entries = readdirSync(join(this.#folder, "disk"), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).length;
  }

  /** Of the database alone: its log has a limit of its own. */
  indexBytes(): number {
    return statSync(join(this.#folder, "index.db")).size;
  }

  purge(url: string): Promise<{ readonly count: number; readonly bytes: number }> {
    return this.coordinator.invalidate(VHOST, { kind: "url", url }, { kind: "purge" });
  }

  /** Resolves when no worker and no list remembers an invalidation up to now. */
  async settled(): Promise<void> {
    const { appliedVersion } = this.coordinator;
    await until(
      () => this.workers.every((worker) => (worker.settledVersions.at(-1) ?? 0) >= appliedVersion),
      "settled",
    );
  }
}
