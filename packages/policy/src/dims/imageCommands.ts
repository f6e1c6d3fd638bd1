import {
  type AutoFormat,
  type CommandOutcome,
  type DimsSettings,
  isExtraCommand,
  parseImageCommands,
  type WrittenImageCommand,
} from "@basalt/config";
import { annotationText } from "./annotationText.ts";
import type { ImageAnnotation, ImageChoice, ImageCommand } from "./contract.ts";
import { remembered } from "./remembered.ts";

/** What the commands of a request depend on beside its URL. */
export interface CommandSurroundings {
  /** Query string in front of the keyword, as far as it counts, without `?`. */
  readonly query: string;
  /** What `format/auto` becomes; undefined: the format of the source stays. */
  readonly autoFormat: AutoFormat | undefined;
}

export type ResolvedCommands =
  | { readonly ok: true; readonly commands: readonly ImageCommand[] }
  /** The text is no chain of commands that the host knows (DIMS-47); `reason` is for who runs it. */
  | { readonly ok: false; readonly reason: string };

export interface ImageCommands {
  resolve(chain: string, surroundings: CommandSurroundings): ResolvedCommands;
  /** Whether `format/auto` is among the commands, or among those that they call. */
  asksForAutoFormat(chain: string): boolean;
}

/** By name; of two with the same name the first counts. */
class Named<Item extends { readonly name: string }> {
  readonly #items = new Map<string, Item>();
  readonly #fold: (name: string) => string;

  constructor(items: readonly Item[], fold: (name: string) => string) {
    this.#fold = fold;
    for (const item of items) {
      const name = fold(item.name);
      if (!this.#items.has(name)) this.#items.set(name, item);
    }
  }

  find(name: string): Item | undefined {
    return this.#items.get(this.#fold(name));
  }
}

type ParseChain = (chain: string) => CommandOutcome;

/** Chains of the configuration are parsed once. */
const remembering = (): ParseChain => {
  const known = new Map<string, CommandOutcome>();
  return (chain) => {
    const found = known.get(chain) ?? parseImageCommands(chain);
    known.set(chain, found);
    return found;
  };
};

/** What `format/auto` may be written in; everything else is not parsed to find it. */
const MAY_BE_AUTO = /auto|preset|byoriginal|%/i;

const resolved = (...commands: readonly ImageCommand[]): ResolvedCommands => ({ ok: true, commands });

const refused = (reason: string): ResolvedCommands => ({ ok: false, reason });

const missing = (element: string, name: string): ResolvedCommands => refused(`There is no <${element}> ${name}.`);

/** `foldsCase`: URLs are in lower case, and names are compared without regard to it (DIMS-20). */
export const compileImageCommands = (settings: DimsSettings, foldsCase: boolean): ImageCommands => {
  const fold = (name: string): string => (foldsCase ? name.toLowerCase() : name);
  const composites = new Named(settings.composites, fold);
  const byOriginal = new Named(settings.byOriginal, fold);
  const annotations = new Named(settings.annotations, fold);
  const presets = new Named(settings.presets, fold);
  const parseConfigured = remembering();

  /** Written in the URL, commands beyond the guide need `<ExtraCommands>`. */
  const parseAsked: ParseChain = (chain) => {
    const outcome = parseImageCommands(chain);
    if (!outcome.ok || settings.extraCommands || !outcome.commands.some(isExtraCommand)) return outcome;
    return { ok: false, reason: "A command needs <ExtraCommands>." };
  };

  const annotate = (names: readonly string[], query: string): ResolvedCommands => {
    const drawn: ImageAnnotation[] = [];
    for (const name of names) {
      const found = annotations.find(name);
      if (found === undefined) return missing("Annotation", name);
      const { name: _name, ...annotation } = found;
      const text = annotationText(annotation.text, query);
      if (text !== "") drawn.push({ ...annotation, text });
    }
    return drawn.length === 0 ? resolved() : resolved({ kind: "annotation", annotations: drawn });
  };

  const choose = (name: string, surroundings: CommandSurroundings): ResolvedCommands => {
    const found = byOriginal.find(name);
    if (found === undefined) return missing("ByOriginal", name);
    const choices: ImageChoice[] = [];
    for (const { maxWidth, maxHeight, commands } of found.conditions) {
      const outcome = resolveParsed(parseConfigured(commands), surroundings);
      if (!outcome.ok) return outcome;
      choices.push({ maxWidth, maxHeight, commands: outcome.commands });
    }
    return resolved({ kind: "byOriginal", choices });
  };

  const resolveOne = (command: WrittenImageCommand, surroundings: CommandSurroundings): ResolvedCommands => {
    switch (command.kind) {
      case "composite": {
        const found = composites.find(command.name);
        if (found === undefined) return missing("Composite", command.name);
        const { name: _name, ...overlay } = found;
        return resolved({ kind: "composite", overlay });
      }
      case "byOriginal":
        return choose(command.name, surroundings);
      case "annotation":
        return annotate(command.names, surroundings.query);
      case "preset": {
        const found = presets.find(command.name);
        if (found === undefined) return missing("Preset", command.name);
        return resolveParsed(parseConfigured(found.commands), surroundings);
      }
      case "formatAuto": {
        if (settings.formatAuto.length === 0) return refused("format/auto needs <FormatAuto>.");
        const { autoFormat } = surroundings;
        return autoFormat === undefined ? resolved() : resolved({ kind: "format", format: autoFormat });
      }
      default:
        return resolved(command);
    }
  };

  /** What is configured may call what is configured, but a chain that calls itself cannot be written. */
  const resolveParsed = (parsed: CommandOutcome, surroundings: CommandSurroundings): ResolvedCommands => {
    if (!parsed.ok) return parsed;
    const commands: ImageCommand[] = [];
    for (const command of parsed.commands) {
      const outcome = resolveOne(command, surroundings);
      if (!outcome.ok) return outcome;
      commands.push(...outcome.commands);
    }
    return { ok: true, commands };
  };

  const calledChains = (command: WrittenImageCommand): readonly string[] => {
    if (command.kind === "preset") return [presets.find(command.name)?.commands ?? ""];
    if (command.kind !== "byOriginal") return [];
    return byOriginal.find(command.name)?.conditions.map(({ commands }) => commands) ?? [];
  };

  const hasAutoFormat = (outcome: CommandOutcome): boolean =>
    outcome.ok &&
    outcome.commands.some(
      (command) =>
        command.kind === "formatAuto" || calledChains(command).some((chain) => hasAutoFormat(parseConfigured(chain))),
    );

  const asksForAutoFormat = remembered((chain) => hasAutoFormat(parseAsked(chain)));

  return {
    resolve: (chain, surroundings) => resolveParsed(parseAsked(chain), surroundings),
    asksForAutoFormat: (chain) => settings.formatAuto.length > 0 && MAY_BE_AUTO.test(chain) && asksForAutoFormat(chain),
  };
};
