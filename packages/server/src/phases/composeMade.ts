import { CachedObject, exactly } from "@basalt/cache";
import { getField } from "@basalt/http";
import type { Recipe } from "@basalt/media";
import type { Derivation } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import { BodyPump } from "../delivery/bodyPump.ts";
import { ComposedBody, type ComposedSource } from "../delivery/composedBody.ts";
import { pumpMultipart } from "../delivery/multipartPump.ts";
import { contentLengthOf, type Selection } from "../delivery/selection.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { refuseForMemory } from "./emergency.ts";
import { goneObject, takeMade } from "./madeObject.ts";
import { lastingOrigin } from "./obtain.ts";
import { PHASE, type PhaseCode } from "./phase.ts";

/** What a recipe was made of: a stored object, or bytes that are for one request alone. */
export type RecipeSource = CachedObject | Buffer;

/** A recipe and what its ranges are of. */
export interface Composed {
  readonly recipe: Recipe;
  readonly source: ComposedSource;
}

/** Whether what comes of it may be a recipe. */
export const mayBeComposed = ({ media }: Derivation): boolean =>
  media !== undefined && (media.task.kind === "relocate" || media.task.kind === "trim");

/** The file that a recipe describes is delivered from now on, instead of the recipe, which is `made` unless it is given. */
export const composeMade = (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  made: CachedObject,
  source: RecipeSource,
  recipe?: Recipe,
): PhaseCode => {
  if (exchange.connection.server.isEmergency) return refuseForMemory(exchange);
  void compose(exchange, vhost, derivation, made, source, recipe);
  return PHASE.WAIT;
};

const compose = async (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  made: CachedObject,
  source: RecipeSource,
  given: Recipe | undefined,
): Promise<void> => {
  const { ticket } = exchange;
  try {
    const recipe = given ?? (await recipeOf(exchange, vhost, made));
    const composed = await sourceOf(exchange, vhost, source);
    if (!exchange.isCurrent(ticket)) return;
    if (recipe === undefined || composed === undefined) {
      // One of the two is not there any more: it is had again, or made again.
      exchange.object = undefined;
      if (exchange.isAnew) throw new EdgeError("TRANSFORM_FAILED", { detail: "a recipe without its source" });
      exchange.isAnew = true;
      exchange.continueWith(ticket, PHASE.DERIVE_KEY);
      return;
    }
    const { cache } = exchange.connection.server.parts;
    if (made.isTransient) cache.noteTransient(vhost.cache, made);
    if (Buffer.isBuffer(source) && recipe.sizeBytes <= 2 * source.length) {
      // A source that stays for a slow client would be memory that nobody counts: what is made of it is handed on whole.
      takeMade(exchange, derivation, composedObject(made, recipe, made.fields, bytesOf(recipe, source)));
    } else {
      const { fields } = Buffer.isBuffer(source) ? made : source;
      takeMade(exchange, derivation, composedObject(made, recipe, fields));
      exchange.composed = { recipe, source: composed };
    }
    exchange.continueWith(ticket, PHASE.DELIVER);
  } catch (cause) {
    exchange.fail(ticket, cause);
  }
};

const recipeOf = async (exchange: Exchange, vhost: ServedVhost, made: CachedObject): Promise<Recipe | undefined> => {
  const { cache } = exchange.connection.server.parts;
  const { recipes } = exchange.connection.server;
  const known = recipes.find(made);
  if (known !== undefined) return known;
  const body = await cache.stored.readWhole(vhost.cache, made);
  return body === undefined ? undefined : (recipes.find(made) ?? recipes.keep(made, body));
};

const sourceOf = async (
  exchange: Exchange,
  vhost: ServedVhost,
  source: RecipeSource,
): Promise<ComposedSource | undefined> => {
  if (Buffer.isBuffer(source)) return { kind: "bytes", bytes: source };
  const { cache } = exchange.connection.server.parts;
  if (source.location === undefined || source.location.file === 0) {
    const bytes = await cache.stored.readWhole(vhost.cache, source);
    return bytes === undefined ? undefined : { kind: "bytes", bytes };
  }
  const body = await cache.stored.openBody(vhost.cache, exchange.variant, source);
  if (body === undefined) return undefined;
  // Where nothing is read of it (HEAD, 304, a client that has gone), it is closed again.
  body.retain();
  setImmediate(() => body.release());
  return { kind: "parted", body, origin: exactly(lastingOrigin(exchange, vhost)) };
};

const bytesOf = (recipe: Recipe, source: Buffer): Buffer => {
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < recipe.pieceCount; index++) {
    const piece = recipe.pieceAt(index);
    pieces.push(piece.kind === "bytes" ? piece.bytes : source.subarray(piece.start, piece.end));
  }
  const bytes = Buffer.concat(pieces);
  if (bytes.length === recipe.sizeBytes) return bytes;
  throw new EdgeError("TRANSFORM_FAILED", { detail: "a recipe of another source" });
};

/** For one request: it has the length of what the recipe describes, and no body of its own unless it is given one. */
const composedObject = (
  made: CachedObject,
  recipe: Recipe,
  sourceFields: readonly string[],
  body?: Buffer,
): CachedObject => {
  const contentType = getField(sourceFields, "content-type");
  const fields: string[] = [];
  for (let index = 0; index + 1 < made.fields.length; index += 2) {
    const name = made.fields[index] ?? "";
    if (name.toLowerCase() !== "content-type") fields.push(name, made.fields[index + 1] ?? "");
  }
  if (contentType !== undefined) fields.push("Content-Type", contentType);
  const { key, version, freshUntilMs, ttlSeconds, updatedAtMs, purged, expiredByForce } = made;
  const state = { key, location: undefined, version, freshUntilMs, ttlSeconds, updatedAtMs, purged, expiredByForce };
  return new CachedObject({ ...state, head: { ...made.head, fields, bodyBytes: recipe.sizeBytes }, body });
};

/** As a body on disk is sent; where the origin has another version by now, the request is answered anew, once. */
export const deliverComposed = (exchange: Exchange, composed: Composed, selection: Selection): PhaseCode => {
  const { ticket } = exchange;
  const { status, head } = selection;
  const { recipe, source } = composed;
  const failed = (error: EdgeError): void => {
    const isChanged = source.kind === "parted" && source.body.isLost && !exchange.isAnew && exchange.isCurrent(ticket);
    if (!isChanged) {
      exchange.fail(ticket, error);
      return;
    }
    exchange.isAnew = true;
    exchange.object = undefined;
    exchange.continueWith(ticket, goneObject(exchange));
  };
  const { keepAlive } = exchange.connectionDecision;
  const unbegun = { status, headBytes: head.length, contentLength: contentLengthOf(selection), failed };
  if (selection.kind === "multipart") {
    const sourceOfRange = (range: { readonly start: number; readonly end: number }) =>
      new ComposedBody(recipe, source, range);
    pumpMultipart(exchange, { ...selection, keepAlive, unbegun, sourceOf: sourceOfRange });
    return PHASE.WAIT;
  }
  const { part } = selection;
  const body = new ComposedBody(recipe, source, part);
  new BodyPump(exchange, body, { part, head, framing: "length", keepAlive, unbegun }).start();
  return PHASE.WAIT;
};
