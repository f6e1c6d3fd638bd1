import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatProblem } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DrmSettings,
  diffConfigs,
  encryptPassword,
  keepUntilCleared,
  parseConfig,
  settleSecrets,
} from "../../src/index.ts";
import { accept, CONTEXT, problemsOf, server, vhost, vhosts } from "../support.ts";

const host = (drm: string, name = "www.example.com"): string => vhost(`<Options>${drm}</Options>`, `Name="${name}"`);
const files = (...hosts: readonly string[]) => ({ "vhosts.xml": vhosts(hosts.join("")) });
const drmOf = (drm: string): DrmSettings | undefined => accept(files(host(drm))).vhosts[0]?.options.drm;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-secrets-"));
});
afterEach(() => rm(home, { recursive: true }));

const settle = async (...hosts: readonly string[]) => {
  const texts = { "server.xml": server("<Cache><Storage><Disk>/c/</Disk></Storage></Cache>"), ...files(...hosts) };
  const outcome = parseConfig(new Map(Object.entries(texts)), { ...CONTEXT, home });
  if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
  return await settleSecrets(outcome.config, outcome.provenance, home);
};

const findingsOf = async (...hosts: readonly string[]): Promise<readonly string[]> =>
  (await settle(...hosts)).problems.map(({ severity, element, message }) => `${severity} ${element}: ${message}`);

describe("<Drm>", () => {
  it("HTTP-64 to HTTP-71 DRM-01 to DRM-13 is read as the guide writes it", () => {
    const text = `<Drm Status="Active" Keyword="secret" MaxSourceSize="20">
      <Algorithm>RC4</Algorithm><IV>abc</IV><Token>ABC</Token><Key Hash="md5">$filename2, $Token,$URL</Key></Drm>`;
    expect(drmOf(text)).toEqual({
      ...{ status: "Active", keyword: "secret", maxSourceBytes: 20 * 1024 ** 2, algorithm: "RC4" },
      ...{ iv: "abc", ivType: "plain", token: "ABC", tokenType: "plain" },
      ...{ key: ["$filename2", "$Token", "$url"], keyHash: "MD5" },
    });
  });

  it.each([
    ['<Drm Status="On"/>', "is not one of the words"],
    ['<Drm Keyword="a/b"/>', "cannot be a keyword"],
    ['<Drm Keyword=".."/>', "cannot be a keyword"],
    ['<Drm MaxSourceSize="0"/>', "is below 1"],
    ["<Drm><Algorithm>RC5</Algorithm></Drm>", "is not one of the words"],
    ["<Drm><Key>Token</Key></Drm>", "Did you mean $Token?"],
    ["<Drm><Key>$Token,,$url</Key></Drm>", "is not one of the words"],
    ['<Drm><Key Hash="SHA-512">$Token</Key></Drm>', "is not one of the words"],
    ['<Drm><Token Type="secret">x</Token></Drm>', "is not one of the words"],
  ])("CFG-30 refuses %s", (text, message) => {
    expect(problemsOf(files(host(text))).map((problem) => problem.message)).toEqual([expect.stringContaining(message)]);
  });

  it("DRM-07 shows no secret in what it says of a change", () => {
    const [before, after] = ["first secret", "other secret"].map((token) =>
      accept(files(host(`<Drm><Token>${token}</Token></Drm>`))),
    );
    if (before === undefined || after === undefined) throw new Error("no configuration");
    const changes = diffConfigs(before, after);
    expect(changes).toMatchObject([{ element: "Vhost[www.example.com]/Options/Drm/Token", effect: "restart" }]);
    expect(JSON.stringify(changes)).not.toMatch(/first|other/);
    const refused = problemsOf(files(host("<Drm><Token>a&#9;hidden</Token></Drm>")));
    expect(JSON.stringify(refused)).not.toContain("hidden");
  });
});

describe("encrypted values", () => {
  it('DRM-17 HTTP-72 Type="enc" is the same as the plain value, IV and Token', async () => {
    const [iv, token] = [await encryptPassword(home, "0123456789abcdef"), await encryptPassword(home, "ABC")];
    const write = (ivText: string, tokenText: string): string =>
      host(
        `<Drm Status="Active"><Algorithm>AES-128-CTR</Algorithm>${ivText}${tokenText}<Key Hash="MD5">$url,$Token</Key></Drm>`,
      );
    const encrypted = await settle(write(`<IV Type="enc">${iv}</IV>`, `<Token Type="enc">${token}</Token>`));
    const plain = await settle(write("<IV>0123456789abcdef</IV>", "<Token>ABC</Token>"));
    expect(encrypted.problems).toEqual([]);
    expect(encrypted.config).toEqual(plain.config);
    expect(Object.isFrozen(encrypted.config.vhosts[0]?.options.drm)).toBe(true);
  });

  it("DRM-17 what cannot be decrypted is an error, with its place and without the text", async () => {
    const text = "RokyekMd0IjDnRGKjVE7sQ==";
    const { problems } = await settle(host(`<Drm><Token Type="enc">${text}</Token></Drm>`));
    expect(problems).toMatchObject([
      { severity: "error", file: "vhosts.xml", line: 1, element: "Vhosts/Vhost/Options/Drm/Token" },
    ]);
    expect(JSON.stringify(problems)).not.toContain(text);
  });

  it("DRM-18 HTTP-73 another installation cannot decrypt", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "basalt-secrets-"));
    try {
      const token = await encryptPassword(elsewhere, "ABC");
      await encryptPassword(home, "own key");
      const findings = await findingsOf(host(`<Drm><Token Type="enc">${token}</Token></Drm>`));
      expect(findings).toEqual([expect.stringContaining("another key")]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it("hosts go on sharing what they share, and others stay as they are", async () => {
    const { config } = await settle(host(""), host("<AgeHeader>ON</AgeHeader>", "b.example"));
    const shared = '<Drm Status="Active"><Token>abcdef</Token></Drm>';
    const settled = await settle(host(shared, "a.example"), host(shared, "b.example"));
    expect(settled.config.vhosts[0]?.options).toBe(settled.config.vhosts[1]?.options);
    expect((await settle(host(""), host("<AgeHeader>ON</AgeHeader>", "b.example"))).config).toEqual(config);
  });
});

describe("keys that cannot be", () => {
  const active = (content: string): string => host(`<Drm Status="Active">${content}</Drm>`);
  const aes = (content: string): string => active(`<Algorithm>AES-128-CBC</Algorithm>${content}`);
  const iv = "<IV>0123456789abcdef</IV>";

  it.each([
    [active(""), "error Vhosts/Vhost/Options/Drm/Token: The key would be empty"],
    [active("<Token>ABC</Token>"), "warning Vhosts/Vhost/Options/Drm/Key: The key has 3 bytes"],
    [active(`<Token>${"x".repeat(257)}</Token>`), "error Vhosts/Vhost/Options/Drm/Key: The key has 257 bytes"],
    [aes(`${iv}<Token>ABC</Token>`), "error Vhosts/Vhost/Options/Drm/Key: The key has 3 bytes"],
    [aes(`${iv}<Key>$url</Key>`), "error Vhosts/Vhost/Options/Drm/Key: The key of AES-128-CBC has 16 bytes"],
    [aes('<Token>ABC</Token><Key Hash="MD5">$Token</Key>'), "error Vhosts/Vhost/Options/Drm/IV: AES-128-CBC needs"],
    [
      active(`<Algorithm>AES-128-CTR</Algorithm>${iv}<Token>0123456789abcdef</Token>`),
      "warning Vhosts/Vhost/Options/Drm/Key: All files",
    ],
  ])("DRM-05 DRM-06 %s", async (text, expected) => {
    expect(await findingsOf(text)).toEqual([expect.stringContaining(expected)]);
  });

  it("DRM-05 tells of what hosts inherit once", async () => {
    const weak = '<Drm Status="Active"><Token>ABC</Token></Drm>';
    const texts = {
      "server.xml": server(
        `<Cache><Storage><Disk>/c/</Disk></Storage></Cache><VHostDefault><Options>${weak}</Options></VHostDefault>`,
      ),
      ...files(host("", "a.example"), host("<AgeHeader>ON</AgeHeader>", "b.example")),
    };
    const outcome = parseConfig(new Map(Object.entries(texts)), { ...CONTEXT, home });
    if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
    const { problems } = await settleSecrets(outcome.config, outcome.provenance, home);
    expect(problems).toMatchObject([{ severity: "warning", file: "server.xml", line: 1 }]);
  });

  it.each([
    active("<Token>ABCDE</Token>"),
    active("<Key>$url</Key>"),
    aes(`${iv}<Token>ABC</Token><Key Hash="SHA-256">$url,$Token</Key>`),
    host("<Drm><Key>$Token</Key></Drm>"),
  ])("DRM-05 has nothing to say of %s", async (text) => {
    expect(await findingsOf(text)).toEqual([]);
  });
});

describe("DRM-16 HTTP-76 what a reload does to keys", () => {
  const write = (status: string, content: string, name?: string): string =>
    host(`<Drm Status="${status}" Keyword="k">${content}</Drm>`, name);
  const configOf = (...hosts: readonly string[]) => accept(files(...hosts));

  it("keeps those of a host that encrypts, and takes everything else", () => {
    const current = configOf(write("Active", "<Token>first</Token>"));
    const next = configOf(
      host('<AgeHeader>ON</AgeHeader><Drm Status="Active" Keyword="other"><Token>second</Token><Key>$url</Key></Drm>'),
    );
    const { config, kept } = keepUntilCleared(current, next);
    expect(kept).toEqual(["www.example.com"]);
    expect(config.vhosts[0]?.options).toMatchObject({
      ageHeader: true,
      drm: { keyword: "other", token: "first", key: ["$Token"] },
    });
  });

  it.each([
    ["the keys are the same", write("Active", "<Token>first</Token>")],
    ["the host stops encrypting", write("Inactive", "<Token>second</Token>")],
    ["the host is another", write("Active", "<Token>second</Token>", "b.example")],
  ])("keeps nothing where %s", (_what, text) => {
    const current = configOf(write("Active", "<Token>first</Token>"));
    const next = configOf(text);
    expect(keepUntilCleared(current, next)).toEqual({ config: next, kept: [] });
  });
});
