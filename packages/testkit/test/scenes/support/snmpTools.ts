import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Of Debian's package `snmp`; without it the scenes that need a manager are skipped. */
export const hasSnmpTools = (): boolean => ["snmpget", "snmpwalk", "snmpbulkwalk"].every(isThere);

export const isThere = (program: string): boolean => spawnSync(program, ["-V"]).error === undefined;

export interface SnmpVariable {
  /** Below the root of the tree, or whole where it lies elsewhere. */
  readonly name: string;
  /** `STRING`, `Gauge32`, `INTEGER`, `Timeticks`, `OID`, or what is said in place of a value. */
  readonly type: string;
  readonly value: string;
}

const ROOT = "1.3.6.1.4.1.40001.1";

/** A line of `-On -Ot`: `.1.3.6.1 = Gauge32: 5`. */
const readLine = (line: string): SnmpVariable => {
  const [, oid = "", rest = ""] = /^\.?([\d.]+) = (.*)$/s.exec(line) ?? [];
  const name = oid.startsWith(`${ROOT}.`) ? oid.slice(ROOT.length + 1) : oid;
  if (rest === '""') return { name, type: "STRING", value: "" };
  const [, type = rest, value = ""] = /^([A-Za-z0-9]+): (.*)$/s.exec(rest) ?? [];
  return { name, type, value: value.replace(/^"(.*)"$/s, "$1") };
};

export interface SnmpTool {
  /** Names below the root of the tree. */
  get(...names: readonly string[]): Promise<readonly SnmpVariable[]>;
  walk(name: string, program?: "snmpwalk" | "snmpbulkwalk"): Promise<readonly SnmpVariable[]>;
  /** What the program says, whatever it thinks of it. */
  say(program: string, ...words: readonly string[]): Promise<string>;
}

/** A manager on this machine: Debian's programs, without MIB files. */
export const snmpTool = (port: number, community = "public", version: "1" | "2c" = "2c"): SnmpTool => {
  const target = [`-v${version}`, "-c", community, "-On", "-Ot", "-t", "5", "-r", "6", "-m", "", `127.0.0.1:${port}`];
  const ask = async (program: string, names: readonly string[]): Promise<readonly SnmpVariable[]> => {
    const oids = names.map((name) => (name === "" ? ROOT : `${ROOT}.${name}`));
    const { stdout } = await run(program, [...target, ...oids], { maxBuffer: 64 * 1024 ** 2 });
    return stdout
      .split(/\n(?=\.\d)/)
      .map((line) => line.trimEnd())
      .filter((line) => line !== "")
      .map(readLine);
  };
  return {
    get: (...names) => ask("snmpget", names),
    walk: (name, program = "snmpbulkwalk") => ask(program, [name]),
    say: async (program, ...words) => {
      const { stdout, stderr } = await run(program, words).catch((cause: unknown) =>
        cause instanceof Error && "stderr" in cause && "stdout" in cause
          ? { stdout: String(cause.stdout), stderr: String(cause.stderr) }
          : { stdout: "", stderr: String(cause) },
      );
      return stdout + stderr;
    },
  };
};
