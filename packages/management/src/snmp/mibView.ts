import type { SnmpSettings } from "@basalt/config";
import type { MinuteKind, SnmpObject, SnmpPlace, SnmpSource } from "./contract.ts";
import type { SnmpException, SnmpValue } from "./message.ts";
import { compareOids, isBelow, lowerBound, type Oid, parseOid } from "./oid.ts";
import { STANDARD_OBJECTS, type StandardObject } from "./standardObjects.ts";
import { MIB_OBJECTS } from "./tree/mibTree.ts";

/** An object where it stands. */
type Placed =
  | { readonly oid: Oid; readonly kind: "own"; readonly object: SnmpObject }
  | { readonly oid: Oid; readonly kind: "standard"; readonly object: StandardObject };

/** SNMP-18. */
const MOST_MINUTES = 60;
const SCALAR: Oid = [0];

const minutesOfWalk = (kind: MinuteKind, settings: SnmpSettings): number => {
  switch (kind) {
    case "system":
      return 0;
    case "global":
      return settings.globalMinutes;
    case "vhosts":
      return settings.vhostMinutes;
    case "views":
      return settings.viewMinutes;
    case "disks":
      return settings.diskMinutes;
  }
};

/** A variable that exists. */
export interface FoundVariable {
  readonly oid: Oid;
  read(): SnmpValue;
}

const EMPTY: SnmpPlace = { minutes: 0, row: 0 };

/** The tree at its place, with rows and values of the present moment. Every question costs a binary search. */
export class MibView {
  readonly #placed: readonly Placed[];
  readonly #root: Oid;
  readonly #source: SnmpSource;

  constructor(source: SnmpSource) {
    this.#source = source;
    this.#root = parseOid(source.settings.root);
    this.#placed = [
      ...STANDARD_OBJECTS.map((object): Placed => ({ oid: object.oid, kind: "standard", object })),
      ...MIB_OBJECTS.map((object): Placed => ({ oid: [...this.#root, ...object.suffix], kind: "own", object })),
    ].toSorted((left, right) => compareOids(left.oid, right.oid));
  }

  /** SNMP-30, SNMP-34: every minute value, and scalars with or without the 0 behind. */
  find(oid: Oid): FoundVariable | Exclude<SnmpException, "endOfMibView"> {
    const placed = this.#objectOf(oid);
    if (placed === undefined) return "noSuchObject";
    const place = this.#placeOf(placed, oid.slice(placed.oid.length));
    return place === undefined ? "noSuchInstance" : this.#found(placed, oid, place);
  }

  /** SNMP-29, SNMP-35: the first variable of a walk that is not before this OID. */
  firstFrom(oid: Oid): FoundVariable | undefined {
    let index = lowerBound(this.#placed, (placed) => compareOids(placed.oid, oid));
    const before = this.#placed[index - 1];
    if (before !== undefined && isBelow(oid, before.oid)) index -= 1;
    for (; index < this.#placed.length; index++) {
      const placed = this.#placed[index];
      if (placed === undefined) return undefined;
      const suffix = this.#firstSuffix(placed, isBelow(oid, placed.oid) ? oid.slice(placed.oid.length) : []);
      const place = suffix === undefined ? undefined : this.#placeOf(placed, suffix);
      if (suffix !== undefined && place !== undefined) return this.#found(placed, [...placed.oid, ...suffix], place);
    }
    return undefined;
  }

  /** None lies below another one. */
  #objectOf(oid: Oid): Placed | undefined {
    const index = lowerBound(this.#placed, (placed) => compareOids(placed.oid, oid));
    const at = this.#placed[index];
    if (at !== undefined && compareOids(at.oid, oid) === 0) return at;
    const before = this.#placed[index - 1];
    return before !== undefined && isBelow(oid, before.oid) ? before : undefined;
  }

  #placeOf(placed: Placed, suffix: Oid): SnmpPlace | undefined {
    const { minutes: kind, rows } = placed.kind === "own" ? placed.object : { minutes: undefined, rows: undefined };
    const numbers = rows === undefined ? undefined : this.#source.rowsOf(rows);
    const [first = 0, second = 0] = suffix;
    if (kind === undefined && numbers === undefined) return suffix.length <= 1 && first === 0 ? EMPTY : undefined;
    if (numbers === undefined) {
      return suffix.length <= 1 && first <= MOST_MINUTES ? { minutes: first, row: 0 } : undefined;
    }
    if (kind === undefined) {
      return suffix.length === 1 && numbers.has(first) ? { minutes: 0, row: first } : undefined;
    }
    const isThere = suffix.length === 2 && first <= MOST_MINUTES && numbers.has(second);
    return isThere ? { minutes: first, row: second } : undefined;
  }

  #firstSuffix(placed: Placed, from: Oid): Oid | undefined {
    const { minutes: kind, rows } = placed.kind === "own" ? placed.object : { minutes: undefined, rows: undefined };
    const minutes = kind === undefined ? undefined : minutesOfWalk(kind, this.#source.settings);
    if (rows === undefined) {
      const only = minutes === undefined ? SCALAR : [minutes];
      return compareOids(from, only) <= 0 ? only : undefined;
    }
    const prefix = minutes === undefined ? [] : [minutes];
    let rest = from;
    if (minutes !== undefined) {
      const [first] = from;
      if (first !== undefined && first > minutes) return undefined;
      rest = first === minutes ? from.slice(1) : [];
    }
    const [wanted = 0, ...behind] = rest;
    const row = this.#source.rowsOf(rows).firstFrom(behind.length > 0 ? wanted + 1 : wanted);
    return row === undefined ? undefined : [...prefix, row];
  }

  #found(placed: Placed, oid: Oid, place: SnmpPlace): FoundVariable {
    return {
      oid,
      read: () => (placed.kind === "own" ? this.#read(placed.object, place) : this.#readStandard(placed.object)),
    };
  }

  #readStandard({ read }: StandardObject): SnmpValue {
    return read(this.#source, this.#root);
  }

  /** SNMP-10: what nobody has is empty, or 0. */
  #read(object: SnmpObject, place: SnmpPlace): SnmpValue {
    const value = object.read(this.#source, place);
    if (object.type === "string") return { type: "string", value: value === undefined ? "" : String(value) };
    return { type: object.type, value: Number(value ?? 0) };
  }
}
