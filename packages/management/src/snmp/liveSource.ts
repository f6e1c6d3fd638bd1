import type { SnmpSettings } from "@basalt/config";
import type { DiskFacts, Figures, HostFacts, StatisticsWindows, VhostSubject } from "@basalt/telemetry";
import type {
  RowKind,
  RowNumbers,
  SnmpConfiguration,
  SnmpDisk,
  SnmpSource,
  SnmpState,
  SnmpSubject,
  SnmpSubjectFacts,
} from "./contract.ts";
import { consecutiveRows, numberedRows } from "./rowNumbers.ts";

/** A virtual host and its row. */
export interface SnmpVhost {
  readonly name: string;
  readonly row: number;
  readonly isServed: boolean;
}

export interface SnmpView {
  readonly name: string;
  readonly row: number;
  readonly members: ReadonlySet<string>;
}

/** What a configuration fixes: made anew when another comes into service. */
export interface SnmpLayout {
  readonly settings: SnmpSettings;
  readonly hostName: string;
  readonly admin: string;
  readonly vhosts: readonly SnmpVhost[];
  readonly views: readonly SnmpView[];
  /** Configured ones. */
  readonly diskCount: number;
}

/** What is asked of the instance when a value is read. */
export interface SnmpFeeds {
  readonly version: string;
  readonly windows: StatisticsWindows;
  readonly uptimeMs: () => number;
  readonly state: () => SnmpState;
  readonly vhost: (name: string) => VhostSubject | undefined;
  readonly disks: () => readonly SnmpDisk[];
  /** The first is in service. */
  readonly configurations: (most: number) => readonly SnmpConfiguration[];
  readonly configurationCount: () => number;
  /** Somebody wants to know what is stored by size. */
  readonly countSizes: () => void;
}

/** Groups of the statistics: all hosts, then the views. */
const ALL_HOSTS = 0;

interface ServedView extends SnmpView {
  readonly group: number;
  readonly isServed: boolean;
}

/** The tree's view of a running instance; from now on the statistics keep the sums that it needs. */
export class LiveSource implements SnmpSource {
  readonly settings: SnmpSettings;
  readonly hostName: string;
  readonly admin: string;
  readonly #feeds: SnmpFeeds;
  readonly #vhosts: ReadonlyMap<number, SnmpVhost>;
  readonly #views: ReadonlyMap<number, ServedView>;
  readonly #numbers: { readonly [Kind in Exclude<RowKind, "configurations">]: RowNumbers };

  constructor(layout: SnmpLayout, feeds: SnmpFeeds) {
    const { settings, vhosts, views } = layout;
    this.settings = settings;
    this.hostName = layout.hostName;
    this.admin = layout.admin;
    this.#feeds = feeds;
    this.#vhosts = new Map(vhosts.map((vhost) => [vhost.row, vhost]));
    const served = new Set(vhosts.filter(({ isServed }) => isServed).map(({ name }) => name));
    this.#views = new Map(
      views.map((view, index) => {
        const isServed = [...view.members].some((name) => served.has(name));
        return [view.row, { ...view, group: index + 1, isServed }];
      }),
    );
    feeds.windows.setGroups([{ names: undefined }, ...views.map(({ members }) => ({ names: members }))]);
    this.#numbers = {
      disks: consecutiveRows(layout.diskCount),
      vhosts: numberedRows(this.#vhosts.keys(), settings.vhostCount),
      views: numberedRows(this.#views.keys(), settings.viewCount),
    };
  }

  get version(): string {
    return this.#feeds.version;
  }

  get uptimeMs(): number {
    return this.#feeds.uptimeMs();
  }

  rowsOf(kind: RowKind): RowNumbers {
    if (kind !== "configurations") return this.#numbers[kind];
    return consecutiveRows(Math.min(this.settings.configCount, this.#feeds.configurationCount()));
  }

  get configurations(): readonly SnmpConfiguration[] {
    return this.#feeds.configurations(this.settings.configCount);
  }

  get disks(): readonly SnmpDisk[] {
    return this.#feeds.disks();
  }

  countSizes(): void {
    this.#feeds.countSizes();
  }

  host(minutes: number): HostFacts {
    return this.#feeds.windows.host(minutes);
  }

  diskActivity(minutes: number): readonly DiskFacts[] {
    return this.#feeds.windows.disks(minutes);
  }

  figures(subject: SnmpSubject, row: number, minutes: number): Figures | undefined {
    const { windows, vhost } = this.#feeds;
    switch (subject) {
      case "host":
        return windows.group(ALL_HOSTS, minutes);
      case "view": {
        const view = this.#views.get(row);
        return view === undefined ? undefined : windows.group(view.group, minutes);
      }
      case "vhost": {
        const name = this.#vhosts.get(row)?.name;
        const found = name === undefined ? undefined : vhost(name);
        return found === undefined ? undefined : windows.vhost(found, minutes);
      }
    }
  }

  facts(subject: SnmpSubject, row: number): SnmpSubjectFacts | undefined {
    const { windows, state, uptimeMs, vhost } = this.#feeds;
    switch (subject) {
      case "host": {
        const uptimeSeconds = Math.trunc(uptimeMs() / 1000);
        // Those of thousands of hosts are added up only for one that wants to know.
        return {
          ...{ name: this.hostName, state: state(), uptimeSeconds },
          get files() {
            return windows.groupFacts(ALL_HOSTS).files;
          },
        };
      }
      case "view": {
        const view = this.#views.get(row);
        if (view === undefined) return undefined;
        return { name: view.name, state: view.isServed ? state() : "Inactive", ...windows.groupFacts(view.group) };
      }
      case "vhost": {
        const found = this.#vhosts.get(row);
        const known = found === undefined ? undefined : vhost(found.name);
        if (found === undefined || known === undefined) return undefined;
        const { name, uptimeSeconds, files } = known;
        return { name, state: found.isServed ? state() : "Inactive", uptimeSeconds, files };
      }
    }
  }
}
