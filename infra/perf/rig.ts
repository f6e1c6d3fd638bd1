import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RigOrigin } from "../lib/rigOrigin.ts";
import { type BasaltContender, launchBasalt, startBasalt } from "./basalt.ts";
import type { Contender, ContenderSettings } from "./contender.ts";
import { startNginx } from "./nginx.ts";

/** Where the run happens and all that it must take down again. */
export interface Rig {
  readonly serverCores: readonly number[];
  readonly loadCores: readonly number[];
  readonly origin: RigOrigin;
  readonly rounds: number;
  readonly seconds: number;
  readonly smoke: boolean;
  startBasalt(settings?: Partial<ContenderSettings>): Promise<BasaltContender>;
  startNginx(settings?: Partial<ContenderSettings>): Promise<Contender>;
  /** Starts without waiting until it serves. */
  launchBasalt(settings?: Partial<ContenderSettings>): Promise<BasaltContender>;
  /** Stops a server and, unless told to keep it, removes what it stored. */
  stop(contender: Contender, folder?: "keep" | "remove"): Promise<void>;
  stopAll(): Promise<void>;
}

export function createRig(
  settings: Pick<Rig, "serverCores" | "loadCores" | "origin" | "rounds" | "seconds" | "smoke">,
): Rig {
  const started = new Map<Contender, string>();
  const start = async <C extends Contender>(
    launch: (settings: ContenderSettings) => Promise<C>,
    name: string,
    wanted: Partial<ContenderSettings>,
  ): Promise<C> => {
    const folder = wanted.folder ?? (await mkdtemp(join(tmpdir(), `basalt-bench-${name}-`)));
    const contender = await launch({
      originPort: settings.origin.port,
      workers: 1,
      cores: settings.serverCores,
      ...wanted,
      folder,
    }).catch(async (error: unknown) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    });
    started.set(contender, folder);
    return contender;
  };
  const stop = async (contender: Contender, fate: "keep" | "remove" = "remove") => {
    const folder = started.get(contender);
    if (folder === undefined) return;
    started.delete(contender);
    await contender.stop();
    if (fate === "remove") await rm(folder, { recursive: true, force: true });
  };
  return {
    ...settings,
    startBasalt: (wanted = {}) => start(startBasalt, "basalt", wanted),
    launchBasalt: (wanted = {}) => start(launchBasalt, "basalt", wanted),
    startNginx: (wanted = {}) => start(startNginx, "nginx", wanted),
    stop,
    stopAll: async () => {
      for (const contender of [...started.keys()]) await stop(contender);
    },
  };
}
