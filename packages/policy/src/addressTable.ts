import { ipv4Number, parseAddressExpression, parseIpAddress } from "@basalt/config";

/** The country of a client address by the codes of a database; undefined when it is not known. */
export type CountryLookup = (address: string) => string | undefined;

/** Address expressions (ACL-01 to ACL-05) of which the first that matches counts, however many there are. */
export interface AddressTable {
  readonly size: number;
  /** Position of the first expression that means this address; -1 when none does. */
  firstMatch(address: string, countryOf: CountryLookup | undefined): number;
}

/** Addresses from one of `starts` to the next belong to the rule of the same position; -1 is none. */
interface Ranges<Address> {
  readonly starts: readonly Address[];
  readonly rules: Int32Array;
}

interface Range<Address> {
  readonly first: Address;
  readonly last: Address;
  readonly rule: number;
}

const inOrder = <Address extends number | bigint>(one: Address, other: Address): number =>
  one < other ? -1 : one > other ? 1 : 0;

/** Cuts ranges that overlap into such that do not, each with the smallest rule of those that cover it. */
const cutRanges = <Address extends number | bigint>(
  ranges: readonly Range<Address>[],
  behind: (last: Address) => Address,
): Ranges<Address> => {
  const moments = [...new Set(ranges.flatMap(({ first, last }) => [first, behind(last)]))].sort(inOrder);
  const opening = [...ranges].sort((one, other) => inOrder(one.first, other.first));
  const open = new RuleHeap<Address>();
  const starts: Address[] = [];
  const rules: number[] = [];
  let next = 0;
  for (const moment of moments) {
    for (let range = opening[next]; range !== undefined && range.first === moment; range = opening[next]) {
      open.add(range);
      next++;
    }
    const rule = open.smallestAt(moment)?.rule ?? -1;
    if (rules.at(-1) === rule) continue;
    starts.push(moment);
    rules.push(rule);
  }
  return { starts, rules: Int32Array.from(rules) };
};

/** Binary heap by rule; what has ended is dropped when it comes to the top. */
class RuleHeap<Address extends number | bigint> {
  readonly #ranges: Range<Address>[] = [];

  add(range: Range<Address>): void {
    const ranges = this.#ranges;
    let at = ranges.push(range) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = ranges[above];
      if (parent === undefined || parent.rule <= range.rule) break;
      ranges[at] = parent;
      at = above;
    }
    ranges[at] = range;
  }

  smallestAt(moment: Address): Range<Address> | undefined {
    for (let top = this.#ranges[0]; top !== undefined && top.last < moment; top = this.#ranges[0]) this.#removeTop();
    return this.#ranges[0];
  }

  #removeTop(): void {
    const ranges = this.#ranges;
    const moved = ranges.pop();
    if (moved === undefined || ranges.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [ranges[left], ranges[left + 1]];
      if (one === undefined) break;
      const [child, below] = other !== undefined && other.rule < one.rule ? [other, left + 1] : [one, left];
      if (child.rule >= moved.rule) break;
      ranges[at] = child;
      at = below;
    }
    ranges[at] = moved;
  }
}

/** Position of the last start that is not above the address; -1 before the first. */
const positionIn = <Address extends number | bigint>(starts: ArrayLike<Address>, address: Address): number => {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = starts[middle];
    if (start !== undefined && start <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

/** The system names the interface behind a link-local address: `fe80::1%eth0`. */
export const withoutZone = (address: string): string => {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
};

/** Expressions that cannot be read match nobody. */
export const compileAddressTable = (expressions: readonly string[]): AddressTable => {
  const ipv4: Range<number>[] = [];
  const ipv6: Range<bigint>[] = [];
  const countries = new Map<string, number>();
  for (const [rule, text] of expressions.entries()) {
    const expression = parseAddressExpression(text);
    if (expression === undefined) continue;
    if (expression.kind === "country") {
      if (!countries.has(expression.code)) countries.set(expression.code, rule);
    } else if (expression.kind === "ipv4") {
      ipv4.push({ first: expression.first, last: expression.last, rule });
    } else {
      ipv6.push({ first: expression.first, last: expression.last, rule });
    }
  }
  const cutIpv4 = cutRanges(ipv4, (last) => last + 1);
  const starts4 = Float64Array.from(cutIpv4.starts);
  const cutIpv6 = cutRanges(ipv6, (last) => last + 1n);
  const byAddress = (address: string): number => {
    const ipv4Address = ipv4Number(address);
    if (ipv4Address >= 0) return cutIpv4.rules[positionIn(starts4, ipv4Address)] ?? -1;
    const parsed = parseIpAddress(withoutZone(address));
    if (parsed === undefined) return -1;
    if (parsed.family === 4) return cutIpv4.rules[positionIn(starts4, parsed.value)] ?? -1;
    return cutIpv6.rules[positionIn(cutIpv6.starts, parsed.value)] ?? -1;
  };
  const smallestCountryRule = Math.min(Number.POSITIVE_INFINITY, ...countries.values());
  return {
    size: expressions.length,
    firstMatch: (address, countryOf) => {
      const rule = byAddress(address);
      if (countryOf === undefined || (rule >= 0 && rule < smallestCountryRule) || countries.size === 0) return rule;
      const country = countryOf(address);
      const countryRule = country === undefined ? undefined : countries.get(country);
      if (countryRule === undefined) return rule;
      return rule < 0 ? countryRule : Math.min(rule, countryRule);
    },
  };
};
