import { VHOST_COUNTERS, VHOST_SLOT, VHOST_SLOT_COUNT } from "../counterTable.ts";

/** What a virtual host counts apart, so that its settings can decide about it afterwards. */
export interface PartOfHost {
  readonly isLocal: boolean;
  readonly isTls: boolean;
}

export const PARTS_OF_HOST: readonly PartOfHost[] = [
  { isLocal: false, isTls: false },
  { isLocal: true, isTls: false },
  { isLocal: false, isTls: true },
  { isLocal: true, isTls: true },
];

export interface CountingSettings {
  readonly httpsTraffic: boolean;
  readonly clientLocal: boolean;
  readonly originLocal: boolean;
}

const sideMask = (...sides: readonly ("client" | "origin")[]): readonly boolean[] => {
  const mask = new Array<boolean>(VHOST_SLOT_COUNT).fill(false);
  for (const { side, slot, width } of VHOST_COUNTERS) {
    if (side !== "edge" && sides.includes(side)) mask.fill(true, slot, slot + width);
  }
  return mask;
};

const ALL_SLOTS: readonly boolean[] = new Array<boolean>(VHOST_SLOT_COUNT).fill(true);
const CLIENT_SLOTS = sideMask("client");
const ORIGIN_SLOTS = sideMask("origin");
const BOTH_SIDES = sideMask("client", "origin");

/** What HTTPS traffic is counted in at any rate (STAT-13). */
const TLS_SLOTS: readonly boolean[] = CLIENT_SLOTS.map(
  (_, slot) => slot === VHOST_SLOT.tlsReceivedBytes || slot === VHOST_SLOT.tlsSentBytes,
);

/** Slots that count of a part of a host (STAT-13 to STAT-15); undefined: none. */
export const countedSlots = (
  { httpsTraffic, clientLocal, originLocal }: CountingSettings,
  { isLocal, isTls }: PartOfHost,
): readonly boolean[] | undefined => {
  if (isTls) {
    if (isLocal && !clientLocal) return undefined;
    return httpsTraffic ? CLIENT_SLOTS : TLS_SLOTS;
  }
  if (!isLocal) return ALL_SLOTS;
  if (clientLocal) return originLocal ? BOTH_SIDES : CLIENT_SLOTS;
  return originLocal ? ORIGIN_SLOTS : undefined;
};
