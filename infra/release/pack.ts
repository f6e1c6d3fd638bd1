import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PRODUCT_VERSION } from "../../packages/types/src/index.ts";
import { print } from "../lib/print.ts";
import { isKept } from "./keptFiles.ts";
import { placePackages } from "./packageTree.ts";

/** Packs what was built, with the runtime and all libraries, into an archive that needs nothing else to run. */

const checkout = join(import.meta.dirname, "..", "..");
const { values } = parseArgs({
  options: { out: { type: "string", default: join(checkout, ".basalt", "release") }, folder: { type: "boolean" } },
});

const architecture = process.arch;
const name = `basalt-${PRODUCT_VERSION}-linux-${architecture}`;
const out = resolve(values.out);
const folder = join(out, name);

if (!existsSync(join(checkout, "apps", "cli", "dist", "main.js"))) throw new Error("apps/cli is not built");
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "runtime"), { recursive: true });
mkdirSync(join(folder, "bin"));

const packages = placePackages(join(checkout, "apps", "cli"));
for (const placed of packages) {
  const to = join(folder, "app", placed.to);
  mkdirSync(to, { recursive: true });
  cpSync(placed.from, to, {
    recursive: true,
    dereference: true,
    filter: (source) => isKept(placed, relative(placed.from, source), architecture),
  });
}

const runtime = realpathSync(join(checkout, "node_modules", `node-linux-${architecture}`));
cpSync(join(runtime, "bin", "node"), join(folder, "runtime", "node"));
cpSync(join(runtime, "LICENSE"), join(folder, "runtime", "LICENSE"));
chmodSync(join(folder, "runtime", "node"), 0o755);

for (const file of ["install.sh", "uninstall.sh", "server.xml.default", "vhosts.xml.default"]) {
  cpSync(join(checkout, "infra", "install", file), join(folder, file));
}
for (const file of ["LICENSE", "README.md", "CHANGELOG.md"]) {
  if (existsSync(join(checkout, file))) cpSync(join(checkout, file), join(folder, file));
}
cpSync(join(checkout, "infra", "systemd"), join(folder, "systemd"), { recursive: true });
cpSync(join(checkout, "docs", "operations.md"), join(folder, "operations.md"));
writeFileSync(join(folder, "VERSION"), `${PRODUCT_VERSION}\n`);
writeFileSync(join(folder, "PACKAGES"), packages.map(({ name: one, version }) => `${one} ${version}\n`).join(""));
writeFileSync(
  join(folder, "bin", "basalt"),
  `#!/bin/sh
release=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$release/runtime/node" "$release/app/node_modules/@basalt/cli/dist/main.js" "$@"
`,
);
chmodSync(join(folder, "bin", "basalt"), 0o755);

if (values.folder === true) {
  print(folder);
} else {
  const archive = `${folder}.tar.gz`;
  // The same checkout gives the same bytes: no names, no moments, one order.
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", `--mtime=@${commitSeconds()}`];
  execFileSync("tar", ["-C", out, ...fixed, "--use-compress-program=gzip -n", "-cf", archive, name]);
  rmSync(folder, { recursive: true });
  const [digest = ""] = execFileSync("sha256sum", [archive], { encoding: "utf8" }).split(" ");
  writeFileSync(`${archive}.sha256`, `${digest}  ${name}.tar.gz\n`);
  print(archive);
}

function commitSeconds(): string {
  try {
    return execFileSync("git", ["-C", checkout, "log", "-1", "--format=%ct"], { encoding: "utf8" }).trim();
  } catch {
    return String(Math.floor(Number(readFileSync("/proc/stat", "utf8").match(/^btime (\d+)$/m)?.[1] ?? 0)));
  }
}
