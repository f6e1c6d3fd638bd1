import { scryptSync } from "node:crypto";
import { parsePasswordHash } from "@basalt/config";
import { expect, it } from "vitest";
import { passwordLine } from "../src/commands/access.ts";

it("basalt htpasswd prints a line that users.txt takes, with another salt each time", () => {
  const line = passwordLine("kim", "open sesame");
  expect(line).toMatch(/^kim:\$scrypt\$/);
  const password = parsePasswordHash(line.slice("kim:".length));
  if (password?.kind !== "scrypt") throw new Error(`not taken: ${line}`);
  const salt = Buffer.from(password.salt, "base64");
  const cost = { N: 2 ** password.costLog2, r: password.blockSize, p: password.parallelization, maxmem: 2 ** 27 };
  expect(scryptSync("open sesame", salt, 32, cost).toString("base64").replace(/=+$/, "")).toBe(password.hash);
  expect(passwordLine("kim", "open sesame")).not.toBe(line);
});
