import { fileURLToPath } from "node:url";

/** Scripts of the processes below this one: beside this file in the bundle, in their packages where sources are run. */
const isBundled = !import.meta.url.endsWith(".ts");

export const launcherEntry = (): string =>
  fileURLToPath(new URL(isBundled ? "./launcher.js" : "./launcher.ts", import.meta.url));

/** `BASALT_PRIMARY_ENTRY` is for tests: a script in the place of the primary. */
export const primaryEntry = (): string =>
  process.env.BASALT_PRIMARY_ENTRY ??
  fileURLToPath(isBundled ? new URL("./primary.js", import.meta.url) : import.meta.resolve("@basalt/edge/primary"));
