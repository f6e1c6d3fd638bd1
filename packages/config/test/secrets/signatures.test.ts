import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatProblem } from "@basalt/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encryptPassword, parseConfig, settleSecrets } from "../../src/index.ts";
import type { SettledSecrets } from "../../src/secrets/settleSecrets.ts";
import { CONTEXT, server, vhost, vhosts } from "../support.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-signatures-"));
});
afterEach(() => rm(home, { recursive: true }));

const settle = async (signatures: string): Promise<SettledSecrets> => {
  const texts = {
    "server.xml": server("<Cache><Storage><Disk>/c/</Disk></Storage></Cache>"),
    "vhosts.xml": vhosts(vhost(`<Options>\n<Dims>\n${signatures}\n</Dims></Options>`)),
  };
  const outcome = parseConfig(new Map(Object.entries(texts)), { ...CONTEXT, home });
  if (!outcome.ok) throw new Error(outcome.problems.map(formatProblem).join("\n"));
  return await settleSecrets(outcome.config, outcome.provenance, home);
};

const keysOf = ({ config }: SettledSecrets): readonly string[] | undefined =>
  config.vhosts[0]?.options.dims.signatures.map(({ secret, type }) => `${type} ${secret}`);

describe("<Dims><Signature>", () => {
  it("issue 9 takes keys that encryptpassword has encrypted beside plain ones", async () => {
    const encrypted = await encryptPassword(home, "the key as it is");
    const settled = await settle(`<Signature Key="another plain key"/><Signature Type="enc" Key="${encrypted}"/>`);
    expect(settled.problems).toEqual([]);
    expect(keysOf(settled)).toEqual(["plain another plain key", "plain the key as it is"]);
  });

  it("issue 9 names line and reason of a key that is none here", async () => {
    const short = await encryptPassword(home, "short");
    const foreign = Buffer.alloc(40, 1).toString("base64");
    const { problems } = await settle(
      `<Signature Type="enc" Key="${short}"/>\n<Signature Type="enc" Key="${foreign}"/>`,
    );
    expect(problems).toMatchObject([
      { severity: "error", file: "vhosts.xml", line: 3, message: expect.stringContaining("too short") },
      { severity: "error", file: "vhosts.xml", line: 4, message: expect.stringContaining("cannot be decrypted here") },
    ]);
    expect(JSON.stringify(problems)).not.toContain(short);
  });
});
