import type { SnmpSettings } from "@basalt/config";
import { CounterBlock, SIZE_CLASSES, Statistics, type VhostSubject } from "@basalt/telemetry";
import { NO_BLOCK_COUNTERS, type SystemSample } from "@basalt/telemetry/system";
import { BerReader } from "../../src/snmp/berReader.ts";
import { element, elements, integer, oid } from "../../src/snmp/berWriter.ts";
import type { SnmpConfiguration, SnmpDisk, SnmpState } from "../../src/snmp/contract.ts";
import { LiveSource, type SnmpFeeds, type SnmpLayout } from "../../src/snmp/liveSource.ts";
import type { Oid } from "../../src/snmp/oid.ts";
import { parseOid } from "../../src/snmp/oid.ts";

export const ROOT = "1.3.6.1.4.1.40001.1";

/** `4.3.1.2` below the root. */
export const below = (suffix: string): Oid => parseOid(`${ROOT}.${suffix}`);

export const suffixOf = (name: Oid): string => name.slice(parseOid(ROOT).length).join(".");

export const SETTINGS: SnmpSettings = {
  ...{ status: "Active", port: 161, address: "127.0.0.1", allow: ["127.0.0.1"], unregisteredCommunity: "Allow" },
  ...{ communities: [], vhostCount: 0, vhostMinutes: 5, viewCount: 0, viewMinutes: 5, globalMinutes: 5 },
  ...{ diskMinutes: 5, configCount: 10, root: ROOT, manufacture: "Maker", software: "Product", location: "Rack 4" },
};

export const SAMPLE: SystemSample = {
  cpu: { user: 0, nice: 0, system: 0, idle: 0, ioWait: 0, irq: 0, softIrq: 0, steal: 0 },
  memory: { totalBytes: 8_388_608, freeBytes: 5_242_880, availableBytes: 6_000, swapTotalBytes: 0, swapFreeBytes: 0 },
  load: { minute1: 110, minutes5: 90, minutes15: 70 },
  sockets: { inUse: 9, orphan: 1, timeWait: 2, allocated: 10, memoryPages: 3, established: 4 },
  disks: [
    { path: "/cache1", device: "sda", ...NO_BLOCK_COUNTERS },
    { path: "/cache2", device: "sdb", ...NO_BLOCK_COUNTERS },
  ],
  network: [],
  processes: { userTicks: 0, systemTicks: 0, residentBytes: 1_048_576 },
};

const MEGABYTE = 1024 ** 2;

/** An instance as the agent sees it, with a clock of its own. */
export class FakeInstance {
  readonly block = new CounterBlock();
  readonly statistics: Statistics;
  vhosts: readonly string[];
  views: SnmpLayout["views"] = [];
  sample: SystemSample = SAMPLE;
  state: SnmpState = "Healthy";
  configurations: readonly SnmpConfiguration[] = [];
  disks: readonly SnmpDisk[] = ["/cache1", "/cache2"].map((path) => ({
    ...{ path, state: "Normal", totalBytes: 1_000 * MEGABYTE, usedBytes: 250 * MEGABYTE, freeBytes: 750 * MEGABYTE },
  }));
  seconds = 0;

  constructor(...vhosts: readonly string[]) {
    this.vhosts = vhosts;
    this.statistics = new Statistics(
      {
        sampleSystem: () => this.sample,
        host: () => ({ version: "1.2.3", name: "edge1", state: "Healthy", uptimeSeconds: 99, waitingEvents: 3 }),
        vhosts: () => this.vhosts.map((name) => subjectOf(name)),
        vhost: (name) => this.find(name),
        statsOf: (name) => this.find(name)?.stats,
        views: () => [],
        disks: () => [],
      },
      0,
      0,
    );
  }

  find(name: string): VhostSubject | undefined {
    return this.vhosts.includes(name) ? subjectOf(name) : undefined;
  }

  count(vhost: string, slot: number, amount: number): void {
    this.block.add(this.block.vhost(vhost) + slot, amount);
  }

  endSeconds(count: number): void {
    for (let second = 0; second < count; second++) {
      this.seconds += 1;
      this.statistics.aggregate.accept("worker", this.block.report());
      this.statistics.endSecond(this.seconds * 1_000, this.seconds * 1_000);
    }
  }

  get feeds(): SnmpFeeds {
    return {
      version: "1.2.3",
      windows: this.statistics.windows,
      uptimeMs: () => 12_340,
      state: () => this.state,
      vhost: (name) => this.find(name),
      disks: () => this.disks,
      configurations: (most) => this.configurations.slice(0, most),
      configurationCount: () => this.configurations.length,
      countSizes: () => {},
    };
  }

  layout(settings: Partial<SnmpSettings> = {}, rows: Readonly<Record<string, number>> = {}): SnmpLayout {
    return {
      settings: { ...SETTINGS, ...settings },
      hostName: "edge1",
      admin: "ops@example.com",
      vhosts: this.vhosts.map((name, index) => ({ name, row: rows[name] ?? index + 1, isServed: true })),
      views: this.views,
      diskCount: this.disks.length,
    };
  }

  source(settings: Partial<SnmpSettings> = {}, rows: Readonly<Record<string, number>> = {}): LiveSource {
    return new LiveSource(this.layout(settings, rows), this.feeds);
  }
}

const subjectOf = (name: string): VhostSubject => ({
  name,
  uptimeSeconds: 77,
  files: {
    objects: 3,
    bytes: 5 * MEGABYTE,
    bySize: SIZE_CLASSES.map((_, index) => (index === 0 ? 3 : 0)),
  },
  stats: { dirDepth: 0, dirDepthAccum: false, httpsTraffic: false, clientLocal: false, originLocal: false },
  ports: [],
});

const OPERATIONS = { get: 0xa0, getNext: 0xa1, set: 0xa3, getBulk: 0xa5 } as const;

export interface AskedRequest {
  readonly kind?: keyof typeof OPERATIONS;
  readonly version?: number;
  readonly community?: string;
  readonly requestId?: number;
  readonly first?: number;
  readonly second?: number;
  readonly oids: readonly Oid[];
}

/** A request as a manager writes it. */
export const requestBytes = ({
  kind = "get",
  version = 1,
  community = "public",
  requestId = 7,
  first = 0,
  second = 0,
  oids,
}: AskedRequest): Buffer =>
  elements(0x30, [
    integer(0x02, version),
    element(0x04, Buffer.from(community)),
    elements(OPERATIONS[kind], [
      integer(0x02, requestId),
      integer(0x02, first),
      integer(0x02, second),
      elements(
        0x30,
        oids.map((name) => elements(0x30, [oid(0x06, name), element(0x05, Buffer.alloc(0))])),
      ),
    ]),
  ]);

export interface ReadAnswer {
  readonly version: number;
  readonly community: string;
  readonly requestId: number;
  readonly status: number;
  readonly index: number;
  readonly variables: readonly { readonly oid: Oid; readonly tag: number; readonly value: number | string }[];
}

const unsigned = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0);

const TEXT_TAGS = [0x04, 0x05, 0x06, 0x80, 0x81, 0x82];

/** What a manager reads of an answer. */
export const readAnswer = (bytes: Uint8Array): ReadAnswer => {
  const message = new BerReader(bytes).expect(0x30);
  const version = message.integer(0x02);
  const community = Buffer.from(message.expect(0x04).bytes).toString();
  const operation = message.expect(0xa2);
  const [requestId, status, index] = [operation.integer(0x02), operation.integer(0x02), operation.integer(0x02)];
  const list = operation.expect(0x30);
  const variables: { oid: Oid; tag: number; value: number | string }[] = [];
  while (!list.isAtEnd) {
    const variable = list.expect(0x30);
    const name = variable.oid(0x06);
    const { tag, content } = variable.next();
    const signed = tag === 0x02 && (content.bytes[0] ?? 0) >= 0x80 ? 2 ** (8 * content.bytes.length) : 0;
    const value = TEXT_TAGS.includes(tag) ? Buffer.from(content.bytes).toString() : unsigned(content.bytes) - signed;
    variables.push({ oid: name, tag, value });
  }
  return { version, community, requestId, status, index, variables };
};

export const TAG = {
  ...{ integer: 0x02, string: 0x04, null: 0x05, oid: 0x06, gauge: 0x42, ticks: 0x43 },
  ...{ noSuchObject: 0x80, noSuchInstance: 0x81, endOfMibView: 0x82 },
} as const;
