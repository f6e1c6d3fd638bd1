import { createHash } from "node:crypto";
import type { NetworkInterfaceInfo } from "node:os";
import {
  describeHttpsEntry,
  type EdgeConfig,
  type HttpsEntry,
  type HttpsListen,
  type LoadedHttpsEntry,
  loadHttpsEntry,
} from "@basalt/config";
import {
  CIPHER_SUITES,
  type CipherSuite,
  createContext,
  listenerKey,
  orderSuites,
  readCipherString,
  type TlsIdentity,
  type TlsListenerPlan,
  type TlsVersion,
} from "@basalt/server";
import type { OcspWish } from "./ocsp/ocspSubject.ts";

export type NetworkInterfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/** What the `<Https>` entries of a configuration come to. */
export interface LoadedTls {
  readonly listeners: readonly TlsListenerPlan[];
  /** Sockets that have to be bound. */
  readonly places: readonly { readonly address: string; readonly port: number }[];
  /** Lines for the info log. */
  readonly notes: readonly string[];
  /** Addresses that entries name and no entry can serve, by `listenerKey`, each with the reason. */
  readonly unserved: ReadonlyMap<string, string>;
  /** Certificates with which an OCSP response is to go out that has to be fetched. */
  readonly stapled: readonly OcspWish[];
}

export const NO_TLS: LoadedTls = { listeners: [], places: [], notes: [], unserved: new Map(), stapled: [] };

/**
 * Why a configuration is not to take the place of another: an address of HTTPS is not given up for a file that is at
 * fault (OPEN 1 of spec 07). One that was not served before is only left out.
 */
export const lossOf = (before: LoadedTls, next: LoadedTls): string | undefined => {
  for (const { address, port } of before.listeners) {
    const key = listenerKey(address, port);
    const reason = next.unserved.get(key);
    if (reason !== undefined) return `no certificate for ${key}: ${reason}`;
  }
  return undefined;
};

/** A listening address of one entry; `any`: every local address without an entry of its own. */
interface Target {
  readonly address: string | undefined;
  readonly port: number;
  readonly listen: HttpsListen;
}

interface Served {
  readonly entry: HttpsEntry;
  readonly identity: TlsIdentity;
}

/** An address of its own beats an interface (TLS-09, OPEN 7); `any` is never the same address as another. */
const isMoreExact = (one: HttpsListen, than: HttpsListen): boolean =>
  one.kind === "address" && than.kind === "interface";

/** Reads all files that the entries name. What cannot be used is left out and noted; the rest serves. */
export const loadTls = async (config: EdgeConfig, nowMs: number, interfaces: NetworkInterfaces): Promise<LoadedTls> => {
  const { https, cache } = config.server;
  const notes: string[] = [];
  const groups = new Map<string, { readonly target: Target; readonly served: Served[] }>();
  const failed = new Map<string, string>();
  const stapled: OcspWish[] = [];
  for (const entry of https) {
    const targets = targetsOf(entry.listen, interfaces);
    if (targets.length === 0) {
      notes.push(
        `${describeHttpsEntry(entry)} is left out: there is no interface ${entry.listen.name} with an address`,
      );
      continue;
    }
    const outcome = await identify(entry, cache.aesNi, nowMs);
    if (!outcome.ok) {
      notes.push(`${describeHttpsEntry(entry)} is left out: ${outcome.reason}`);
      for (const { address, port } of targets) failed.set(listenerKey(address, port), outcome.reason);
      continue;
    }
    if (entry.ocspFetch && entry.ocspFile === "") stapled.push(...wishesOf(entry, outcome.identity));
    for (const warning of outcome.warnings) notes.push(`${describeHttpsEntry(entry)}: ${warning}`);
    for (const target of targets) {
      const key = listenerKey(target.address, target.port);
      const group = groups.get(key);
      if (group === undefined || isMoreExact(target.listen, group.target.listen)) {
        groups.set(key, { target, served: [{ entry, identity: outcome.identity }] });
      } else if (!isMoreExact(group.target.listen, target.listen)) {
        group.served.push({ entry, identity: outcome.identity });
      }
    }
  }
  const listeners: TlsListenerPlan[] = [];
  for (const { target, served } of groups.values()) {
    const { identities, ignored } = joinIdentities(served, cache.httpsSni);
    for (const entry of ignored) {
      notes.push(
        `${describeHttpsEntry(entry)} has no effect: another entry serves that address, and <HttpsSNI> is OFF`,
      );
    }
    listeners.push({ address: target.address, port: target.port, identities });
  }
  return {
    listeners,
    places: [...groups.values()].flatMap(({ target: { address, port } }) =>
      (address === undefined ? cache.listen : [address]).map((each) => ({ address: each, port })),
    ),
    notes,
    unserved: new Map([...failed].filter(([key]) => !groups.has(key))),
    stapled,
  };
};

const wishesOf = ({ ocspAllow }: HttpsEntry, { certificates }: TlsIdentity): readonly OcspWish[] =>
  certificates.map(({ certificatePem }) => ({ certificatePem, allow: ocspAllow }));

const targetsOf = (listen: HttpsListen, interfaces: NetworkInterfaces): readonly Target[] => {
  const { kind, name, port } = listen;
  switch (kind) {
    case "any":
      return [{ address: undefined, port, listen }];
    case "address":
      return [{ address: name, port, listen }];
    case "interface":
      return (interfaces[name] ?? [])
        .filter(({ address }) => !address.toLowerCase().startsWith("fe80:"))
        .map(({ address }) => ({ address, port, listen }));
  }
};

type IdentityOutcome =
  | { readonly ok: true; readonly identity: TlsIdentity; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const identify = async (entry: HttpsEntry, prefersAes: boolean, nowMs: number): Promise<IdentityOutcome> => {
  const versions = versionsOf(entry);
  if (versions.length === 0) return { ok: false, reason: "no version of TLS is ON" };
  const outcome = await loadHttpsEntry(entry, nowMs);
  if (!outcome.ok) return outcome;
  const suites = await suitesOf(entry, prefersAes);
  if (!suites.ok) return { ok: false, reason: `the cipher suites ${entry.cipherSuite}: ${suites.reason}` };
  const { loaded } = outcome;
  const identity: TlsIdentity = {
    id: idOf(loaded),
    names: loaded.names,
    certificates: [
      {
        keyType: loaded.keyType,
        curve: loaded.curve,
        certificatePem: loaded.certificatePem,
        keyPem: loaded.keyPem,
        ocspResponse: loaded.ocsp?.response,
        ocspValidToMs: loaded.ocsp?.validToMs ?? 0,
      },
    ],
    versions,
    suites: suites.older.map(({ name }) => name),
    suites13: suites.newest.map(({ name }) => name),
    prefersOwnOrder: entry.forwardSecrecy,
    http2: entry.http2,
  };
  const refusal = refusalOf(identity);
  if (refusal !== undefined) return { ok: false, reason: refusal };
  const warnings = entry.ssl30 ? [...loaded.warnings, "SSL 3.0 is not spoken"] : loaded.warnings;
  return { ok: true, identity, warnings };
};

const versionsOf = ({ tls10, tls11, tls12, tls13 }: HttpsEntry): readonly TlsVersion[] => {
  const versions: TlsVersion[] = [];
  if (tls10) versions.push("TLSv1");
  if (tls11) versions.push("TLSv1.1");
  if (tls12) versions.push("TLSv1.2");
  if (tls13) versions.push("TLSv1.3");
  return versions;
};

type SuitesOutcome =
  | { readonly ok: true; readonly older: readonly CipherSuite[]; readonly newest: readonly CipherSuite[] }
  | { readonly ok: false; readonly reason: string };

const isNewest = ({ version }: CipherSuite): boolean => version === "TLSv1.3";
const NEWEST = CIPHER_SUITES.filter(isNewest);

/** A string that names no suite of TLS 1.3 says nothing of them: then all are offered. */
const suitesOf = async (entry: HttpsEntry, prefersAes: boolean): Promise<SuitesOutcome> => {
  const { cipherSuite, forwardSecrecy } = entry;
  const read = cipherSuite === "" ? { ok: true as const, suites: CIPHER_SUITES } : await readCipherString(cipherSuite);
  if (!read.ok) return read;
  const named = read.suites.filter(isNewest);
  const order = { prefersForwardSecrecy: forwardSecrecy, prefersAes };
  return {
    ok: true,
    older: orderSuites(
      read.suites.filter((suite) => !isNewest(suite)),
      order,
    ),
    newest: orderSuites(named.length === 0 ? NEWEST : named, order),
  };
};

/** What the library has against it, in its words. */
const refusalOf = (identity: TlsIdentity): string | undefined => {
  const [certificate] = identity.certificates;
  if (certificate === undefined) return undefined;
  try {
    createContext(identity, certificate);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
};

/** 32 characters: sessions are resumed where they were begun only, also with a renewed certificate. */
const idOf = ({ entry, names }: LoadedHttpsEntry): string =>
  createHash("sha256")
    .update(JSON.stringify([entry.listen, names]))
    .digest("hex")
    .slice(0, 32);

/** Certificates for the same names with keys of different types become one identity. */
const joinIdentities = (
  served: readonly Served[],
  isSni: boolean,
): { readonly identities: readonly TlsIdentity[]; readonly ignored: readonly HttpsEntry[] } => {
  const identities = new Map<string, TlsIdentity>();
  const ignored: HttpsEntry[] = [];
  for (const { entry, identity } of served) {
    const key = [...identity.names].sort().join(",");
    const known = identities.get(key);
    const types = known?.certificates.map(({ keyType }) => keyType) ?? [];
    if (known !== undefined && identity.certificates.every(({ keyType }) => !types.includes(keyType))) {
      identities.set(key, { ...known, certificates: [...known.certificates, ...identity.certificates] });
    } else if (known !== undefined || (!isSni && identities.size > 0)) {
      ignored.push(entry);
    } else identities.set(key, identity);
  }
  return { identities: [...identities.values()], ignored };
};
