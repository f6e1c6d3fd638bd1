import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CLI_ENTRY = fileURLToPath(new URL("../../../../apps/cli/dist/main.js", import.meta.url));
const EDGE_ENTRY = fileURLToPath(new URL("../../../../apps/cli/dist/primary.js", import.meta.url));

/** Whether this checkout has been built: scenes of the real edge need it. */
export const isEdgeBuilt = (): boolean => existsSync(CLI_ENTRY) && existsSync(EDGE_ENTRY);

export const edgeProgram = (): readonly string[] => [process.execPath, CLI_ENTRY];

/** Of all instances: compiling takes half of the time in which one starts. */
const COMPILE_CACHE = fileURLToPath(new URL("../../../../node_modules/.cache/basalt-scenes", import.meta.url));

/** Nothing of the test runner's own environment may change how the edge behaves. */
const INHERITED = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "NODE_V8_COVERAGE"];

export const edgeEnvironment = (extra: Readonly<Record<string, string>>): Record<string, string> => {
  const environment: Record<string, string> = { BASALT_TEST_CLOCK: "1" };
  if (process.env.NODE_V8_COVERAGE === undefined) environment.NODE_COMPILE_CACHE = COMPILE_CACHE;
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...extra };
};

const KEPT_OUTPUT = 1 << 20;

/** A child with its last megabyte of output. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | undefined>;
  output = "";
  /** Undefined while it runs; null when a signal ended it. */
  exitCode: number | null | undefined;

  constructor(command: readonly string[], environment: Record<string, string>) {
    const [executable, ...parameters] = command;
    if (executable === undefined) throw new Error("no program");
    this.child = spawn(executable, parameters, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.output = (this.output + text).slice(-KEPT_OUTPUT);
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.once("error", (error) => {
        this.output += `\n${error.message}`;
        this.exitCode = 127;
        resolve(127);
      });
      this.child.once("exit", (code) => {
        this.exitCode = code;
        resolve(code ?? undefined);
      });
    });
  }
}
