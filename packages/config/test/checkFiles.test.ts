import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkFiles } from "../src/index.ts";
import { load, vhost, vhosts } from "./support.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "basalt-files-"));
});
afterEach(() => rm(home, { recursive: true }));

const problemsOf = async (content?: string) => {
  if (content !== undefined) await writeFile(join(home, "ca.pem"), content);
  const xml = vhosts(
    vhost('\n<OriginOptions><OriginTls CaFile="ca.pem"/></OriginOptions>', 'Name="a"'),
    vhost('<OriginOptions><OriginTls CaFile="ca.pem"/></OriginOptions>', 'Name="b"'),
  );
  const outcome = load({ "vhosts.xml": xml }, { home });
  if (!outcome.ok) throw new Error("the configuration is wrong");
  return checkFiles(outcome.config, outcome.provenance);
};

describe("files that a configuration names", () => {
  it("are sound when they hold certificates, one or more", async () => {
    expect(await problemsOf(rootCertificates.slice(0, 2).join("\n"))).toEqual([]);
  });

  it.each([
    ["is missing", undefined, "cannot be used: ENOENT"],
    ["is empty", "", "holds no certificate."],
    ["holds no certificate", "nothing to see", "holds no certificate."],
    [
      "holds a broken certificate",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "cannot be used: ",
    ],
  ])("are an error, told once with file and line, when one %s", async (_, content, message) => {
    expect(await problemsOf(content)).toMatchObject([
      {
        severity: "error",
        file: "vhosts.xml",
        line: 2,
        element: "Vhosts/Vhost/OriginOptions/OriginTls@CaFile",
        message: expect.stringContaining(message),
      },
    ]);
  });
});
