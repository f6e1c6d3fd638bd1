import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decryptPassword, encryptPassword } from "../../src/secrets/passwords.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-passwords-"));
});
afterEach(() => rm(home, { recursive: true }));

describe("passwords of the configuration", () => {
  it.each(["qwerty", "a", "pässwörd ☃", "x".repeat(1_000)])("LOG-179 HTTP-73 reads %s back", async (plain) => {
    const encrypted = await encryptPassword(home, plain);
    expect(encrypted).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(await decryptPassword(home, encrypted)).toBe(plain);
    expect(await encryptPassword(home, plain)).not.toBe(encrypted);
  });

  it("LOG-179 keeps its key where only its user may read it", async () => {
    await Promise.all(Array.from({ length: 5 }, () => encryptPassword(home, "qwerty")));
    expect(await readdir(home)).toEqual(["password.key"]);
    expect((await stat(join(home, "password.key"))).mode & 0o777).toBe(0o600);
  });

  it("LOG-179 has one key, whoever is first", async () => {
    const texts = await Promise.all(Array.from({ length: 8 }, (_, index) => encryptPassword(home, `p${index}`)));
    expect(await Promise.all(texts.map((text) => decryptPassword(home, text)))).toEqual(
      texts.map((_, index) => `p${index}`),
    );
  });

  it("LOG-179 refuses what was changed, cut, foreign or never encrypted", async () => {
    const bytes = Buffer.from(await encryptPassword(home, "qwerty"), "base64");
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      await expect(decryptPassword(home, changed.toString("base64"))).rejects.toThrow();
    }
    for (const text of ["", "AQ==", "qwerty", bytes.subarray(0, 20).toString("base64")]) {
      await expect(decryptPassword(home, text)).rejects.toThrow();
    }
    await writeFile(join(home, "password.key"), Buffer.alloc(32, 1));
    await expect(decryptPassword(home, bytes.toString("base64"))).rejects.toThrow(/another key/);
    await writeFile(join(home, "password.key"), "");
    await expect(encryptPassword(home, "x")).rejects.toThrow(/damaged/);
  });
});
