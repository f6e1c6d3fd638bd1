import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Edge, launchEdge, type RigHome, waitUntilServing, writeRigHome } from "../../infra/lib/edge.ts";
import { findFreePort } from "../../infra/lib/ports.ts";
import { print, printError } from "../../infra/lib/print.ts";
import { onInterrupt } from "../../infra/lib/processes.ts";
import { type RigOrigin, startRigOrigin } from "../../infra/lib/rigOrigin.ts";

/** What a check works with: a real edge on a home of its own in front of the rigs' origin. */
export interface Scene {
  readonly edge: Edge;
  readonly origin: RigOrigin;
  readonly port: number;
  readonly managerPort: number;
  /** Says what was found; a false one fails the check in the end. */
  expect(holds: boolean, finding: string): void;
}

/** Runs a check, takes everything down again and sets the exit code; a failed one shows what the edge said. */
export async function runCheck(
  settings: Pick<RigHome, "workers" | "cacheXml" | "optionsXml"> & {
    /** Further elements of the virtual host, by the port of its origin. */
    readonly vhostXml?: (originPort: number) => string;
  },
  body: (scene: Scene) => Promise<void>,
): Promise<never> {
  const home = await mkdtemp(join(tmpdir(), "basalt-check-"));
  const origin = await startRigOrigin();
  const port = await findFreePort();
  const managerPort = await findFreePort();
  const { vhostXml = () => "" } = settings;
  await writeRigHome(home, {
    ...settings,
    port,
    managerPort,
    originPort: origin.port,
    vhostXml: vhostXml(origin.port),
  });
  const edge = launchEdge(home);
  const takeDown = async () => {
    await edge.stop();
    await origin.stop();
    await rm(home, { recursive: true, force: true });
  };
  onInterrupt(takeDown);
  let failures = 0;
  const expect = (holds: boolean, finding: string) => {
    print(`${holds ? "ok  " : "FAIL"}  ${finding}`);
    if (!holds) failures += 1;
  };
  try {
    await waitUntilServing(edge, 30_000);
    await body({ edge, origin, port, managerPort, expect });
  } catch (error) {
    failures += 1;
    printError(error instanceof Error ? error.message : String(error));
  }
  if (failures > 0) printError(`the edge's last words:\n${edge.process.output().trim().slice(-4000)}`);
  await takeDown();
  print(failures === 0 ? "holds" : `does not hold: ${failures} findings`);
  process.exit(failures === 0 ? 0 : 1);
}
