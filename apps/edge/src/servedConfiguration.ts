import { type ConfigOutcome, diffConfigs, type EdgeConfig, keepUntilRestart, type Provenance } from "@basalt/config";
import type { ReloadOutcome } from "@basalt/management";
import type { InfoLog } from "@basalt/telemetry";
import { EdgeError, formatProblem, type Problem } from "@basalt/types";
import type { Listeners } from "./listeners.ts";
import type { ListeningPlace } from "./workerProcess.ts";

export interface ListeningChange {
  readonly added: readonly ListeningPlace[];
  readonly removed: readonly string[];
}

export interface ServedConfigurationParts {
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
  readonly log: InfoLog;
  readonly listeners: Listeners;
  /** Takes the manager port of the configuration in service; rejects when it cannot be had. */
  readonly applyManager: () => Promise<void>;
  /** Resolves when every process works by the new configuration. */
  readonly apply: (previous: EdgeConfig, change: ListeningChange) => Promise<void>;
}

/** The configuration that is in service, and the only way to another: whole or not at all (CFG-31). */
export class ServedConfiguration {
  readonly #parts: ServedConfigurationParts;
  #config: EdgeConfig;
  #provenance: Provenance;

  constructor(parts: ServedConfigurationParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#provenance = parts.provenance;
  }

  get config(): EdgeConfig {
    return this.#config;
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
    const changes = diffConfigs(previous, outcome.config);
    // What is tied to system resources keeps its value until the next start (CFG-31).
    const config = keepUntilRestart(previous, outcome.config);
    const ports = await this.#takePorts(config);
    if (ports.kind === "refused") {
      log.error(`reload refused: ${ports.problem.message}`);
      return { kind: "refused", problems: [ports.problem] };
    }
    this.#provenance = outcome.provenance;
    for (const warning of outcome.warnings) log.warning(formatProblem(warning));
    for (const change of changes) {
      const note = change.effect === "restart" ? " (in force after a restart)" : "";
      log.notice(`changed ${change.element}: ${change.from} -> ${change.to}${note}`);
    }
    await this.#parts.apply(previous, ports);
    log.notice(`configuration ${config.generation} in service, ${changes.length} changes`);
    return {
      kind: "applied",
      generation: config.generation,
      changes: changes.length,
      needRestart: changes.filter(({ effect }) => effect === "restart").map(({ element }) => element),
      warnings: outcome.warnings,
    };
  }

  /** Takes every port that a configuration needs, or none; puts it in service when all could be had. */
  async #takePorts(
    config: EdgeConfig,
  ): Promise<({ readonly kind: "taken" } & ListeningChange) | { readonly kind: "refused"; readonly problem: Problem }> {
    const previous = this.#config;
    let listening: ReturnType<Listeners["prepare"]>;
    try {
      listening = this.#parts.listeners.prepare(config);
    } catch (cause) {
      return { kind: "refused", problem: portProblem("vhosts.xml", "Vhosts/Vhost/Listen", cause) };
    }
    this.#config = config;
    try {
      await this.#parts.applyManager();
    } catch (cause) {
      this.#config = previous;
      listening.abandon();
      return { kind: "refused", problem: portProblem("server.xml", "Server/Host/Manager@Port", cause) };
    }
    return { kind: "taken", ...listening.commit() };
  }
}

const portProblem = (file: string, element: string, cause: unknown): Problem => {
  const message = EdgeError.from(cause).detail;
  return { severity: "error", file, line: 0, column: 0, element, message };
};
