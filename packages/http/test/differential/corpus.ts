import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface CorpusCase {
  readonly file: string;
  readonly title: string;
  readonly outcome: string;
  readonly bytes: Buffer;
}

const FOLDER = join(import.meta.dirname, "../corpus");
const ESCAPES: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" };

const readEscapes = (text: string): string =>
  text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (all, hex: string | undefined, letter: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const character = ESCAPES[letter ?? ""];
    if (character === undefined) throw new Error(`unknown escape ${all}`);
    return character;
  });

const readCases = (file: string): CorpusCase[] =>
  readFileSync(join(FOLDER, file), "utf8")
    .split(/^== /m)
    .slice(1)
    .map((section) => {
      const [heading = "", ...lines] = section.split("\n");
      const arrow = heading.lastIndexOf(" => ");
      const text = lines.filter((line) => !line.startsWith(";;")).join("");
      return {
        file,
        title: heading.slice(0, arrow),
        outcome: heading.slice(arrow + " => ".length),
        bytes: Buffer.from(readEscapes(text), "latin1"),
      };
    });

export const readCorpus = (): CorpusCase[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".txt"))
    .flatMap(readCases);
