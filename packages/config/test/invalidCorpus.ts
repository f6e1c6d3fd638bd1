import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** One line; `{n}` in the repeated text is the number of the repetition. */
type Line =
  | string
  | { readonly before: string; readonly repeat: string; readonly times: number; readonly after: string };

/** Null: the file is taken away. */
export type Content =
  | string
  | readonly Line[]
  | { readonly hex: string }
  | { readonly zeros: number }
  | { readonly folder: true }
  | null;

/** A configuration that is wrong, as `test/invalid/*.json` has it; the scenes of the testkit reload the same ones. */
export interface InvalidCase {
  readonly what: string;
  /** By their path in the home folder; the others are those of a sound configuration. */
  readonly files: Readonly<Record<string, Content>>;
  readonly at: { readonly file: string; readonly line: number; readonly element: string };
  /** `{home}` stands for the home folder. */
  readonly message: string;
}

const folder = new URL("invalid/", import.meta.url);

/** Cases by the name of their group. */
export const readInvalidCases = async (): Promise<ReadonlyMap<string, readonly InvalidCase[]>> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  const groups = names.map(async (name) => {
    const cases: readonly InvalidCase[] = JSON.parse(await readFile(new URL(name, folder), "utf8"));
    return [name.replace(/\.json$/, ""), cases] as const;
  });
  return new Map(await Promise.all(groups));
};

const renderLine = (line: Line): string =>
  typeof line === "string"
    ? line
    : `${line.before}${Array.from({ length: line.times }, (_, n) => line.repeat.replace("{n}", String(n))).join("")}${line.after}`;

const contentOf = (content: string | readonly Line[] | { readonly hex: string }): string | Buffer => {
  if (typeof content === "string") return content;
  return "hex" in content ? Buffer.from(content.hex, "hex") : content.map(renderLine).join("\n");
};

/** Writes a file that is not there yet. */
export const placeContent = async (home: string, file: string, content: Content): Promise<void> => {
  if (content === null) return;
  const path = join(home, file);
  await mkdir(dirname(path), { recursive: true });
  if (typeof content === "object" && "folder" in content) await mkdir(path);
  else if (typeof content === "object" && "zeros" in content) {
    await writeFile(path, "");
    await truncate(path, content.zeros);
  } else await writeFile(path, contentOf(content));
};
