import { defineConfig } from "vitest/config";

const conditions = ["@basalt/source", "node", "import", "default"];
const resolution = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const common = { pool: "forks", maxWorkers: 2 } as const;

/** Limits are there for what hangs: on a busy machine everything takes its time. */
const unitLimits = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };
const sceneLimits = { testTimeout: 180_000, hookTimeout: 180_000, expect: { poll: { timeout: 60_000 } } };

/** Decisions and formats without a state of their own: their modules are loaded once for all test files of a worker. */
const PURE = ["packages/{config,http,management,media,policy}/test/**/*.test.ts"];

/** Tests that start whole instances, kill processes or run tools. */
const SCENES = [
  "packages/testkit/test/**/*.test.ts",
  "packages/store/test/crash/*.test.ts",
  "apps/cli/test/**/*.test.ts",
  "infra/*/test/**/*.test.ts",
];

/** What counts in whole seconds. */
const ALONE = ["infra/conformance/test/**/*.test.ts"];

/** A scene that fails in CI is played once more; `scripts/test` names those that needed it. */
const scenes = { ...common, ...sceneLimits, retry: process.env.CI === undefined ? 0 : 1 };

export default defineConfig({
  ...resolution,
  test: {
    coverage: { provider: "v8", include: ["packages/*/src/**", "apps/*/src/**"], reporter: ["text-summary", "html"] },
    projects: [
      {
        ...resolution,
        test: {
          ...common,
          ...unitLimits,
          name: "pure",
          include: PURE,
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...resolution,
        test: {
          ...common,
          ...unitLimits,
          name: "units",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "scripts/lib/test/**/*.test.ts"],
          exclude: [...SCENES, ...PURE],
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...resolution,
        test: { ...scenes, name: "scenes", include: SCENES, exclude: ALONE, sequence: { groupOrder: 2 } },
      },
      {
        ...resolution,
        test: { ...scenes, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 3 } },
      },
    ],
  },
});
