import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disksOf, type EdgeConfiguration, type EdgePorts, renderServerXml, renderVhostsXml } from "./options.ts";

/** Socket paths are limited to some 100 bytes: a home under a longer temporary folder goes to the system's own. */
const LONGEST_PARENT = 60;

export const createHome = (): Promise<string> => {
  const parent = tmpdir();
  return mkdtemp(join(parent.length > LONGEST_PARENT ? "/tmp" : parent, "basalt-test-"));
};

/** Makes the disk folders; what a scene has put in their place stays. */
export const createDisks = async (home: string, configuration: EdgeConfiguration): Promise<void> => {
  for (const { path } of disksOf(configuration, home)) await mkdir(path, { recursive: true }).catch(() => undefined);
};

/** Writes both XML files and every condition file; files of an earlier configuration are removed. */
export const writeHome = async (home: string, configuration: EdgeConfiguration, ports: EdgePorts): Promise<void> => {
  await rm(join(home, "svc"), { recursive: true, force: true });
  for (const vhost of configuration.vhosts) {
    for (const [name, text] of Object.entries(vhost.conditions ?? {})) {
      await mkdir(join(home, "svc", vhost.name), { recursive: true });
      await writeFile(join(home, "svc", vhost.name, name), text);
    }
  }
  await writeFile(join(home, "server.xml"), renderServerXml(configuration, ports, home));
  await writeFile(join(home, "vhosts.xml"), renderVhostsXml(configuration, ports));
};

/** Everything under `log/`, file after file. */
export const readLogs = async (home: string): Promise<string> => {
  const folder = join(home, "log");
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    names.sort().map(async (name) => `--- ${name}\n${await readFile(join(folder, name), "utf8").catch(() => "")}`),
  );
  return texts.join("\n");
};

export const removeHome = (home: string): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 5 });
