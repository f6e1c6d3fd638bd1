import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { CORPUS, type CorpusName, type CorpusRecipe } from "./corpusRecipes.ts";
import { runFfmpeg } from "./ffmpeg.ts";
import { announceSbr, makeSparse } from "./movieEdits.ts";

export interface CorpusFile {
  readonly name: CorpusName;
  readonly path: string;
  readonly bytes: number;
}

/** Counted up when what this module does with a recipe changes. */
const EDITION = 1;

const isCorpusName = (name: string): name is CorpusName => Object.hasOwn(CORPUS, name);

const recipeOf = (name: string): CorpusRecipe => {
  if (!isCorpusName(name)) throw new Error(`the corpus has no ${name}`);
  return CORPUS[name];
};

const sourcesOf = (recipe: CorpusRecipe): string[] =>
  recipe.kind === "encode" ? recipe.args.flatMap((arg) => /^\{(.+)\}$/.exec(arg)?.[1] ?? []) : [recipe.of];

/** Of a recipe and those that it builds on. */
const digestOf = (name: string): string => {
  const recipe = recipeOf(name);
  const text = JSON.stringify([EDITION, recipe, sourcesOf(recipe).map(digestOf)]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
};

const folder = join(tmpdir(), "basalt-media-corpus");
const placeOf = (name: string): string => join(folder, `${digestOf(name)}-${name}`);

const make = async (name: string): Promise<string> => {
  const place = placeOf(name);
  if (existsSync(place)) return place;
  const recipe = recipeOf(name);
  const sources = new Map<string, string>();
  for (const source of sourcesOf(recipe)) sources.set(source, await makeOnce(source));
  await mkdir(folder, { recursive: true });
  const draft = `${place}.${process.pid}${extname(name)}`;
  try {
    await carryOut(recipe, sources, draft);
    await rename(draft, place);
  } finally {
    await rm(draft, { force: true });
  }
  return place;
};

const carryOut = async (recipe: CorpusRecipe, sources: ReadonlyMap<string, string>, draft: string): Promise<void> => {
  const pathOf = (source: string): string => sources.get(source) ?? source;
  switch (recipe.kind) {
    case "encode":
      await runFfmpeg([...recipe.args.map((arg) => arg.replace(/^\{(.+)\}$/, (_, source) => pathOf(source))), draft]);
      return;
    case "truncate": {
      const bytes = await readFile(pathOf(recipe.of));
      await writeFile(draft, bytes.subarray(0, Math.floor((bytes.length * recipe.keepPerMille) / 1000)));
      return;
    }
    case "announceSbr":
      await writeFile(draft, announceSbr(await readFile(pathOf(recipe.of))));
      return;
    case "sparse": {
      const { head, tailStart, tail } = makeSparse(await readFile(pathOf(recipe.of)), recipe.holeBytes);
      await writeFile(draft, head);
      await truncate(draft, tailStart);
      const file = await open(draft, "r+");
      try {
        await file.write(tail, 0, tail.length, tailStart);
      } finally {
        await file.close();
      }
    }
  }
};

const underWay = new Map<string, Promise<string>>();

/** Recipes share sources: each is made once. */
const makeOnce = (name: string): Promise<string> => {
  const known = underWay.get(name) ?? make(name);
  underWay.set(name, known);
  return known;
};

/** Where the file is, made by ffmpeg at first and kept in the system's temporary folder by a digest of its recipe. */
export const corpusFile = async (name: CorpusName): Promise<CorpusFile> => {
  const path = await makeOnce(name);
  return { name, path, bytes: (await stat(path)).size };
};

/** One after the other: encoders are greedy. */
export const corpusFiles = async (names: readonly CorpusName[]): Promise<readonly CorpusFile[]> => {
  const files: CorpusFile[] = [];
  for (const name of names) files.push(await corpusFile(name));
  return files;
};
