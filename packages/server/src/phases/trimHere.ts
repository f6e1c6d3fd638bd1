import { CachedObject, keyOfName, nameOf, VARIANT } from "@basalt/cache";
import { type Cut, type MediaOutcome, type Recipe, type Sliced, trimInSlices } from "@basalt/media";
import type { Derivation } from "@basalt/policy";
import { VHOST_SLOT } from "@basalt/telemetry";
import { MOST_INDEX_BYTES } from "../delivery/heldMovies.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { composeMade } from "./composeMade.ts";
import { INDEXED_BYTES, mediaIndexOf } from "./deriveMedia.ts";
import { headOfMade, madePlace } from "./madeObject.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** Ten minutes of film, some milliseconds of work: more is better done by another process. */
const MOST_SAMPLES = 48 * 1024;

/**
 * A section of a film that is used often is planned here, in slices between which others are served: to have it planned
 * elsewhere, and stored, costs several times as much. Undefined where a job is to do it.
 */
export const trimHere = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  source: CachedObject,
): PhaseCode | undefined => {
  const task = derivation.media?.format === "mp4" ? derivation.media.task : undefined;
  const film = filmOf(source);
  if (task?.kind !== "trim" || film === undefined) return undefined;
  const { head } = source;
  const facts = { status: head.status, fields: head.fields, sizeBytes: head.bodyBytes };
  if (vhost.derivations?.plan(derivation, facts).kind !== "operation") return undefined;
  const place = madePlace(exchange, derivation);
  const name = nameOf(place.url, place.selector);
  const recipe = recipeOf(exchange, vhost, derivation, { source, film, name, cut: task.cut });
  if (recipe === undefined) return undefined;
  if (recipe instanceof Promise) {
    void goOnWith(exchange, film, recipe);
    return PHASE.WAIT;
  }
  const { freshUntilMs, ttlSeconds, version, updatedAtMs } = source;
  const made = new CachedObject({
    key: keyOfName(vhost.cache.name, VARIANT.DERIVED, name),
    head: headOfMade(derivation, place, head),
    body: undefined,
    location: undefined,
    version,
    freshUntilMs,
    ttlSeconds,
    updatedAtMs,
    purged: false,
    expiredByForce: false,
  });
  return composeMade(exchange, vhost, derivation, made, source, recipe);
};

/** The place of a film of which an index is kept: no other bytes ever come there. */
const filmOf = ({ location, bodyBytes }: CachedObject): string | undefined =>
  location === undefined || location.file === 0 || bodyBytes < INDEXED_BYTES
    ? undefined
    : `${location.disk}/${location.file}`;

interface Trimming {
  readonly source: CachedObject;
  readonly film: string;
  readonly name: string;
  readonly cut: Cut;
}

const recipeOf = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  { source, film, name, cut }: Trimming,
): Recipe | Promise<Recipe | undefined> | undefined => {
  const { movies, plans, recipes, parts } = exchange.connection.server;
  const { cache, counters } = parts;
  const recipeName = `${film} ${name}`;
  const known = recipes.find(recipeName) ?? plans.find(recipeName);
  if (known !== undefined) return known;
  const movie = movies.find(film);
  if (movie === undefined) {
    movies.used(film, async () => {
      const wait = mediaIndexOf(exchange, vhost, derivation, source);
      const index = await wait?.result.finally(wait.leave);
      if (index?.kind !== "object" || index.object.bodyBytes > MOST_INDEX_BYTES) return undefined;
      return await cache.stored.readWhole(vhost.cache, index.object);
    });
    return undefined;
  }
  const work = plans.isFull ? undefined : trimInSlices(movie, cut, MOST_SAMPLES);
  if (work === undefined) return undefined;
  counters.add(vhost.cache.counters + VHOST_SLOT.transforms, 1);
  const keep = (outcome: MediaOutcome): Recipe | undefined =>
    outcome.kind === "recipe" ? recipes.keep(recipeName, outcome.recipe) : undefined;
  const first = work.next();
  return first.done === true ? keep(first.value) : plans.finish(recipeName, keptOf(work, keep));
};

function* keptOf(
  work: Sliced<MediaOutcome>,
  keep: (outcome: MediaOutcome) => Recipe | undefined,
): Sliced<Recipe | undefined> {
  return keep(yield* work);
}

/** The recipe is found at once when the phase begins again; where none comes of the film, a job finds out what to answer. */
const goOnWith = async (exchange: Exchange, film: string, coming: Promise<Recipe | undefined>): Promise<void> => {
  const { ticket } = exchange;
  try {
    if ((await coming) === undefined) exchange.connection.server.movies.giveUp(film);
    exchange.continueWith(ticket, PHASE.DERIVE);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};
