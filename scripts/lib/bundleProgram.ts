import { readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Plugin } from "esbuild";

const checkout = join(import.meta.dirname, "..", "..");

const ENTRIES = {
  index: "apps/cli/src/index.ts",
  main: "apps/cli/src/main.ts",
  launcher: "apps/cli/src/launcher.ts",
  primary: "apps/edge/src/primary.ts",
  worker: "apps/edge/src/worker.ts",
  uploadHost: "apps/edge/src/uploadHost.ts",
  logHost: "apps/edge/src/logHost.ts",
  graphThread: "apps/edge/src/graphThread.ts",
  checkpointThread: "packages/store/src/diskIndex/checkpointThread.ts",
  transformHost: "outside:@basalt/edge/transform-host",
};

/** Code of the transform host is for the few that need it, with binaries and threads of its own: it stays in its packages. */
const outsideEntries: Plugin = {
  name: "entries that stay outside",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^outside:/ }, ({ path }) => ({ path: path.slice("outside:".length), namespace: "outside" }));
    onLoad({ filter: /.*/, namespace: "outside" }, ({ path }) => ({ contents: `import ${JSON.stringify(path)};` }));
    onResolve({ filter: /.*/, namespace: "outside" }, ({ path }) => ({ path, external: true }));
  },
};

/** Packages with binaries, each with the packages through which it is found from the program's own. */
const NATIVE = new Map([
  ["better-sqlite3", ["@basalt/edge/primary", "@basalt/store"]],
  ["koffi", ["@basalt/edge/primary", "@basalt/server"]],
]);

const nativePackages: Plugin = {
  name: "native packages",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^[^./]/ }, ({ path }) => (NATIVE.has(path) ? { path, namespace: "native" } : undefined));
    onLoad({ filter: /.*/, namespace: "native" }, ({ path }) => {
      const steps = (NATIVE.get(path) ?? []).map((step) => `at = createRequire(at).resolve(${JSON.stringify(step)});`);
      const find = [
        "let at = import.meta.url;",
        ...steps,
        `export default createRequire(at)(${JSON.stringify(path)});`,
      ];
      return { contents: ['import { createRequire } from "node:module";', ...find].join("\n") };
    });
  },
};

/** For those that are CommonJS. */
const REQUIRE_FOR_LIBRARIES =
  'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);';

interface Bundle {
  readonly name: string;
  readonly source: string;
  readonly folder: string;
  readonly plugins: readonly Plugin[];
}

/** Each by itself, so that it holds only what its process needs and V8 keeps just that compiled. */
const bundle = async ({ name, source, folder, plugins }: Bundle): Promise<readonly string[]> => {
  const { metafile } = await build({
    absWorkingDir: checkout,
    entryPoints: { [name]: source },
    chunkNames: `${name}-[hash]`,
    outdir: folder,
    bundle: true,
    // What is imported while the process runs is in files of its own.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    conditions: ["@basalt/source"],
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: "warning",
    plugins: [outsideEntries, nativePackages, ...plugins],
    banner: { js: REQUIRE_FOR_LIBRARIES },
  });
  return Object.keys(metafile.outputs).map((path) => basename(path));
};

/**
 * Bundles the program: a file for each process and thread that is needed to serve. Hundreds of modules, each found and
 * read by itself, take three times as long to load. `folder` lies in `apps/cli`, from where the packages with binaries
 * are found; other scripts in it are removed.
 */
export async function bundleProgram(folder: string, plugins: readonly Plugin[] = []): Promise<void> {
  const bundles = Object.entries(ENTRIES).map(([name, source]) => bundle({ name, source, folder, plugins }));
  const made = new Set((await Promise.all(bundles)).flat());
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (/\.js(\.map)?$/.test(path) && !made.has(path)) rmSync(join(folder, path));
  }
}
