import { customForm } from "./customForm.ts";
import { albForm, apacheForm, elbForm, extendedForm, recordForm, textForm } from "./knownForms.ts";
import type { LineFields, LineForm } from "./lineForm.ts";

const CUSTOM = "custom ";
/** Said of logs with columns more, which are not in lines of a form of one's own. */
const COLUMNS_MORE = /(?: traced)?(?: linked)?$/;
const DIRECTIVE = /^#(?:Fields|Software|Version|Date|Start-Date|End-Date|Remark): /;

/**
 * How the lines of one file are read: by its own `#Fields` line where it has one, else by what they look like, since a
 * file may be older than the form that its log has now.
 */
export class FileForm {
  #form: LineForm | undefined;
  #isUtc = false;
  readonly #candidates: readonly LineForm[];

  /** `form`: that of the log in the configuration, as `LogPlan` has it. */
  constructor(form: string) {
    const custom = form.startsWith(CUSTOM)
      ? customForm(form.slice(CUSTOM.length).replace(COLUMNS_MORE, ""))
      : undefined;
    const written = custom === undefined ? [] : [custom];
    this.#candidates = [recordForm, elbForm, albForm, ...written, apacheForm, textForm];
  }

  /** Undefined for a line that only describes the file. */
  read(line: string): LineFields | undefined {
    if (DIRECTIVE.test(line)) {
      this.#direct(line);
      return undefined;
    }
    const known = this.#form?.read(line);
    if (known !== undefined) return known;
    for (const form of this.#candidates) {
      const fields = form.read(line);
      if (fields === undefined) continue;
      if (form !== textForm && this.#form === undefined) this.#form = form;
      return fields;
    }
    return undefined;
  }

  #direct(line: string): void {
    if (line.startsWith("#Software:")) this.#isUtc = true;
    if (!line.startsWith("#Fields:")) return;
    const names = line.slice("#Fields:".length).trim().split(/\s+/);
    this.#form = extendedForm(names, this.#isUtc);
  }
}
