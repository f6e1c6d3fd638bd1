/**
 * Layers of the packages: a package may import those of smaller numbers, never sideways.
 * Development packages are for tests only. `edge` is below the other applications because the command line
 * finds the programs it starts through it.
 */
export const PACKAGE_LAYERS: Readonly<Record<string, number>> = {
  types: 0,
  http: 1,
  media: 1,
  config: 2,
  policy: 3,
  store: 4,
  origin: 4,
  transform: 4,
  telemetry: 4,
  ipc: 4,
  cache: 5,
  server: 6,
  filesystem: 6,
  management: 6,
  testkit: 7,
  edge: 8,
  cli: 9,
  console: 9,
};

export const DEVELOPMENT_PACKAGES: ReadonlySet<string> = new Set(["testkit"]);

export const LAYER_NAMES: readonly string[] = [
  "words and units",
  "formats",
  "configuration",
  "decisions",
  "capabilities",
  "life of an object",
  "faces",
  "development",
  "composition",
  "tools",
];
