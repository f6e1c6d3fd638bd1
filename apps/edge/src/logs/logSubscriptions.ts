import { hostname } from "node:os";
import { join } from "node:path";
import type { EdgeConfig, VhostSettings } from "@basalt/config";
import type { InfoLog } from "@basalt/telemetry";
import type { Clock } from "@basalt/types";
import { withinTime } from "../withinTime.ts";
import { type LogHostProcess, startLogHost } from "./logHostProcess.ts";
import type { FollowCounts, FollowedLog } from "./logHostProtocol.ts";
import { configuredLogs, findLog, logId } from "./logPlans.ts";
import { forgetOldSpools, SPOOLS_FOLDER } from "./oldSpools.ts";

const BYTES_PER_MEGABYTE = 1024 ** 2;
/** Writers tell of each write: the process that reads is told now and then. */
const TELL_EVERY_MS = 200;
const FIRST_RESTART_MS = 1_000;
const LONGEST_RESTART_MS = 60_000;
/** A process that has lived for so long is not one that cannot begin. */
const SOUND_MS = 60_000;
const CLOSE_LIMIT_MS = 2_000;

export interface LogSubscriptionsParts {
  readonly home: string;
  readonly clock: Clock;
  readonly log: Pick<InfoLog, "notice" | "warning">;
  readonly mayGrow: (path: string) => boolean;
  readonly onCounts: (counts: FollowCounts) => void;
}

type Settings = EdgeConfig["server"]["cache"]["subscriptions"][number];

/** AWS-86, AWS-87: the primary's part: it says which subscriptions there are, and the process that serves them works. */
export class LogSubscriptions {
  readonly #parts: LogSubscriptionsParts;
  #wanted: readonly FollowedLog[] = [];
  #logs: ReadonlySet<string> = new Set();
  /** Since when each is configured, by the folder of its spool. */
  #since = new Map<string, number>();
  #process: LogHostProcess | undefined;
  readonly #written = new Set<string>();
  #telling: NodeJS.Timeout | undefined;
  #restarting: NodeJS.Timeout | undefined;
  #isClosed = false;
  #mayHaveOldSpools = true;
  #restartMs = FIRST_RESTART_MS;
  #startedAtMs = 0;

  constructor(parts: LogSubscriptionsParts) {
    this.#parts = parts;
  }

  configure(config: EdgeConfig): void {
    this.#wanted = this.#followedOf(config);
    this.#logs = new Set(this.#wanted.map(({ log }) => log));
    this.#since = new Map(this.#wanted.map(({ spoolFolder, sinceMs }) => [spoolFolder, sinceMs]));
    // The process deletes those of subscriptions that it has served.
    if (this.#process !== undefined) this.#mayHaveOldSpools = true;
    else if (this.#mayHaveOldSpools) this.#forgetOldSpools(config);
    if (this.#process === undefined && this.#wanted.length > 0 && this.#restarting === undefined) this.#start();
    else this.#tellWanted();
  }

  /** Lines have come into a log. */
  noteWritten(log: string): void {
    if (!this.#logs.has(log)) return;
    this.#written.add(log);
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const logs = [...this.#written];
      this.#written.clear();
      this.#process?.channel.tell("written", { logs });
    }, TELL_EVERY_MS);
  }

  /** Files that nobody could be sure of may be closed now. */
  lookAtAll(): void {
    this.#process?.channel.tell("written", { logs: [] });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#telling);
    clearTimeout(this.#restarting);
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined) return;
    await withinTime(
      CLOSE_LIMIT_MS,
      running.channel.call("stop", true).catch(() => undefined),
    );
    running.child.kill("SIGKILL");
  }

  #forgetOldSpools(config: EdgeConfig): void {
    this.#mayHaveOldSpools = false;
    const folders = configuredLogs(config, this.#parts.home).map(({ plan }) => plan.folder);
    const isWanted = (spoolFolder: string): boolean => this.#since.has(spoolFolder);
    void forgetOldSpools(folders, isWanted, (text) => this.#parts.log.warning(`subscriptions: ${text}`));
  }

  #tellWanted(): void {
    const running = this.#process;
    if (running === undefined) return;
    const told = running.channel.call("follow", this.#wanted);
    told.then(
      () => {
        if (this.#wanted.length > 0 || this.#process !== running) return;
        this.#process = undefined;
        running.child.kill("SIGKILL");
      },
      () => undefined,
    );
  }

  #start(): void {
    const { log, mayGrow, onCounts } = this.#parts;
    const running = startLogHost(
      { mayGrow: ({ path }) => mayGrow(path) },
      { counted: onCounts, said: ({ level, text }) => log[level](text) },
    );
    this.#process = running;
    this.#startedAtMs = performance.now();
    running.channel.onClose(() => {
      if (this.#process !== running) return;
      this.#process = undefined;
      running.child.kill("SIGKILL");
      if (this.#isClosed || this.#wanted.length === 0) return;
      log.warning("the process that serves subscriptions has ended; it is started again");
      if (performance.now() - this.#startedAtMs > SOUND_MS) this.#restartMs = FIRST_RESTART_MS;
      this.#restarting = setTimeout(() => {
        this.#restarting = undefined;
        this.#start();
      }, this.#restartMs);
      this.#restartMs = Math.min(LONGEST_RESTART_MS, this.#restartMs * 2);
    });
    this.#tellWanted();
  }

  #followedOf(config: EdgeConfig): readonly FollowedLog[] {
    const vhosts = new Map(config.vhosts.map((vhost) => [vhost.name, vhost]));
    const followed = (settings: Settings, vhost?: VhostSettings) =>
      this.#followedLog(settings, vhost?.name ?? "", config, vhosts) ?? [];
    return [
      ...config.server.cache.subscriptions.flatMap((settings) => followed(settings)),
      ...config.vhosts.flatMap((vhost) => vhost.logs.subscriptions.flatMap((settings) => followed(settings, vhost))),
    ];
  }

  /** Undefined where there is no such log, as for a facade. */
  #followedLog(
    { name, log: kind, pattern, url, owner, events, seconds, spoolMegabytes }: Settings,
    vhost: string,
    config: EdgeConfig,
    vhosts: ReadonlyMap<string, VhostSettings>,
  ): FollowedLog | undefined {
    const log = logId(kind, vhost);
    const plan = findLog(log, config, vhosts, this.#parts.home)?.plan;
    if (plan === undefined) return undefined;
    const spoolFolder = join(plan.folder, SPOOLS_FOLDER, `${kind}.${name}`);
    return {
      title: `subscription ${name} to the ${kind} log${vhost === "" ? "" : ` of ${vhost}`}`,
      log,
      folder: plan.folder,
      kind,
      form: plan.form,
      spoolFolder,
      spoolBytes: spoolMegabytes * BYTES_PER_MEGABYTE,
      sinceMs: this.#since.get(spoolFolder) ?? this.#parts.clock.now(),
      pattern,
      url,
      source: {
        owner,
        logGroup: vhost === "" ? kind : `${vhost}/${kind}`,
        logStream: config.server.host.name || hostname(),
        subscription: name,
      },
      mostEvents: events,
      waitMs: seconds * 1000,
    };
  }
}
