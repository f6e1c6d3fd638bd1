import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkHome, type HomeFindings } from "./checkHome.ts";
import { type CrashEvent, type CrashWay, parseEvents } from "./crashEvents.ts";
import { Ledger } from "./ledger.ts";

const PROGRAM = fileURLToPath(new URL("./crashWriter.ts", import.meta.url));

export interface CrashRun {
  /** A folder of its own. */
  readonly folder: string;
  readonly seed: number;
  /** Processes, one after the other on the same home; each is killed. */
  readonly rounds: number;
  /** Points per process, the kill at the end included. */
  readonly points: number;
  readonly stepsBetween: number;
}

export interface CrashTally {
  /** Points by what was lost at them. */
  readonly points: Record<CrashWay, number>;
  whole: number;
  partial: number;
  absent: number;
  recovered: number;
  /** What was promised and not kept, with the seed and the step that show it. */
  readonly violations: string[];
}

export const emptyTally = (): CrashTally => ({
  points: { kill: 0, cutAll: 0, cutSome: 0 },
  whole: 0,
  partial: 0,
  absent: 0,
  recovered: 0,
  violations: [],
});

export const countPoints = ({ points }: CrashTally): number => points.kill + points.cutAll + points.cutSome;

export const describeTally = (tally: CrashTally): string => {
  const { kill, cutAll, cutSome } = tally.points;
  const points = `${countPoints(tally)} points: ${kill} kills, ${cutAll} power cuts that took all that was not synced`;
  const objects = `objects found: ${tally.whole} whole, ${tally.partial} in part, ${tally.absent} absent`;
  return `${points}, ${cutSome} that took some of it; ${objects}; ${tally.recovered} recovered from tails`;
};

/** Runs the writer until it kills itself. */
const runWriter = (run: CrashRun, home: string, images: string, seed: number): Promise<CrashEvent[]> =>
  new Promise((resolve, reject) => {
    const numbers = [seed, run.points, run.stepsBetween].map(String);
    const child = spawn(process.execPath, ["--conditions=@basalt/source", PROGRAM, home, images, ...numbers], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: join(run.folder, "compiled") },
    });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk));
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(parseEvents(Buffer.concat(output).toString()));
      else reject(new Error(`seed ${seed}: the writer ended with ${code}: ${Buffer.concat(complaints)}`));
    });
  });

const addFindings = (tally: CrashTally, way: CrashWay, findings: HomeFindings, place: string): void => {
  tally.points[way] += 1;
  tally.whole += findings.whole;
  tally.partial += findings.partial;
  tally.absent += findings.absent;
  tally.recovered += findings.recovered;
  for (const violation of findings.violations) tally.violations.push(`${place}: ${violation}`);
};

/** One home that crashes, is checked and used again, round after round. */
export const runCrashes = async (run: CrashRun, tally: CrashTally): Promise<void> => {
  const home = join(run.folder, "home");
  const images = join(run.folder, "images");
  mkdirSync(home, { recursive: true });
  const ledger = new Ledger();
  for (let round = 0; round < run.rounds; round += 1) {
    const seed = run.seed + round;
    for (const event of await runWriter(run, home, images, seed)) {
      ledger.note(event);
      if (event.kind !== "point") continue;
      const { way, name, step } = event;
      const isEnd = name === "";
      const place = join(images, name);
      const findings = await checkHome({ home: isEnd ? home : place, way, ledger, livesOn: !isEnd });
      addFindings(tally, way, findings, `seed ${seed} step ${step} ${way}`);
      if (isEnd) ledger.restart(findings.found, way);
      else rmSync(place, { recursive: true });
    }
  }
};
