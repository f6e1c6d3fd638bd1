import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EdgeConfig } from "@basalt/config";
import type { ConfigHistoryEntry, CountryOf, DiskStatus } from "@basalt/management";
import type { SnmpAgent, SnmpConfiguration, SnmpDisk, SnmpFeeds, SnmpLayout } from "@basalt/management/snmp";
import { assignNumbers, type Numbering } from "@basalt/management/snmp-rows";
import { type CounterBlock, type InfoLog, PROCESS_SLOT, snmpSlot } from "@basalt/telemetry";
import { type Clock, EdgeError, PRODUCT_VERSION } from "@basalt/types";
import { archiveNameOf } from "../configHistoryList.ts";
import { withinTime } from "../withinTime.ts";
import { DiskSizes } from "./diskSizes.ts";
import { type KeptRows, readRowFile, writeRowFile } from "./rowFile.ts";

/** A disk that hangs does not hold up a start. */
const FIRST_SIZES_LIMIT_MS = 500;

export interface SnmpKeeperParts extends Pick<SnmpFeeds, "windows" | "uptimeMs" | "state" | "vhost" | "countSizes"> {
  readonly home: string;
  readonly clock: Clock;
  readonly log: InfoLog;
  readonly counters: CounterBlock;
  readonly config: () => EdgeConfig;
  readonly diskStatus: () => readonly DiskStatus[];
  /** Ascending. */
  readonly history: () => readonly ConfigHistoryEntry[];
  readonly countryOf: CountryOf;
}

/** A name, and how often it stood before: views may be called alike. */
const viewKeys = (names: readonly string[]): readonly string[] => {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}\u0000${before}`;
  });
};

const isSame = (left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean =>
  left.size === right.size && [...right].every(([name, row]) => left.get(name) === row);

/** The SNMP agent of an instance: the rows of hosts and views, the MIB file, and what the agent reads. */
export class SnmpKeeper {
  readonly #parts: SnmpKeeperParts;
  readonly #rowFile: string;
  readonly #sizes: DiskSizes;
  #rows: KeptRows | undefined;
  #agent: SnmpAgent | undefined;

  constructor(parts: SnmpKeeperParts) {
    this.#parts = parts;
    this.#rowFile = join(parts.home, "data", "snmp-rows.json");
    this.#sizes = new DiskSizes(() => parts.clock.monotonic());
  }

  /** A configuration is in service: rows are given, and the agent is as it says when this resolves. Never rejects. */
  async configured(): Promise<void> {
    const { log } = this.#parts;
    try {
      const layout = await this.#layOut();
      if (layout.settings.status === "Inactive") {
        await this.#agent?.close();
        return;
      }
      await withinTime(FIRST_SIZES_LIMIT_MS, this.#sizes.refresh(this.#folders()));
      this.#agent ??= await this.#createAgent();
      await this.#agent.configure(layout);
    } catch (cause) {
      log.error(`SNMP agent: ${EdgeError.from(cause).detail}`);
    }
  }

  async close(): Promise<void> {
    await this.#agent?.close();
  }

  /** SNMP-07. */
  async writeMib(): Promise<void> {
    const { home, config, log } = this.#parts;
    try {
      const { MIB_MODULE, renderMib } = await import("@basalt/management/snmp");
      const path = join(home, `${MIB_MODULE}.txt`);
      const text = renderMib(config().server.host.snmp);
      if ((await readFile(path, "utf8").catch(() => "")) !== text) await writeFile(path, text, { mode: 0o644 });
    } catch (cause) {
      log.warning(`the MIB file cannot be written: ${EdgeError.from(cause).detail}`);
    }
  }

  async #createAgent(): Promise<SnmpAgent> {
    const { windows, uptimeMs, state, vhost, countSizes, history, log, clock, counters, countryOf } = this.#parts;
    const { SnmpAgent } = await import("@basalt/management/snmp");
    return new SnmpAgent({
      feeds: {
        ...{ version: PRODUCT_VERSION, windows, uptimeMs, state, vhost, countSizes },
        disks: () => this.#disks(),
        configurationCount: () => history().length,
        configurations: (most) =>
          history()
            .slice(-most)
            .toReversed()
            .map((entry) => this.#configurationOf(entry)),
      },
      countryOf,
      log,
      monotonicMs: () => clock.monotonic(),
      count: (outcome, variables) => {
        counters.add(snmpSlot(outcome), 1);
        counters.add(PROCESS_SLOT.snmpVariables, variables);
      },
    });
  }

  async #layOut(): Promise<SnmpLayout> {
    const { vhosts, views, server } = this.#parts.config();
    const { host, cache } = server;
    const known = this.#rows ?? (await readRowFile(this.#rowFile));
    const hosts = assignNumbers(
      known.vhosts,
      vhosts.map(({ name, snmpIndex }) => ({ name, fixed: snmpIndex === 0 ? undefined : snmpIndex })),
    );
    const keys = viewKeys(views.map(({ name }) => name));
    const seen = assignNumbers(
      known.views,
      keys.map((name) => ({ name, fixed: undefined })),
    );
    this.#tell(hosts);
    await this.#keep({ vhosts: hosts.numbers, views: seen.numbers }, known);
    return {
      settings: host.snmp,
      hostName: host.name,
      admin: host.admin,
      vhosts: vhosts.map(({ name, status }) => ({
        name,
        row: hosts.numbers.get(name) ?? 0,
        isServed: status === "Active",
      })),
      views: views.map(({ name, vhosts: members }, index) => ({
        name,
        row: seen.numbers.get(keys[index] ?? "") ?? 0,
        members: new Set(members),
      })),
      diskCount: cache.storage.disks.length,
    };
  }

  #tell({ numbers, refused, moved }: Numbering): void {
    const { log } = this.#parts;
    for (const name of refused) {
      log.warning(
        `${name} cannot have its StaticIndex, which another host has: its SNMP index is ${numbers.get(name)}`,
      );
    }
    for (const name of moved) {
      log.warning(`the SNMP index of ${name} is now the StaticIndex of another host: it gets ${numbers.get(name)}`);
    }
  }

  async #keep(rows: KeptRows, known: KeptRows): Promise<void> {
    this.#rows = rows;
    if (isSame(known.vhosts, rows.vhosts) && isSame(known.views, rows.views)) return;
    try {
      await writeRowFile(this.#rowFile, rows);
    } catch (cause) {
      this.#parts.log.warning(`SNMP indexes cannot be kept for the next start: ${EdgeError.from(cause).detail}`);
    }
  }

  #folders(): readonly string[] {
    return this.#parts.diskStatus().map(({ path }) => path);
  }

  #disks(): readonly SnmpDisk[] {
    const disks = this.#parts.diskStatus();
    const sizes = this.#sizes.of(disks.map(({ path }) => path));
    return disks.map(({ path, state }, index) => ({
      ...{ path, state, totalBytes: 0, usedBytes: 0, freeBytes: 0 },
      ...sizes[index],
    }));
  }

  #configurationOf(entry: ConfigHistoryEntry): SnmpConfiguration {
    const { id, date, time, kind, sizeBytes, hash, productVersion } = entry;
    return {
      ...{ id, kind, sizeBytes, hash, productVersion },
      atSeconds: Math.trunc(Date.parse(`${date}T${time}`) / 1000),
      path: join(this.#parts.home, "conf", archiveNameOf(entry)),
    };
  }
}
