/** The last step of the build: bundles the program into `apps/cli/dist`. */
import { join } from "node:path";
import { bundleProgram } from "./lib/bundleProgram.ts";

await bundleProgram(join(import.meta.dirname, "..", "apps", "cli", "dist"));
