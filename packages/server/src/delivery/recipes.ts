import type { CachedObject } from "@basalt/cache";
import { decodeRecipe, type Recipe } from "@basalt/media";

/** What recipes may take of a worker's memory beside those in use. */
const KEPT_BYTES = 32 * 1024 ** 2;
/** A recipe with what holds it, beside its bytes and its name. */
const ENTRY_BYTES = 512;

/** An object that holds a recipe, or the name of one that was made here and is held by nobody else. */
export type RecipeKey = CachedObject | string;

/** Recipes that were used lately, decoded; the one used longest ago goes first. */
export class Recipes {
  readonly #recipes = new Map<RecipeKey, { readonly recipe: Recipe; readonly bytes: number }>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  find(key: RecipeKey): Recipe | undefined {
    const known = this.#recipes.get(key);
    if (known === undefined) return undefined;
    this.#recipes.delete(key);
    this.#recipes.set(key, known);
    return known.recipe;
  }

  /** Undefined for bytes that are no recipe. */
  keep(key: RecipeKey, body: Uint8Array): Recipe | undefined {
    const recipe = decodeRecipe(body);
    if (recipe === undefined) return undefined;
    // Clients choose the sections: a recipe may have fifty bytes, and its object, or its name, is held with it.
    const taken = body.length + (typeof key === "string" ? ENTRY_BYTES + 2 * key.length : key.memoryBytes);
    // Two requests may have had the same made at the same time.
    this.#bytes += taken - (this.#recipes.get(key)?.bytes ?? 0);
    this.#recipes.delete(key);
    this.#recipes.set(key, { recipe, bytes: taken });
    for (const [oldest, { bytes }] of this.#recipes) {
      if (this.#bytes <= KEPT_BYTES || oldest === key) break;
      this.#recipes.delete(oldest);
      this.#bytes -= bytes;
    }
    return recipe;
  }
}
