import { afterAll, beforeAll, onTestFailed, test } from "vitest";
import type { RawClient } from "../client/rawClient.ts";
import { type EdgeClock, startEdge, type TestEdge } from "../edge/edge.ts";
import type { EdgeOptions, VhostSpec } from "../edge/options.ts";
import { isEdgeBuilt } from "../edge/program.ts";
import { HANG_LIMIT_MS } from "../limits.ts";
import { startOrigin, type TestOrigin } from "../origin/origin.ts";
import { SceneEdge } from "./sceneEdge.ts";

export interface SceneOptions extends Pick<VhostSpec, "xml" | "conditions"> {
  /** Texts of `<Address>`; the scene's origin as `ip:port` when absent. */
  readonly address?: (origin: TestOrigin) => string | readonly string[];
  /** Name of the virtual host; made up when absent. */
  readonly host?: string;
  /** An edge of its own for this scene: for scenes that stop, kill or misconfigure it. */
  readonly ownEdge?: Partial<EdgeOptions>;
  /** When that is more than the usual limit. */
  readonly limitMs?: number;
}

export interface Scene {
  readonly origin: TestOrigin;
  readonly edge: SceneEdge;
  /** Moves the edge, and what the origin says in its Date field, once the edge has settled. */
  readonly clock: Pick<EdgeClock, "advance">;
  /** Opens a raw connection to the edge; closed when the scene ends. */
  readonly client: () => Promise<RawClient>;
}

interface Stage {
  readonly vhost: string;
  readonly options: SceneOptions;
  origin: TestOrigin | undefined;
  attempts: number;
}

const LEAST_LIMIT_MS = 3 * HANG_LIMIT_MS;

/** Vitest gives every test file a module graph of its own: this is the state of one file. */
const stages: Stage[] = [];
let fileOptions: Partial<EdgeOptions> = {};
let shared: TestEdge | undefined;
let anyFailed = false;

/** Options of the edge that all scenes of this file share; call before the first scene. */
export const useEdge = (options: Partial<EdgeOptions>): void => {
  fileOptions = options;
};

const vhostOf = (stage: Stage): VhostSpec => {
  if (stage.origin === undefined) throw new Error("the scene has no origin yet");
  const { xml, conditions, address } = stage.options;
  return {
    name: stage.vhost,
    origin: address === undefined ? stage.origin.address : address(stage.origin),
    ...(xml === undefined ? {} : { xml }),
    ...(conditions === undefined ? {} : { conditions }),
  };
};

/** Origins for all scenes of the file, and the edge that they share. */
const openStages = async (): Promise<void> => {
  for (const stage of stages) stage.origin = await startOrigin();
  const sharing = stages.filter((stage) => stage.options.ownEdge === undefined);
  if (sharing.length > 0) shared = await startEdge({ vhosts: sharing.map(vhostOf), ...fileOptions });
};

const closeStages = async (): Promise<void> => {
  await shared?.close({ keepHome: anyFailed });
  for (const stage of stages) await stage.origin?.close();
};

// Registered when a test file imports this module, so that they belong to the file and not to one of its groups.
beforeAll(openStages, LEAST_LIMIT_MS);
afterAll(closeStages, LEAST_LIMIT_MS);

/** A checkout that was not built has no edge to play on; a CI run that skips all scenes would prove nothing. */
const canPlay = (): boolean => fileOptions.program !== undefined || isEdgeBuilt() || process.env.CI !== undefined;

export type SceneBody = (scene: Scene) => Promise<void>;

/**
 * One scene of origin, edge and client. All scenes of a file share one edge, each with an origin and a virtual host
 * of its own; they run one after the other. Another attempt at a scene begins with a new edge and new origins.
 */
export function scenario(title: string, play: SceneBody): void;
export function scenario(title: string, options: SceneOptions, play: SceneBody): void;
export function scenario(title: string, first: SceneOptions | SceneBody, second?: SceneBody): void {
  const options = typeof first === "function" ? {} : first;
  const play = typeof first === "function" ? first : second;
  if (play === undefined) throw new Error(`the scene "${title}" has no body`);
  if (!canPlay()) {
    test.skip(title);
    return;
  }
  const vhost = options.host ?? `scene${stages.length + 1}.test`;
  const stage: Stage = { vhost, options, origin: undefined, attempts: 0 };
  stages.push(stage);
  test(title, { timeout: Math.max(options.limitMs ?? 0, LEAST_LIMIT_MS) }, () => playScene(stage, play));
}

const playScene = async (stage: Stage, play: SceneBody): Promise<void> => {
  stage.attempts += 1;
  if (stage.attempts > 1) {
    await closeStages();
    anyFailed = false;
    await openStages();
  }
  const { origin } = stage;
  if (origin === undefined) throw new Error("the scene's origin did not start");
  const { ownEdge } = stage.options;
  let failed = false;
  onTestFailed(() => {
    anyFailed = true;
  });
  const cluster =
    ownEdge === undefined ? shared : await startEdge({ vhosts: [vhostOf(stage)], ...fileOptions, ...ownEdge });
  if (cluster === undefined) throw new Error("the edge did not start");
  const clients: RawClient[] = [];
  const client = async (): Promise<RawClient> => {
    const opened = await cluster.client();
    clients.push(opened);
    return opened;
  };
  origin.dateOffsetMs = cluster.clock.offsetMs;
  const edge = new SceneEdge(cluster, stage.vhost, origin);
  const clock: Scene["clock"] = {
    advance: async (duration) => {
      await edge.settled();
      await cluster.clock.advance(duration);
      origin.dateOffsetMs = cluster.clock.offsetMs;
    },
  };
  try {
    await play({ origin, edge, clock, client });
    if (origin.violations.length > 0) throw new Error(`the edge sent its origin: ${origin.violations.join("; ")}`);
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    for (const opened of clients) opened.close();
    if (ownEdge !== undefined) await cluster.close({ keepHome: failed });
  }
};
