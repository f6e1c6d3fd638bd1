import { compileAddressTable } from "../src/index.ts";

/** Random clients against a long list of address rules: microseconds for each check, and whether it decides right. */

const RULES = 10_000;
const CHECKS = 1_000_000;
const COMPARED = 25;

/** A generator with a seed, so that runs can be compared. */
const randomNumbers = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const random = randomNumbers(7);
const octet = (): number => Math.floor(random() * 256);
const ipv4 = (): string => `${octet()}.${octet()}.${octet()}.${octet()}`;
const group = (): string => Math.floor(random() * 65_536).toString(16);
const ipv6 = (): string => `2001:db8:${group()}:${group()}::${group()}`;

const rule = (): string => {
  const kind = random();
  if (kind < 0.3) return ipv4();
  if (kind < 0.7) return `${ipv4()}/${12 + Math.floor(random() * 20)}`;
  if (kind < 0.8) return `${octet()}.${octet()}.${octet()}.0-${octet()}`;
  return `${ipv6()}/${40 + Math.floor(random() * 60)}`;
};

const rules = Array.from({ length: RULES }, rule);
const compileStartMs = performance.now();
const table = compileAddressTable(rules);
const compileMs = performance.now() - compileStartMs;

const single = rules.map((one) => compileAddressTable([one]));
const naively = (address: string): number => single.findIndex((one) => one.firstMatch(address, undefined) === 0);

const measure = (name: string, address: () => string): void => {
  const clients = Array.from({ length: CHECKS }, address);
  let matched = 0;
  for (const client of clients) if (table.firstMatch(client, undefined) >= 0) matched++;
  const startMs = performance.now();
  for (const client of clients) table.firstMatch(client, undefined);
  const perCheckUs = ((performance.now() - startMs) * 1000) / CHECKS;
  const wrong = clients.slice(0, COMPARED).filter((client) => table.firstMatch(client, undefined) !== naively(client));
  const share = ((matched / CHECKS) * 100).toFixed(1);
  process.stdout.write(
    `${name.padEnd(12)} ${perCheckUs.toFixed(3)} us per check, ${share} % match, ${wrong.length} of ${COMPARED} wrong\n`,
  );
  if (wrong.length > 0) process.exitCode = 1;
};

process.stdout.write(
  `${RULES} rules, compiled in ${compileMs.toFixed(1)} ms; ${CHECKS} random clients each; Node ${process.version}\n`,
);
measure("IPv4", ipv4);
measure("IPv6", ipv6);
measure("IPv4-mapped", () => `::ffff:${ipv4()}`);
