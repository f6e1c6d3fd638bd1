import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { CachedObject, keyOfName, nameOf, VARIANT, variantText } from "@basalt/cache";
import { joinMasterPlaylists } from "@basalt/media";
import { DERIVATION_FAILURE, type Derivation } from "@basalt/policy";
import { EdgeError } from "@basalt/types";
import { mayHave } from "../access/mayHave.ts";
import type { Exchange } from "../exchange.ts";
import type { ServedVhost } from "../servedVhost.ts";
import { refuseForMemory } from "./emergency.ts";
import { followLink } from "./followLink.ts";
import { asksForRenewal } from "./lookup.ts";
import { PHASE, type PhaseCode } from "./phase.ts";
import { refuseDerived } from "./refuseDerived.ts";
import { type VariantLine, variantLine } from "./variantLine.ts";

/**
 * One master playlist of several films. Those that the client may not have, that are missing or that cannot be read are
 * left out.
 */
export const joinVariants = (exchange: Exchange): PhaseCode => {
  const { vhost, derivation } = exchange;
  if (vhost === undefined || derivation?.variants === undefined) return PHASE.DONE;
  if (exchange.connection.server.isEmergency) return refuseForMemory(exchange);
  exchange.mustRenew = asksForRenewal(exchange, vhost);
  const open = derivation.variants.filter(({ playlistTarget }) => mayHave(exchange, vhost.access, playlistTarget));
  void join(
    exchange,
    vhost,
    derivation,
    open.map((variant) => variant.derivation),
  );
  return PHASE.WAIT;
};

const join = async (
  exchange: Exchange,
  vhost: ServedVhost,
  derivation: Derivation,
  open: readonly Derivation[],
): Promise<void> => {
  const { ticket } = exchange;
  const left = new AbortController();
  const request = { exchange, vhost, left: left.signal };
  exchange.ongoing = { drained: () => {}, clientEnded: () => {}, clientGone: () => left.abort() };
  try {
    const lines = await Promise.all(open.map((each) => variantLine(request, each)));
    if (!exchange.isCurrent(ticket)) return;
    exchange.ongoing = undefined;
    exchange.continueWith(ticket, settle(exchange, derivation, lines));
  } catch (cause) {
    if (!exchange.isCurrent(ticket)) return;
    exchange.ongoing = undefined;
    const error = EdgeError.from(cause);
    if (MAY_PASS.has(error.code) && !exchange.isAnew) {
      exchange.isAnew = true;
      exchange.continueWith(ticket, PHASE.DERIVE_KEY);
    } else {
      exchange.fail(ticket, cause);
    }
  } finally {
    left.abort();
  }
};

/** What was stored has changed or gone meanwhile: another try finds it as it is now. */
const MAY_PASS: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "ORIGIN_CLOSED"]);

type Playlist = Extract<VariantLine, { readonly kind: "playlist" }>;

const settle = (exchange: Exchange, derivation: Derivation, lines: readonly VariantLine[]): PhaseCode => {
  const results = lines.map(({ result }) => result);
  exchange.result = results.find((result) => result !== "TCP_HIT") ?? results[0] ?? "TCP_DENIED";
  const playlists = lines.filter((line): line is Playlist => line.kind === "playlist");
  if (playlists.length === 0) return refuse(exchange, derivation, lines);
  const isWhole = playlists.length === derivation.variants?.length;
  takeJoined(exchange, derivation, playlists, isWhole);
  return PHASE.DELIVER;
};

const refuse = (exchange: Exchange, derivation: Derivation, lines: readonly VariantLine[]): PhaseCode => {
  for (const line of lines) {
    const answer = line.kind === "playlist" ? undefined : line.answer;
    const next = answer === undefined ? undefined : followLink(exchange, answer);
    if (next !== undefined) return next;
  }
  const failed = lines.find((line) => line.kind === "failed");
  if (failed === undefined)
    return refuseDerived(exchange, derivation, DERIVATION_FAILURE.SOURCE_MISSING, { status: 404 });
  exchange.error = failed.error;
  return PHASE.DELIVER;
};

/** For this request alone: what it is joined of is kept. */
const takeJoined = (
  exchange: Exchange,
  { url, selector }: Derivation,
  playlists: readonly Playlist[],
  isWhole: boolean,
): void => {
  const made = playlists.map((playlist) => playlist.made);
  const [first, ...others] = made;
  if (first === undefined) return;
  const soonest = others.reduce((one, other) => (other.freshUntilMs < one.freshUntilMs ? other : one), first);
  const body = Buffer.from(joinMasterPlaylists(playlists.map(({ text }) => text)), "utf8");
  const version = crc32(body);
  exchange.source = undefined;
  exchange.sourceHead = undefined;
  exchange.url = url;
  exchange.name = nameOf(url, selector);
  exchange.variant = VARIANT.DERIVED;
  exchange.object = new CachedObject({
    key: keyOfName(exchange.vhost?.cache.name ?? "", VARIANT.DERIVED, exchange.name),
    head: {
      ...soonest.head,
      url,
      variant: variantText(VARIANT.DERIVED, selector),
      selection: "",
      fields: joinedFields(soonest, made, body, isWhole),
      bodyBytes: body.length,
      storedAtMs: Math.max(...made.map(({ storedAtMs }) => storedAtMs)),
      bodyVersion: version,
      sourceVersion: version,
    },
    body,
    location: undefined,
    version: 0,
    freshUntilMs: soonest.freshUntilMs,
    ttlSeconds: soonest.ttlSeconds,
    updatedAtMs: exchange.nowMs,
    purged: false,
    expiredByForce: false,
  });
};

/** What is said of one of them; the moment of its last change, which says nothing of the others, is not. */
const OF_ONE: ReadonlySet<string> = new Set(["etag", "last-modified", "vary"]);

/** Of a playlist that lacks a film now, or for this client, nobody is to keep how long the others may be kept. */
const OF_KEEPING: ReadonlySet<string> = new Set(["cache-control", "expires", "pragma", "surrogate-control"]);

const ETAG_CHARACTERS = 16;

/** The fields of the one that is out of date first. */
const joinedFields = (
  soonest: CachedObject,
  made: readonly CachedObject[],
  body: Buffer,
  isWhole: boolean,
): readonly string[] => {
  const fields: string[] = [];
  const vary = new Set(made.flatMap((each) => valuesOf(each.fields, "vary")));
  const isTagged = made.some((each) => valuesOf(each.fields, "etag").length > 0);
  for (let index = 0; index + 1 < soonest.fields.length; index += 2) {
    const name = soonest.fields[index] ?? "";
    const folded = name.toLowerCase();
    if (OF_ONE.has(folded) || (!isWhole && OF_KEEPING.has(folded))) continue;
    fields.push(name, soonest.fields[index + 1] ?? "");
  }
  const digest = createHash("sha256").update(body).digest("hex").slice(0, ETAG_CHARACTERS);
  if (isTagged) fields.push("ETag", `"${digest}"`);
  if (vary.size > 0) fields.push("Vary", [...vary].join(", "));
  if (!isWhole) fields.push("Cache-Control", "private, no-cache");
  return fields;
};

const valuesOf = (fields: readonly string[], wanted: string): readonly string[] =>
  fields.filter((_, index) => index % 2 === 1 && fields[index - 1]?.toLowerCase() === wanted);
