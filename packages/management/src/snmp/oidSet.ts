import { type OidRange, parseOidRange, type SnmpCommunity, type SnmpSettings } from "@basalt/config";
import { compareOids, lowerBound, type Oid } from "./oid.ts";

/** From one OID, included, to another, left out; undefined: without end. */
interface Stretch {
  readonly from: Oid;
  readonly to: Oid | undefined;
}

const stretchOf = ({ parent, lastFrom, lastTo }: OidRange): Stretch => ({
  from: [...parent, lastFrom],
  to: [...parent, lastTo + 1],
});

const EVERYTHING: readonly Stretch[] = [{ from: [], to: undefined }];

/** Ascending, none touching another. */
const join = (stretches: readonly Stretch[]): readonly Stretch[] => {
  const joined: Stretch[] = [];
  for (const stretch of stretches.toSorted((left, right) => compareOids(left.from, right.from))) {
    const last = joined.at(-1);
    const isApart = last !== undefined && last.to !== undefined && compareOids(last.to, stretch.from) < 0;
    if (last === undefined || isApart) joined.push(stretch);
    else if (last.to !== undefined && (stretch.to === undefined || compareOids(last.to, stretch.to) < 0)) {
      joined[joined.length - 1] = { from: last.from, to: stretch.to };
    }
  }
  return joined;
};

const complementOf = (stretches: readonly Stretch[]): readonly Stretch[] => {
  const others: Stretch[] = [];
  let from: Oid | undefined = [];
  for (const stretch of stretches) {
    if (from !== undefined && compareOids(from, stretch.from) < 0) others.push({ from, to: stretch.from });
    from = stretch.to;
  }
  if (from !== undefined) others.push({ from, to: undefined });
  return others;
};

/** What somebody may read: stretches of the order in which walks go. */
export class OidSet {
  static readonly everything = new OidSet(EVERYTHING);
  readonly #stretches: readonly Stretch[];

  private constructor(stretches: readonly Stretch[]) {
    this.#stretches = stretches;
  }

  /** SNMP-43 to SNMP-45; what is no OID counts for nothing. */
  static ofCommunity({ access, oids }: Omit<SnmpCommunity, "name">): OidSet {
    const ranges = oids.map(parseOidRange).filter((range) => range !== undefined);
    const listed = join(ranges.map(stretchOf));
    return new OidSet(access === "Allow" ? listed : complementOf(listed));
  }

  has(oid: Oid): boolean {
    return this.firstFrom(oid) === oid;
  }

  /** This OID where it is within, else where the next stretch begins; undefined: nothing from there on. */
  firstFrom(oid: Oid): Oid | undefined {
    const index = lowerBound(this.#stretches, ({ to }) => (to === undefined || compareOids(to, oid) > 0 ? 0 : -1));
    const stretch = this.#stretches[index];
    if (stretch === undefined) return undefined;
    return compareOids(stretch.from, oid) <= 0 ? oid : stretch.from;
  }
}

/** What a community may read; undefined: it is refused (SNMP-42). */
export const compileCommunities = ({
  communities,
  unregisteredCommunity,
}: Pick<SnmpSettings, "communities" | "unregisteredCommunity">): ((community: Buffer) => OidSet | undefined) => {
  const known = new Map(communities.map((one) => [one.name, OidSet.ofCommunity(one)]));
  const others = unregisteredCommunity === "Allow" ? OidSet.everything : undefined;
  return (community) => known.get(community.toString("utf8")) ?? others;
};
