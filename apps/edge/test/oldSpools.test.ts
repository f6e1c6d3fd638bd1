import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { forgetOldSpools } from "../src/logs/oldSpools.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "spools-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

it("AWS-87 what waits for a subscription that was taken away while nobody served it is deleted", async () => {
  const shop = join(home, "shop");
  for (const name of ["access.kept", "access.old", "not-one"])
    await mkdir(join(shop, "subscriptions", name), { recursive: true });
  await writeFile(join(shop, "subscriptions", "access.old", "state.json"), "{}");
  await writeFile(join(shop, "access_20260301_0000.log"), "");
  const problems: string[] = [];
  const isWanted = (spool: string): boolean => spool === join(shop, "subscriptions", "access.kept");
  await forgetOldSpools([shop, shop, join(home, "none")], isWanted, (text) => problems.push(text));
  expect(await readdir(join(shop, "subscriptions"))).toEqual(["access.kept", "not-one"]);
  expect(await readdir(shop)).toEqual(["access_20260301_0000.log", "subscriptions"]);
  expect(problems).toEqual([]);
});
