import {
  type ConfigOutcome,
  diffConfigs,
  type EdgeConfig,
  keepUntilCleared,
  keepUntilRestart,
  type Provenance,
  shareUnchanged,
} from "@basalt/config";
import type { ReloadOutcome } from "@basalt/management";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError, formatProblem, type Problem } from "@basalt/types";
import type { Listeners } from "./listeners.ts";
import type { TlsKeeper } from "./tlsKeeper.ts";
import { lossOf } from "./tlsPlanning.ts";
import type { ListeningPlace } from "./workerProcess.ts";

export interface ListeningChange {
  readonly added: readonly ListeningPlace[];
  readonly removed: readonly string[];
}

export interface ServedConfigurationParts {
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
  readonly log: Pick<InfoLog, "notice" | "warning" | "error">;
  readonly listeners: Pick<Listeners, "prepare">;
  /** The certificates in service. */
  readonly tls: Pick<TlsKeeper, "load" | "loaded" | "putInService">;
  /** Takes the manager port of the configuration in service; rejects when it cannot be had. */
  readonly applyManager: () => Promise<void>;
  /**
   * Resolves when every process works by the configuration in service; calls `listen` when all of them have it. Rejects
   * before that when one of them cannot take it: then the one before is to be put in place of it.
   */
  readonly apply: (previous: EdgeConfig, listen: () => ListeningChange) => Promise<void>;
  /** Resolves when every process works by the configuration in service again, after another that could not be had. */
  readonly restore: (refused: EdgeConfig) => Promise<void>;
}

/** The configuration that is in service, and the only way to another: whole or not at all (CFG-31). */
export class ServedConfiguration {
  readonly #parts: ServedConfigurationParts;
  #config: EdgeConfig;
  #provenance: Provenance;
  #latestGeneration: number;
  /** What the files say, where keys are kept until a cache is cleared. */
  #wanted: EdgeConfig;

  constructor(parts: ServedConfigurationParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#provenance = parts.provenance;
    this.#latestGeneration = parts.config.generation;
    this.#wanted = parts.config;
  }

  get config(): EdgeConfig {
    return this.#config;
  }

  /** No other one has a later number, among those that were refused neither. */
  get latestGeneration(): number {
    return this.#latestGeneration;
  }

  get provenance(): Provenance {
    return this.#provenance;
  }

  /** What was compiled, with the next generation, or why it could not be. Not to be called again before it has resolved. */
  async putInService(outcome: ConfigOutcome): Promise<ReloadOutcome> {
    const { log } = this.#parts;
    const previous = this.#config;
    if (!outcome.ok) {
      for (const problem of outcome.problems) log.error(formatProblem(problem));
      log.error("reload refused: the configuration in service stays");
      return { kind: "refused", problems: outcome.problems };
    }
    const next = shareUnchanged(previous, outcome.config);
    const changes = diffConfigs(previous, next);
    // What is tied to system resources keeps its value until the next start (CFG-31).
    const wanted = keepUntilRestart(previous, next);
    const { config, kept } = keepUntilCleared(previous, wanted);
    this.#latestGeneration = Math.max(this.#latestGeneration, config.generation);
    const refusal = await this.#change(config);
    if (refusal !== undefined) {
      log.error(`reload refused: ${refusal.message}`);
      return { kind: "refused", problems: [refusal] };
    }
    this.#provenance = outcome.provenance;
    this.#wanted = wanted;
    const warnings = [...outcome.warnings, ...kept.map(keysKept)];
    for (const warning of warnings) log.warning(formatProblem(warning));
    for (const note of this.#parts.tls.loaded.notes) log.warning(note);
    for (const change of changes) {
      const note = change.effect === "restart" ? " (in force after a restart)" : "";
      log.notice(`changed ${change.element}: ${change.from} -> ${change.to}${note}`);
    }
    log.notice(`configuration ${config.generation} in service, ${changes.length} changes`);
    return {
      kind: "applied",
      generation: config.generation,
      changes: changes.length,
      needRestart: changes.filter(({ effect }) => effect === "restart").map(({ element }) => element),
      warnings,
    };
  }

  /** The cache of a host has been cleared: new keys may count (DRM-16). As `putInService`, one at a time. */
  async vhostCleared(name: string): Promise<void> {
    const wanted = this.#wanted.vhosts.find((vhost) => vhost.name === name);
    const { config, log } = { config: this.#config, log: this.#parts.log };
    if (wanted === undefined || !keepUntilCleared(config, this.#wanted).kept.includes(name)) return;
    const vhosts = config.vhosts.map((vhost) => (vhost.name === name ? wanted : vhost));
    this.#latestGeneration++;
    const refusal = await this.#change({ ...config, vhosts, generation: this.#latestGeneration });
    if (refusal === undefined) log.notice(`the new keys of ${name} are in force`);
    else log.error(`the new keys of ${name} cannot be put in service: ${refusal.message}`);
  }

  /** Files of certificates have changed; the configuration has not. As `putInService`, one at a time. */
  async certificatesChanged(): Promise<void> {
    this.#latestGeneration++;
    const refusal = await this.#change({ ...this.#config, generation: this.#latestGeneration });
    if (refusal !== undefined) this.#parts.log.error(`certificates not reloaded: ${refusal.message}`);
  }

  /** Takes every port that a configuration needs and has every process work by it, or leaves all as it was. */
  async #change(config: EdgeConfig): Promise<Problem | undefined> {
    const { listeners, tls, applyManager, apply, restore } = this.#parts;
    const previous = this.#config;
    const previousTls = tls.loaded;
    const nextTls = await tls.load(config);
    const loss = lossOf(previousTls, nextTls);
    if (loss !== undefined) return problemOf("server.xml", "Server/Https", new EdgeError("INTERNAL", { detail: loss }));
    let listening: ReturnType<Listeners["prepare"]>;
    try {
      listening = listeners.prepare(config, nextTls.places);
    } catch (cause) {
      return problemOf("vhosts.xml", "Vhosts/Vhost/Listen", cause);
    }
    const goBack = (): void => {
      this.#config = previous;
      tls.putInService(previousTls);
    };
    this.#config = config;
    tls.putInService(nextTls);
    try {
      await applyManager();
    } catch (cause) {
      goBack();
      listening.abandon();
      return problemOf("server.xml", "Server/Host/Manager@Port", cause);
    }
    try {
      await apply(previous, listening.commit);
    } catch (cause) {
      goBack();
      listening.abandon();
      await applyManager().catch((reason: unknown) => {
        this.#parts.log.error(`the manager port of the configuration in service: ${EdgeError.from(reason).detail}`);
      });
      await restore(config);
      return problemOf("vhosts.xml", "", cause);
    }
    return undefined;
  }
}

const keysKept = (vhost: string): Problem => ({
  severity: "warning",
  file: "vhosts.xml",
  line: 0,
  column: 0,
  element: "Vhosts/Vhost/Options/Drm",
  message: `${vhost} goes on with the algorithm and key it had: clear its cache, or restart, for the new ones.`,
});

const problemOf = (file: string, element: string, cause: unknown): Problem => {
  const message = EdgeError.from(cause).detail;
  return { severity: "error", file, line: 0, column: 0, element, message };
};
