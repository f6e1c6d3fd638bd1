import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findHome, type Home } from "../src/home.ts";
import { isAlive, readLivePid } from "../src/pidFile.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** Compiling takes most of the time of a command. */
const COMPILE_CACHE = fileURLToPath(new URL("../../../node_modules/.cache/basalt-cli", import.meta.url));
const FAKE_PRIMARY = fileURLToPath(new URL("./fakePrimary.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

export class Scene {
  readonly home: Home;
  readonly #children: ChildProcess[] = [];

  constructor(home: Home) {
    this.home = home;
  }

  /** What the next starts of the primary do, a word each. */
  behave(...words: readonly string[]): Promise<void> {
    return writeFile(join(this.home.path, "behaviour"), words.join(" "));
  }

  spawn(...words: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
    const child = spawn(process.execPath, ["--conditions=@basalt/source", MAIN, ...words], {
      env: {
        ...process.env,
        BASALT_HOME: this.home.path,
        BASALT_PRIMARY_ENTRY: FAKE_PRIMARY,
        NODE_COMPILE_CACHE: COMPILE_CACHE,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    const out: Buffer[] = [];
    const error: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => error.push(chunk));
    const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
    const ended = new Promise<Ended>((resolve) =>
      child.once("close", (code) => resolve({ code, out: text(out), error: text(error) })),
    );
    return { child, ended };
  }

  basalt(...words: readonly string[]): Promise<Ended> {
    return this.spawn(...words).ended;
  }

  /** Pids of all primaries that were started, in order. */
  async starts(): Promise<readonly number[]> {
    const text = await readFile(join(this.home.path, "starts"), "utf8").catch(() => "");
    return text.split("\n").filter(Boolean).map(Number);
  }

  async close(): Promise<void> {
    const launcher = readLivePid(this.home.launcherPidFile);
    const pids = [launcher, ...(await this.starts())].filter((pid) => pid !== undefined);
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    for (const child of this.#children) child.kill("SIGKILL");
    await rm(this.home.path, { recursive: true, maxRetries: 5 });
  }
}

export const openScene = async (): Promise<Scene> => {
  const path = await mkdtemp(join(tmpdir(), "basalt-cli-"));
  return new Scene(findHome(path, undefined));
};
