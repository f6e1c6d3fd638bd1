import type { CachedObject } from "@basalt/cache";
import { decodeRecipe, type Recipe } from "@basalt/media";

/** What recipes may take of a worker's memory beside those in use. */
const KEPT_BYTES = 32 * 1024 ** 2;

/** Recipes that were used lately, decoded, by the objects that hold them; the one used longest ago goes first. */
export class Recipes {
  readonly #recipes = new Map<CachedObject, { readonly recipe: Recipe; readonly bytes: number }>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  find(object: CachedObject): Recipe | undefined {
    const known = this.#recipes.get(object);
    if (known === undefined) return undefined;
    this.#recipes.delete(object);
    this.#recipes.set(object, known);
    return known.recipe;
  }

  /** Undefined for bytes that are no recipe. */
  keep(object: CachedObject, body: Buffer): Recipe | undefined {
    const recipe = decodeRecipe(body);
    if (recipe === undefined) return undefined;
    // Clients choose the sections: a recipe may have fifty bytes, and its object is held with it.
    const taken = body.length + object.memoryBytes;
    this.#recipes.set(object, { recipe, bytes: taken });
    this.#bytes += taken;
    for (const [oldest, { bytes }] of this.#recipes) {
      if (this.#bytes <= KEPT_BYTES || oldest === object) break;
      this.#recipes.delete(oldest);
      this.#bytes -= bytes;
    }
    return recipe;
  }
}
