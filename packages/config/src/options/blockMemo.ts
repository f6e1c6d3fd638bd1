import type { CachingProfile } from "../contract.ts";
import type { NoteWritten } from "../writtenPlaces.ts";
import type { XmlElement } from "../xml/xmlElement.ts";
import type { OptionTable } from "./option.ts";
import { resolveOptions } from "./walkTable.ts";

/** A row that a block writes, and how many lines below the block's first one. */
interface RelativeNote {
  readonly at: string;
  readonly lines: number;
}

interface ResolvedBlock {
  readonly value: object;
  readonly notes: readonly RelativeNote[];
}

const NUL = "\u0000";

/** All that decides what a block says, and on which of its lines. */
const writtenForm = (element: XmlElement, firstLine: number): string => {
  const attributes = [...element.attributes].flat().join(NUL);
  const children = element.children.map((child) => writtenForm(child, firstLine)).join("");
  return `<${element.name}${NUL}${element.line - firstLine}${NUL}${attributes}${NUL}>${element.text}${NUL}${children}</>`;
};

/**
 * Boundary: keeps settings of any table by what they were made of; the casts give back the type that went in.
 *
 * Blocks of options that have been resolved. Thousands of hosts write the same few blocks: what is the same is one
 * object, also from one reading of the files to the next, so that nobody need compare, send or keep it twice. A memo
 * lives for one reading and has what the one before it used.
 */
export class BlockMemo {
  readonly #blocks = new Map<object, Map<string, ResolvedBlock>>();
  readonly #values = new Map<string, object>();
  #earlier: BlockMemo | undefined;

  constructor(earlier?: BlockMemo) {
    this.#earlier = earlier;
  }

  /** What only the reading before used is given up. */
  end(): void {
    this.#earlier = undefined;
  }

  /** As `resolveOptions`; `table` is told apart by `base`, which comes from this memo. */
  resolve<Settings extends object>(
    table: OptionTable<Settings>,
    layer: XmlElement | undefined,
    base: Settings,
    note: NoteWritten,
  ): Settings {
    if (layer === undefined) return base;
    const form = writtenForm(layer, layer.line);
    const known = this.findBlock(base, form);
    if (known !== undefined) {
      for (const { at, lines } of known.notes) note(at, layer.line + lines);
      return known.value as Settings;
    }
    const notes: RelativeNote[] = [];
    const resolved = resolveOptions(table, layer, base, (at, line) => {
      notes.push({ at, lines: line - layer.line });
      note(at, line);
    });
    const value = this.share(resolved);
    this.#keep(base, form, { value, notes });
    return value;
  }

  /** As `resolveOptions` for what hosts inherit. */
  resolveBase<Settings extends object>(
    table: OptionTable<Settings>,
    layer: XmlElement | undefined,
    note: NoteWritten | undefined,
    profile?: CachingProfile,
  ): Settings {
    return this.share(resolveOptions(table, layer, undefined, note, profile));
  }

  /** The object of the same content that is in use already, else `value` itself. For settings, which have all their keys. */
  share<Value extends object>(value: Value): Value {
    const content = JSON.stringify(value);
    const known = this.findValue(content) ?? value;
    this.#values.set(content, known);
    return known as Value;
  }

  private findValue(content: string): object | undefined {
    return this.#values.get(content) ?? this.#earlier?.findValue(content);
  }

  private findBlock(base: object, form: string): ResolvedBlock | undefined {
    const own = this.#blocks.get(base)?.get(form);
    if (own !== undefined) return own;
    const earlier = this.#earlier?.findBlock(base, form);
    if (earlier !== undefined) this.#keep(base, form, earlier);
    return earlier;
  }

  #keep(base: object, form: string, block: ResolvedBlock): void {
    const blocks = this.#blocks.get(base);
    if (blocks === undefined) this.#blocks.set(base, new Map([[form, block]]));
    else blocks.set(form, block);
  }
}
