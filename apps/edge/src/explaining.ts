import {
  decodeHead,
  isSelected,
  type StoredHead,
  selectorFor,
  VARIANT,
  type Variant,
  variantText,
} from "@basalt/cache";
import type { EdgeConfig, Provenance, VhostSettings } from "@basalt/config";
import { METHOD } from "@basalt/http";
import type { ExplainOutcome, ExplainQuestion } from "@basalt/management";
import type { AddressSnapshot } from "@basalt/origin";
import {
  compileMethodRules,
  compilePostSelector,
  compileRequestSelection,
  type ExplainState,
  type ExplainSubject,
  etagMarkOf,
  explainRequest,
  explainSubjectOf,
  type LookupView,
  type OriginAddressView,
  type StoredView,
  understandRequest,
} from "@basalt/policy";
import { type BodyStore, computeCacheKey, type IndexRow, ROW_FLAG } from "@basalt/store";
import type { StoreDisks } from "./hostStore.ts";
import type { ExplainProbe, ExplainSight } from "./protocol.ts";

/** What the answer to an explain call is made of. */
export interface ExplainParts {
  readonly config: EdgeConfig;
  readonly provenance: Provenance;
  readonly nowMs: number;
  readonly product: ExplainState["product"];
  readonly store: StoreDisks;
  readonly isEmergency: boolean;
  readonly variantsOf: (vhost: string, url: string) => readonly IndexRow[];
  readonly bodies: Pick<BodyStore, "load">;
  readonly countryOf: (address: string) => string | undefined;
  /** State of the configured origin addresses of a host. */
  readonly addressesOf: (vhost: string) => readonly AddressSnapshot[];
  /** Asks every worker that serves. */
  readonly probe: (probe: ExplainProbe) => Promise<readonly WorkerSighting[]>;
}

export interface WorkerSighting {
  readonly slot: number;
  readonly sight: ExplainSight;
}

/** Stored responses of a URL that are shown beside the one that counts. */
const MOST_OTHERS = 20;

/** A dry run: nothing is changed, no origin is asked, and no object counts as used. */
export const explainUrl = async (question: ExplainQuestion, parts: ExplainParts): Promise<ExplainOutcome> => {
  const { config, provenance, nowMs } = parts;
  const understood = understandRequest({ ...question, country: parts.countryOf(question.clientIp) }, config);
  if (understood.kind === "malformed") return understood;
  const { method, url, listen } = question;
  if (understood.kind === "refused") {
    const { refusal, steps } = understood;
    const conclusion = { outcome: "refused", status: refusal.status, result: null, verdict: refusal.verdict } as const;
    const { generation } = config;
    return { kind: "explained", explanation: { method, url, atMs: nowMs, generation, ...conclusion, steps } };
  }
  const subject = explainSubjectOf(understood.request, config);
  const state = await stateFor(subject, parts);
  const world = { config, provenance, state };
  const explanation = explainRequest(understood.request, { method, url, listen }, understood.steps, world);
  return { kind: "explained", explanation };
};

const stateFor = async (subject: ExplainSubject | undefined, parts: ExplainParts): Promise<ExplainState> => {
  const { nowMs, product, store, isEmergency } = parts;
  const base = { nowMs, product, isBypassing: store.isBypassing, isEmergency };
  if (subject === undefined) return { ...base, addresses: [], lookup: undefined, derived: [] };
  const probe = probeOf(subject);
  const sightings = await parts.probe(probe);
  const slots = sightings.map(({ slot }) => slot);
  const addresses = addressViewsOf(subject.vhost, parts.addressesOf(subject.vhost.name), slots);
  const derived = await findDerived(subject, parts);
  return { ...base, addresses, lookup: await lookUp(subject, probe, sightings, parts), derived };
};

/** What is stored under the URL of the result, whatever it was made of. */
const findDerived = async (
  { vhost, derivation }: ExplainSubject,
  parts: ExplainParts,
): Promise<readonly StoredView[]> => {
  if (derivation === undefined) return [];
  const rows = parts.variantsOf(vhost.name, derivation.url).slice(0, MOST_OTHERS);
  const loaded = await Promise.all(rows.map(loader(parts)));
  return loaded.flatMap((stored) => (stored === undefined ? [] : [stored.view]));
};

/** Explain sends no body: a POST is looked up as one with an empty body. */
const probeOf = ({ vhost, request, parts }: ExplainSubject): ExplainProbe => {
  const isCachedPost =
    request.methodCode === METHOD.POST && compileMethodRules(vhost).decide(request.methodCode, request) === "cache";
  return {
    vhost: vhost.name,
    url: parts.url,
    variant: parts.variant === "" ? VARIANT.PLAIN : VARIANT.ENCODED,
    fields: request.fields.toFlatArray(),
    bodySelector: isCachedPost ? compilePostSelector(vhost)(parts.url, Buffer.alloc(0)) : "",
  };
};

/** All workers follow what the primary knows. */
const addressViewsOf = (
  vhost: VhostSettings,
  states: readonly AddressSnapshot[],
  slots: readonly number[],
): OriginAddressView[] => {
  const viewsOf = (addresses: VhostSettings["origin"]["addresses"], isStandby: boolean): OriginAddressView[] =>
    addresses.map(({ text, hostField, pathPrefix }) => {
      const state = states.find(({ address, standby }) => address === text && standby === isStandby);
      const excludedBy = state?.excluded === true ? slots : [];
      return { text, isStandby, hostField, pathPrefix, excludedBy, failures: state?.failures ?? 0 };
    });
  return [...viewsOf(vhost.origin.addresses, false), ...viewsOf(vhost.origin.standby, true)];
};

interface Stored {
  readonly row: IndexRow;
  readonly head: StoredHead;
  readonly view: StoredView;
}

/** Where the cache keeps compressed copies. */
const COPIES = { gzip: VARIANT.GZIP, br: VARIANT.BROTLI, zstd: VARIANT.ZSTD } as const;

const lookUp = async (
  { vhost, request, parts: keyParts }: ExplainSubject,
  probe: ExplainProbe,
  sightings: readonly WorkerSighting[],
  parts: ExplainParts,
): Promise<LookupView> => {
  // What No-Vary-Search has taught one worker the others learn with the next answer.
  const url = sightings.find(({ sight }) => sight.url !== probe.url)?.sight.url ?? probe.url;
  const rows = parts.variantsOf(vhost.name, url);
  const sent = (name: string): string | undefined => request.fields.get(name);
  const counting = compileRequestSelection(vhost.options);
  const get = counting === undefined ? sent : (name: string) => counting.read(name, sent);
  const load = loader(parts);
  const findStored = async (variant: Variant, selector: string): Promise<Stored | undefined> => {
    const key = computeCacheKey(vhost.name, url, variantText(variant, selector));
    const row = rows.find((candidate) => candidate.key.equals(key));
    return row === undefined ? undefined : await load(row);
  };
  const findSelected = async (
    variant: Variant,
  ): Promise<{ readonly stored: Stored | undefined; readonly selector: string; readonly selection: string }> => {
    const base = await findStored(variant, probe.bodySelector);
    const selection = base?.head.selection ?? "";
    if (base === undefined || isSelected(selection, get))
      return { stored: base, selector: probe.bodySelector, selection };
    const selector = `${probe.bodySelector}${selectorFor(selection, get)}`;
    const other = await findStored(variant, selector);
    const isForThis = other !== undefined && isSelected(other.head.selection, get);
    return { stored: isForThis ? other : undefined, selector, selection };
  };

  const found = await findSelected(probe.variant);
  let compressed: Stored | undefined;
  for (const coding of keyParts.codings) {
    const copy = (await findSelected(COPIES[coding])).stored;
    if (copy?.head.sourceVersion === found.stored?.head.bodyVersion) compressed ??= copy;
  }
  const shown = new Set([found.stored?.row, compressed?.row]);
  const others = await Promise.all(
    rows
      .filter((row) => !shown.has(row))
      .slice(0, MOST_OTHERS)
      .map(load),
  );
  return {
    url,
    keyDigest: computeCacheKey(vhost.name, url, variantText(probe.variant, found.selector)).toString("hex"),
    selector: found.selector,
    selectedBy: found.selection === "" ? [] : found.selection.slice(0, found.selection.indexOf(" ")).split(","),
    object: found.stored?.view,
    compressed: compressed?.view,
    variants: [found.stored, compressed, ...others].filter((stored) => stored !== undefined).map(({ view }) => view),
    workers: sightings.map(({ slot, sight: { memory, waitingInvalidations } }) => ({
      slot,
      memory,
      waitingInvalidations,
    })),
  };
};

/** Undefined for a row whose record cannot be read: it counts as absent. */
const loader = ({ bodies, store }: ExplainParts) => {
  const disks = new Map(store.disks.map(({ number, path }) => [number, path]));
  return async (row: IndexRow): Promise<Stored | undefined> => {
    const disk = disks.get(row.location.disk);
    const loaded = disk === undefined ? undefined : await bodies.load(row.location);
    const head = loaded === undefined ? undefined : decodeHead(loaded.head);
    return head === undefined || disk === undefined ? undefined : { row, head, view: viewOf(row, head, disk) };
  };
};

const viewOf = (row: IndexRow, head: StoredHead, disk: string): StoredView => {
  const { location, flags } = row;
  return {
    variant: head.variant,
    version: row.version,
    status: head.status,
    fields: head.fields,
    bodyBytes: location.bodyBytes,
    missingBytes: row.missingBytes,
    storedAtMs: head.storedAtMs,
    validatedAtMs: head.validatedAtMs,
    initialAgeSeconds: head.initialAgeSeconds,
    updatedAtMs: row.updatedAt,
    lastAccessMs: row.lastAccess,
    freshUntilMs: row.freshUntil,
    ttlSeconds: row.ttl,
    isPurged: (flags & ROW_FLAG.PURGED) !== 0,
    isExpiredByForce: (flags & ROW_FLAG.EXPIRED_BY_FORCE) !== 0,
    etagMark: etagMarkOf(head),
    isDerived: (flags & ROW_FLAG.DERIVED) !== 0,
    place: location.file === 0 ? `segment ${location.segment} at ${location.offset}` : `file ${location.file}`,
    disk,
  };
};
