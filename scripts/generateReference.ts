/** Writes docs/reference/config.md; run with `node --conditions=@basalt/source scripts/generateReference.ts`. */
import { mkdir, writeFile } from "node:fs/promises";
import { renderReference } from "../packages/config/src/index.ts";

const target = new URL("../docs/reference/config.md", import.meta.url);

await mkdir(new URL(".", target), { recursive: true });
await writeFile(target, renderReference());
