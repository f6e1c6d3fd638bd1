import { defineConfig } from "vitest/config";

const conditions = ["@basalt/source", "node", "import", "default"];
const resolution = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const common = { testTimeout: 20_000, pool: "forks" } as const;

/** Tests that start whole instances, kill processes or run tools: one file at a time, so that none disturbs another. */
const SCENES = [
  "packages/testkit/test/**/*.test.ts",
  "packages/store/test/crash/*.test.ts",
  "apps/cli/test/**/*.test.ts",
  "infra/*/test/**/*.test.ts",
];

export default defineConfig({
  ...resolution,
  test: {
    coverage: { provider: "v8", include: ["packages/*/src/**", "apps/*/src/**"], reporter: ["text-summary", "html"] },
    projects: [
      {
        ...resolution,
        test: {
          ...common,
          name: "units",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "scripts/lib/test/**/*.test.ts"],
          exclude: SCENES,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...resolution,
        test: { ...common, name: "scenes", include: SCENES, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
