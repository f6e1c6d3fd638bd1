import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** The cases that the tests of the configuration keep, with what they say of them (see invalidCorpus.ts there). */
const FOLDER = new URL("../../../../config/test/invalid/", import.meta.url);

type Line =
  | string
  | { readonly before: string; readonly repeat: string; readonly times: number; readonly after: string };

type Content =
  | string
  | readonly Line[]
  | { readonly hex: string }
  | { readonly zeros: number }
  | { readonly folder: true }
  | null;

export interface InvalidCase {
  readonly what: string;
  readonly files: Readonly<Record<string, Content>>;
  readonly at: { readonly file: string; readonly line: number };
  readonly message: string;
  /** A wrong line in a condition file is skipped, the rest is put in service. */
  readonly isAccepted: boolean;
}

export const readInvalidCases = async (): Promise<readonly InvalidCase[]> => {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".json")).sort();
  const groups = names.map(async (name) => {
    const cases: readonly Omit<InvalidCase, "isAccepted">[] = JSON.parse(await readFile(new URL(name, FOLDER), "utf8"));
    return cases.map((each) => ({ ...each, isAccepted: name === "conditions.json" }));
  });
  return (await Promise.all(groups)).flat();
};

const renderLine = (line: Line): string =>
  typeof line === "string"
    ? line
    : line.before +
      Array.from({ length: line.times }, (_, n) => line.repeat.replace("{n}", String(n))).join("") +
      line.after;

const placeContent = async (path: string, content: Content): Promise<void> => {
  await rm(path, { force: true });
  if (content === null) return;
  await mkdir(dirname(path), { recursive: true });
  if (typeof content === "string") await writeFile(path, content);
  else if ("folder" in content) await mkdir(path);
  else if ("hex" in content) await writeFile(path, Buffer.from(content.hex, "hex"));
  else if ("zeros" in content) {
    await writeFile(path, "");
    await truncate(path, content.zeros);
  } else await writeFile(path, content.map(renderLine).join("\n"));
};

/** Puts the files of a case into a home folder; answers how to bring back what was there. */
export const placeCase = async (home: string, { files }: Pick<InvalidCase, "files">): Promise<() => Promise<void>> => {
  const paths = Object.keys(files).map((file) => join(home, file));
  const kept = await Promise.all(paths.map((path) => readFile(path).catch(() => undefined)));
  for (const [file, content] of Object.entries(files)) await placeContent(join(home, file), content);
  return async () => {
    await rm(join(home, "svc"), { recursive: true, force: true });
    for (const [index, path] of paths.entries()) {
      await rm(path, { recursive: true, force: true });
      const content = kept[index];
      if (content !== undefined) await writeFile(path, content);
    }
  };
};
