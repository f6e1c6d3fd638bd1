import { setTimeout as delay } from "node:timers/promises";
import type { RigOrigin } from "../lib/rigOrigin.ts";
import { startWrk } from "../lib/wrk.ts";

const CONNECTIONS = 16;
const LOOK_EVERY_MS = 200;
/** All objects are stored when the origin is no longer asked although wrk goes on. */
const QUIET_LOOKS = 10;
const MAX_SECONDS = 300;

/** Asks for every object in turn until the server has all of them. Resolves with how many the origin was asked for. */
export async function fillObjects(
  port: number,
  objects: { readonly pathPattern: string; readonly count: number },
  origin: RigOrigin,
  cores: readonly number[],
): Promise<number> {
  const before = await origin.requests();
  const wrk = startWrk({
    url: `http://127.0.0.1:${port}/`,
    connections: CONNECTIONS,
    seconds: MAX_SECONDS,
    rotate: [objects],
    cores,
  });
  let asked = before;
  for (let quiet = 0; asked - before < objects.count && quiet < QUIET_LOOKS; ) {
    await delay(LOOK_EVERY_MS);
    const now = await origin.requests();
    quiet = now === asked ? quiet + 1 : 0;
    asked = now;
  }
  wrk.finish();
  await wrk.result;
  return asked - before;
}
