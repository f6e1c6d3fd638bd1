import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface WireCase {
  readonly file: string;
  readonly name: string;
  readonly outcome: string;
  /** Lines behind `>> `. */
  readonly expected: readonly string[];
  /** With `HOST` and `ID` in their places. */
  readonly bytes: Buffer;
  /** What takes the place of `ID`. */
  readonly id: string;
}

const FOLDER = join(import.meta.dirname, "../../../corpus");
const ESCAPES: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" };

const readEscapes = (text: string): string =>
  text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (all, hex: string | undefined, letter: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const character = ESCAPES[letter ?? ""];
    if (character === undefined) throw new Error(`unknown escape ${all}`);
    return character;
  });

const readText = (text: string, host: string, id: string): string =>
  readEscapes(text)
    .replace(/<<([^*]+)\*(\d+)>>/g, (_, piece: string, count: string) => piece.repeat(Number(count)))
    .replaceAll("HOST", host)
    .replaceAll("ID", id);

/** The cases of a folder of the corpus; the format is told in its README. */
export const readWireCorpus = (folder: "requests" | "responses", host: string): WireCase[] =>
  readdirSync(join(FOLDER, folder))
    .sort()
    .flatMap((file) =>
      readFileSync(join(FOLDER, folder, file), "utf8")
        .split(/^== /m)
        .slice(1)
        .map((section, index): WireCase => {
          const [heading = "", ...lines] = section.split("\n");
          const arrow = heading.lastIndexOf(" => ");
          const id = `${file.replace(".txt", "")}-${index}`;
          const sent = lines.filter((line) => !line.startsWith(";;") && !line.startsWith(">> "));
          const got = lines.filter((line) => line.startsWith(">> "));
          return {
            file,
            name: heading.slice(0, arrow),
            outcome: heading.slice(arrow + " => ".length),
            expected: got.map((line) => readText(line.slice(">> ".length), host, id)),
            bytes: Buffer.from(readText(sent.join(""), host, id), "latin1"),
            id,
          };
        }),
    );
